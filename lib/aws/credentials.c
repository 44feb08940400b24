#include "aws/credentials.h"

#include <string.h>

#include "aws/session.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum { REFRESH_MS = 15 * 60 * 1000, USABLE_MS = 60 * 1000 };

static const struct provider {
    const char *name;
    aws_provider *ask;
    const char *configured[2]; /* by either of these variables */
} chain[] = {
    {"environment variables", aws_credentials_env, {"AWS_ACCESS_KEY_ID"}},
    {"web identity", aws_credentials_web, {"AWS_WEB_IDENTITY_TOKEN_FILE"}},
    {"container endpoint",
     aws_credentials_container,
     {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}},
    {"profile files", aws_credentials_profile, {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}},
    {AWS_SOURCE_INSTANCE, aws_credentials_instance, {NULL}},
};
enum { ENVIRONMENT = 0, CONTAINER = 2, PROFILE = 3 };

/* The variable that configures a provider, or NULL. */
static const char *variable_of(const struct env *env, const struct provider *provider)
{
    for (size_t i = 0; i < COUNT(provider->configured); i++) {
        const char *name = provider->configured[i];
        if (name && env_value(env, name)) {
            return name;
        }
    }
    return NULL;
}

/* Keys without a token stay when everybody has forgotten them; a token was put there today. */
static bool is_surprising(size_t winner, size_t hidden, const struct aws_credentials *credentials)
{
    bool forgotten = winner == ENVIRONMENT && !secret_is_set(&credentials->session_token);
    return hidden <= CONTAINER ? forgotten : hidden == PROFILE && winner == CONTAINER;
}

static void warn(const char *winner, const char *hidden)
{
    struct error error = {0};
    error_set(&error, ERROR_DENIED, "AWS credentials come from %s, and hide %s", winner, hidden);
    error_hint(&error, "When the role is meant, unset what is in front of it.");
    log_trouble(LOG_WARN, NULL, &error);
}

static void tell(const struct env *env, size_t winner, const struct aws_credentials *credentials)
{
    static bool told;
    AUTO(buf) struct buf hidden = buf_make(512);
    bool surprising = false;
    buf_text(&hidden, "");
    for (size_t i = winner + 1; i < COUNT(chain); i++) {
        const char *variable = variable_of(env, &chain[i]);
        if (variable) {
            buf_format(&hidden, "%s%s (%s)", hidden.length ? ", " : "", chain[i].name, variable);
            surprising |= is_surprising(winner, i, credentials);
        }
    }
    if (!told && surprising) {
        warn(chain[winner].name, hidden.data);
    } else if (!told) {
        log_debug("AWS credentials were found", LOG_TEXT("source", chain[winner].name),
                  LOG_TEXT("passed_over", hidden.length ? hidden.data : "none"));
    }
    told = true;
}

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
            tell(aws->env, i, out_credentials);
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
