#include "aws/credentials.h"

#include <string.h>

#include "aws/session.h"
#include "base/clock.h"
#include "base/text.h"

enum { REFRESH_MS = 15 * 60 * 1000, USABLE_MS = 60 * 1000 };

static aws_provider *const chain[] = {aws_credentials_env, aws_credentials_container};

/* Configuration that other tools read and this program does not: better said than passed over. */
static const char *const unread[] = {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_PROFILE",
                                     "AWS_SHARED_CREDENTIALS_FILE"};

static bool none_found(const struct env *env, struct error *err)
{
    error_set(err, ERROR_DENIED,
              "no AWS credentials: neither AWS_ACCESS_KEY_ID nor "
              "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is "
              "set");
    error_code(err, "NoCredentials");
    for (size_t i = 0; i < COUNT(unread); i++) {
        if (env_value(env, unread[i])) {
            return error_hint(err,
                              "%s is set, but credentials from there are not supported yet: give "
                              "the ECS task definition a task role (taskRoleArn), or set "
                              "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
                              unread[i]);
        }
    }
    return error_hint(err, "On ECS give the task definition a task role (taskRoleArn, not only the "
                           "execution role); a shell started inside the container does not always "
                           "inherit the variable. Elsewhere set AWS_ACCESS_KEY_ID and "
                           "AWS_SECRET_ACCESS_KEY.");
}

static bool find(struct aws *aws, struct aws_limit *limit, struct aws_credentials *out_credentials,
                 struct error *err)
{
    for (size_t i = 0; i < COUNT(chain); i++) {
        if (!chain[i](aws, limit, out_credentials, err)) {
            return false;
        }
        if (*out_credentials->access_key_id) {
            return true;
        }
    }
    return none_found(aws->env, err);
}

static bool lasts(const struct aws_credentials *credentials, int64_t ms)
{
    return *credentials->access_key_id &&
           (credentials->expires_ms == INT64_MAX || credentials->expires_ms - clock_wall_ms() > ms);
}

bool aws_credentials_ready(struct aws *aws, struct aws_limit *limit, struct error *err)
{
    if (lasts(&aws->credentials, REFRESH_MS)) {
        return true;
    }
    struct aws_credentials fresh = {0};
    struct error why = {0};
    if (find(aws, limit, &fresh, &why)) {
        aws_credentials_clear(&aws->credentials);
        aws->credentials = fresh;
        return true;
    }
    if (lasts(&aws->credentials, USABLE_MS)) {
        return true;
    }
    *err = why;
    return false;
}

void aws_credentials_forget(struct aws *aws)
{
    aws_credentials_clear(&aws->credentials);
}

bool aws_credentials_is_plain(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at >= 0x7F) {
            return false;
        }
    }
    return !text_empty(text);
}

void aws_credentials_clear(struct aws_credentials *credentials)
{
    secret_clear(&credentials->secret_key);
    secret_clear(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}
