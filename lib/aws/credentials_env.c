#include <string.h>

#include "aws/credentials.h"
#include "aws/session.h"
#include "base/text.h"

static bool half_set(struct error *err, const char *have, const char *lack)
{
    error_set(err, ERROR_DENIED, "%s is set, but %s is not", have, lack);
    error_code(err, "HalfCredentials");
    return error_hint(err, "Set both. On ECS unset both, so that the task role is used.");
}

/* What is pasted wrongly has a line end or a blank, and would only show as a wrong signature. */
static bool check_plain(const struct env *env, const char *name, struct error *err)
{
    const char *value = env_value(env, name);
    if (!value || aws_credentials_is_plain(value)) {
        return true;
    }
    error_set(err, ERROR_DENIED, "%s has a blank, a line end or a character outside ASCII", name);
    error_code(err, "BadCredentials");
    return error_hint(err, "Look how it gets into the task definition: a secret that was made from "
                           "a file often ends with a line end.");
}

bool aws_credentials_env(struct aws *aws, struct aws_limit *limit,
                         struct aws_credentials *out_credentials, struct error *err)
{
    (void)limit;
    const char *id = env_value(aws->env, "AWS_ACCESS_KEY_ID");
    const char *secret_key = env_value(aws->env, "AWS_SECRET_ACCESS_KEY");
    env_conceal(aws->env, "AWS_SECRET_ACCESS_KEY");
    env_conceal(aws->env, "AWS_SESSION_TOKEN");
    if (!id && !secret_key) {
        return true;
    }
    if (!id) {
        return half_set(err, "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID");
    }
    if (!secret_key) {
        return half_set(err, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    }
    if (!check_plain(aws->env, "AWS_ACCESS_KEY_ID", err) ||
        !check_plain(aws->env, "AWS_SECRET_ACCESS_KEY", err) ||
        !check_plain(aws->env, "AWS_SESSION_TOKEN", err)) {
        return false;
    }
    struct aws_credentials found = {.expires_ms = INT64_MAX, .source = "environment variables"};
    if (strlen(id) >= sizeof found.access_key_id) {
        error_set(err, ERROR_DENIED, "AWS_ACCESS_KEY_ID is longer than any access key id");
        return error_hint(err, "It has some 20 characters and begins with AKIA or ASIA.");
    }
    text_copy(found.access_key_id, sizeof found.access_key_id, id);
    secret_set(&found.secret_key, secret_key);
    secret_set(&found.session_token, env_value(aws->env, "AWS_SESSION_TOKEN"));
    *out_credentials = found;
    return true;
}
