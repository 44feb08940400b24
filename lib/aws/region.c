#include "aws/region.h"

#include <string.h>

#include "aws/imds.h"
#include "aws/profile.h"
#include "base/text.h"

static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

static bool is_region(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < AWS_REGION_SIZE && !text[length];
}

static bool take(const char *from, const char *value, char out_region[AWS_REGION_SIZE],
                 struct error *err)
{
    if (!is_region(value)) {
        error_set(err, ERROR_INVALID, "%s is not the name of a region", from);
        return error_hint(err, "A region reads eu-west-3.");
    }
    text_copy(out_region, AWS_REGION_SIZE, value);
    return true;
}

/* Leaves out_region empty when the profile has none, or there is no such profile. */
static bool find_in_profile(const struct env *env, char out_region[AWS_REGION_SIZE],
                            struct error *err)
{
    AUTO(aws_profiles) struct aws_profiles profiles = {0};
    const char *asked = aws_profile_asked(env);
    if (!aws_profiles_read(env, &profiles, err)) {
        return false;
    }
    const char *value = aws_profiles_get(&profiles, asked ? asked : "default", "region");
    return !value || take("the profile's region", value, out_region, err);
}

/* Only an instance whose credentials we use is asked where it is: elsewhere nobody may be there.
 * Leaves out_region empty when it is not one, or does not say. */
static bool find_by_instance(struct aws *aws, struct aws_limit *limit,
                             char out_region[AWS_REGION_SIZE], struct error *err)
{
    if (aws->find && !aws_credentials_ready(aws, limit, err)) {
        return false;
    }
    if (!text_same(aws->credentials.source, AWS_SOURCE_INSTANCE)) {
        return true;
    }
    AUTO(aws_imds) struct aws_imds imds = {0};
    AUTO(buf) struct buf answer = buf_make(1024);
    AUTO(buf) struct buf why = buf_make(512);
    if (!aws_imds_open(aws, limit, &imds, &why, err)) {
        return false;
    }
    return !secret_is_set(&imds.token) ||
           (aws_imds_get(&imds, "placement/region", limit, &answer, err) &&
            take("the instance's region", answer.data, out_region, err));
}

bool aws_region_find(struct aws *aws, struct aws_limit *limit, char out_region[AWS_REGION_SIZE],
                     struct error *err)
{
    char found[AWS_REGION_SIZE] = "";
    for (size_t i = 0; i < COUNT(variables); i++) {
        const char *value = env_value(aws->env, variables[i]);
        if (value) {
            return take(variables[i], value, out_region, err);
        }
    }
    text_copy(found, sizeof found, aws->task_region);
    if ((!*found && !find_in_profile(aws->env, found, err)) ||
        (!*found && !find_by_instance(aws, limit, found, err))) {
        return false;
    }
    if (*found) {
        text_copy(out_region, AWS_REGION_SIZE, found);
        return true;
    }
    error_set(err, ERROR_INVALID, "no AWS region is known");
    error_code(err, "NoRegion");
    return error_hint(err, "Set AWS_REGION, as ECS does by itself.");
}
