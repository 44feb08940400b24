#include "aws/region.h"

#include <string.h>

#include "base/text.h"

static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

static bool is_region(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < AWS_REGION_SIZE && !text[length];
}

bool aws_region_find(struct aws *aws, struct aws_limit *limit, char out_region[AWS_REGION_SIZE],
                     struct error *err)
{
    (void)limit;
    for (size_t i = 0; i < COUNT(variables); i++) {
        const char *value = env_value(aws->env, variables[i]);
        if (text_empty(value)) {
            continue;
        }
        if (!is_region(value)) {
            error_set(err, ERROR_INVALID, "%s is not the name of a region", variables[i]);
            return error_hint(err, "A region reads eu-west-3.");
        }
        text_copy(out_region, AWS_REGION_SIZE, value);
        return true;
    }
    if (*aws->task_region) {
        text_copy(out_region, AWS_REGION_SIZE, aws->task_region);
        return true;
    }
    error_set(err, ERROR_INVALID, "no AWS region is known");
    return error_hint(err, "Set AWS_REGION, as ECS does by itself.");
}
