#include <string.h>

#include "aws/credentials.h"
#include "base/text.h"

static bool refuse(struct error *err, const char *code, const char *hint)
{
    error_code(err, "%s", code);
    return error_hint(err, "%s", hint);
}

static bool half_set(struct error *err, const char *have, const char *lack)
{
    error_set(err, ERROR_DENIED, "%s is set, but %s is not", have, lack);
    return refuse(err, "HalfCredentials",
                  "Set both, or neither. On ECS set neither, so that the task role is used.");
}

/* What is pasted wrongly would only show as a signature that AWS refuses. */
static bool check_plain(const char *name, const char *value, struct error *err)
{
    if (!value) {
        return true;
    }
    if (!aws_credentials_is_plain(value)) {
        error_set(err, ERROR_DENIED, "%s has a blank, a line end or a character outside ASCII",
                  name);
        return refuse(err, "BadCredentials",
                      "Look how it gets there: a secret that was made from a file often ends with "
                      "a line end.");
    }
    size_t length = strlen(value);
    if (strchr("\"'", value[0]) || strchr("\"'", value[length - 1])) {
        error_set(err, ERROR_DENIED, "%s has quotes around it", name);
        return refuse(err, "BadCredentials",
                      "Take the quotes out: neither Docker's --env-file nor a task definition nor "
                      "a profile file removes them.");
    }
    return true;
}

static bool is_key_id(const char *text)
{
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    struct aws_credentials to_hold;
    return text[strspn(text, word)] == '\0' && strlen(text) < sizeof to_hold.access_key_id;
}

static bool check_whole(const char *const names[3], const char *const values[3], struct error *err)
{
    if (!values[0] && !values[1]) {
        error_set(err, ERROR_DENIED, "%s is set, but %s and %s are not", names[2], names[0],
                  names[1]);
        return refuse(err, "HalfCredentials",
                      "The token is one of three parts: set all three, or none.");
    }
    if (!values[0] || !values[1]) {
        return half_set(err, names[values[0] ? 0 : 1], names[values[0] ? 1 : 0]);
    }
    return true;
}

bool aws_credentials_typed(const char *const names[3], const char *const values[3],
                           struct aws_credentials *out_credentials, struct error *err)
{
    if (!check_whole(names, values, err)) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (!check_plain(names[i], values[i], err)) {
            return false;
        }
    }
    if (!is_key_id(values[0])) {
        error_set(err, ERROR_DENIED, "%s is no access key id", names[0]);
        return refuse(
            err, "BadCredentials",
            "It has some 20 letters and digits and begins with AKIA or ASIA; look whether "
            "it was exchanged with the secret key.");
    }
    if (text_starts(values[0], "ASIA") && !values[2]) {
        error_set(err, ERROR_DENIED, "%s is of a temporary key, but %s is not set", names[0],
                  names[2]);
        return refuse(err, "HalfCredentials",
                      "Temporary credentials have three parts: set the token too, or use a key "
                      "that begins with AKIA.");
    }
    struct aws_credentials found = {.expires_ms = INT64_MAX};
    text_copy(found.access_key_id, sizeof found.access_key_id, values[0]);
    secret_set(&found.secret_key, values[1]);
    secret_set(&found.session_token, values[2]);
    *out_credentials = found;
    return true;
}
