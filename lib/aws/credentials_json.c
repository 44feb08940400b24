#include <string.h>

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

static bool bad_answer(struct error *err, const char *who, const char *what)
{
    error_set(err, ERROR_UNREACHABLE, "%s answered %s", who, what);
    return error_code(err, "BadCredentials");
}

bool aws_credentials_parse(const char *who, const char *text, size_t length,
                           struct aws_credentials *out_credentials, struct error *err)
{
    AUTO(json) json_t *answer = NULL;
    struct error why;
    if (!json_read(text, length, &answer, &why)) {
        return bad_answer(err, who, "something that is not JSON");
    }
    const char *id = json_text(answer, "AccessKeyId");
    const char *secret_key = json_text(answer, "SecretAccessKey");
    const char *token = json_text(answer, "Token");
    const char *expiration = json_text(answer, "Expiration");
    struct aws_credentials found = {.expires_ms = INT64_MAX};
    if (!id || !secret_key) {
        return bad_answer(err, who, "JSON without AccessKeyId and SecretAccessKey");
    }
    if (!aws_credentials_is_plain(id) || strlen(id) >= sizeof found.access_key_id ||
        !aws_credentials_is_plain(secret_key) || (token && !aws_credentials_is_plain(token))) {
        return bad_answer(err, who, "credentials with characters that none have");
    }
    if (expiration && !clock_parse(expiration, &found.expires_ms)) {
        return bad_answer(err, who, "an Expiration that is no time");
    }
    text_copy(found.access_key_id, sizeof found.access_key_id, id);
    secret_set(&found.secret_key, secret_key);
    secret_set(&found.session_token, token);
    *out_credentials = found;
    return true;
}
