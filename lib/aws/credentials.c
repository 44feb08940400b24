#include "aws/credentials.h"

#include <string.h>

#include "aws/session.h"
#include "base/clock.h"
#include "base/text.h"

enum { REFRESH_MS = 15 * 60 * 1000, USABLE_MS = 60 * 1000 };

static const struct provider {
    const char *name;
    aws_provider *ask;
} chain[] = {
    {"environment variables", aws_credentials_env},
    {"web identity", aws_credentials_web},
    {"container endpoint", aws_credentials_container},
};

static bool none_found(const struct buf *whys, struct error *err)
{
    error_set(err, ERROR_DENIED, "no AWS credentials: %s", whys->data);
    error_code(err, "NoCredentials");
    return error_hint(err, "On ECS give the task definition a task role (taskRoleArn, not only the "
                           "execution role); a shell started inside the container does not always "
                           "inherit the variable. Elsewhere set AWS_ACCESS_KEY_ID and "
                           "AWS_SECRET_ACCESS_KEY.");
}

bool aws_credentials_chain(struct aws *aws, struct aws_limit *limit,
                           struct aws_credentials *out_credentials, struct error *err)
{
    AUTO(buf) struct buf whys = buf_make(1400);
    for (size_t i = 0; i < COUNT(chain); i++) {
        AUTO(buf) struct buf why = buf_make(512);
        if (!chain[i].ask(aws, limit, out_credentials, &why, err)) {
            return false;
        }
        if (*out_credentials->access_key_id) {
            return true;
        }
        buf_format(&whys, "%s%s (%s)", i ? ", " : "", chain[i].name, why.data);
    }
    return none_found(&whys, err);
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
    if (!aws->find) {
        return *aws->credentials.access_key_id ||
               error_set(err, ERROR_DENIED, "no AWS credentials");
    }
    if (aws->find(aws, limit, &fresh, &why)) {
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
    if (aws->find) {
        aws_credentials_clear(&aws->credentials);
    }
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
