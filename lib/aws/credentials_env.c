#include <string.h>

#include "aws/credentials.h"
#include "aws/session.h"
#include "base/clock.h"
#include "base/text.h"

static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                    "AWS_SESSION_TOKEN"};
static const char expiry_name[] = "AWS_CREDENTIAL_EXPIRATION";

/* Tools that hand out temporary keys say when they end, and renew nothing by themselves. */
static bool read_expiry(const struct env *env, int64_t *out_ms, struct error *err)
{
    const char *value = env_value(env, expiry_name);
    if (!value) {
        return true;
    }
    int64_t ends_ms = 0;
    if (!clock_parse(value, &ends_ms)) {
        error_set(err, ERROR_DENIED, "%s is not a time", expiry_name);
        error_code(err, "BadCredentials");
        return error_hint(err, "It reads 2031-03-14T15:20:11Z; or unset it.");
    }
    if (ends_ms <= clock_wall_ms()) {
        error_set(err, ERROR_DENIED, "the credentials in %s ran out at %s (%s)", names[0], value,
                  expiry_name);
        error_code(err, "ExpiredToken");
        return error_hint(err, "Renew all of them; on ECS unset all of them, so that the task role "
                               "is used.");
    }
    *out_ms = ends_ms;
    return true;
}

bool aws_credentials_env(struct aws *aws, struct aws_limit *limit,
                         struct aws_credentials *out_credentials, struct buf *why,
                         struct error *err)
{
    (void)limit;
    const char *values[COUNT(names)];
    bool any = false;
    for (size_t i = 0; i < COUNT(names); i++) {
        values[i] = env_value(aws->env, names[i]);
        any |= values[i] != NULL;
    }
    env_conceal(aws->env, names[1]);
    env_conceal(aws->env, names[2]);
    if (!any) {
        buf_format(why, "%s is not set", names[0]);
        return true;
    }
    AUTO(aws_credentials) struct aws_credentials found = {0};
    if (!aws_credentials_typed(names, values, &found, err) ||
        !read_expiry(aws->env, &found.expires_ms, err)) {
        return false;
    }
    found.source = "environment variables";
    *out_credentials = found;
    found = (struct aws_credentials){0};
    return true;
}
