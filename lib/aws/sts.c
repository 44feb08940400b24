#include "aws/sts.h"

#include <inttypes.h>
#include <string.h>

#include "aws/call.h"
#include "aws/region.h"
#include "aws/url.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

enum {
    ATTEMPTS = 3,
    PAUSE_MS = 1000,
    TIMEOUT_MS = 10000,
    TOKEN_MAX = 20000, /* STS's own limit */
    BODY_MAX = 3 * TOKEN_MAX + 8192,
    ANSWER_MAX = 65536,
    PART_MAX = 16384,
};

static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";

static bool is_role_arn(const char *text)
{
    const char *rest = text_starts(text, "arn:aws") ? strstr(text, ":iam::") : NULL;
    if (!rest || strlen(text) >= AWS_ROLE_ARN_SIZE || !aws_credentials_is_plain(text)) {
        return false;
    }
    rest += strlen(":iam::");
    return strspn(rest, "0123456789") == 12 && text_starts(rest + 12, ":role/") &&
           rest[strlen("123456789012:role/")] != '\0' && !text_ends(rest, "/");
}

static void name_session(char name[AWS_ROLE_SESSION_SIZE])
{
    struct buf made = buf_make(AWS_ROLE_SESSION_SIZE - 1);
    buf_format(&made, "postlude-%" PRId64, clock_wall_ms() / 1000);
    text_copy(name, AWS_ROLE_SESSION_SIZE, made.data);
    buf_free(&made);
}

bool aws_sts_role(const char *role_arn, const char *session_name, struct aws_role *out_role,
                  struct error *err)
{
    struct aws_role role = {0};
    if (text_empty(role_arn) || !is_role_arn(role_arn)) {
        error_set(err, ERROR_INVALID, "not the ARN of a role");
        return error_hint(err, "The ARN of a role reads arn:aws:iam::210987654321:role/name.");
    }
    text_copy(role.arn, sizeof role.arn, role_arn);
    name_session(role.session_name);
    if (!text_empty(session_name)) {
        size_t length = strlen(session_name);
        if (length < 2 || length >= sizeof role.session_name ||
            strspn(session_name, word) != length) {
            error_set(err, ERROR_INVALID, "not a role session name");
            return error_hint(err, "It has 2 to 64 characters out of A-Z a-z 0-9 _ + = , . @ and "
                                   "-.");
        }
        text_copy(role.session_name, sizeof role.session_name, session_name);
    }
    *out_role = role;
    return true;
}

/* The text of an element, as long as it could be part of credentials. */
static bool read_part(const char *xml, size_t length, const char *tag, struct buf *out)
{
    *out = buf_make(PART_MAX);
    return aws_xml_text(xml, length, tag, out) && !out->full && strlen(out->data) == out->length &&
           aws_credentials_is_plain(out->data);
}

bool aws_sts_read(const char *xml, size_t length, struct aws_credentials *out_credentials)
{
    struct aws_credentials found = {.source = "STS"};
    struct buf id = {0};
    struct buf secret_key = {0};
    struct buf token = {0};
    struct buf expiration = {0};
    bool read = read_part(xml, length, "AccessKeyId", &id) &&
                id.length < sizeof found.access_key_id &&
                read_part(xml, length, "SecretAccessKey", &secret_key) &&
                read_part(xml, length, "SessionToken", &token) &&
                read_part(xml, length, "Expiration", &expiration) &&
                clock_parse(expiration.data, &found.expires_ms);
    if (read) {
        text_copy(found.access_key_id, sizeof found.access_key_id, id.data);
        secret_set(&found.secret_key, secret_key.data);
        secret_set(&found.session_token, token.data);
        *out_credentials = found;
    }
    buf_free(&id);
    buf_wipe(&secret_key);
    buf_wipe(&token);
    buf_free(&expiration);
    return read;
}

static void add_parameter(struct buf *out, const char *name, const char *value)
{
    buf_format(out, "&%s=", name);
    aws_url_encode(out, value, strlen(value), "");
}

static void add_role(struct buf *body, const char *action, const struct aws_role *role)
{
    buf_format(body, "Action=%s&Version=2011-06-15", action);
    add_parameter(body, "RoleArn", role->arn);
    add_parameter(body, "RoleSessionName", role->session_name);
    if (role->external_id) {
        add_parameter(body, "ExternalId", role->external_id);
    }
    if (role->duration_s > 0) {
        buf_format(body, "&DurationSeconds=%" PRId64, role->duration_s);
    }
}

static bool not_sts(const struct aws_endpoint *endpoint, struct error *err)
{
    error_set(err, ERROR_DENIED, "%s answered 200 with something that is not an answer of STS",
              endpoint->url);
    error_code(err, "200");
    return error_hint(err, "Check %s and HTTPS_PROXY: something else than STS took the request.",
                      endpoint->variable ? endpoint->variable : "AWS_ENDPOINT_URL_STS");
}

static bool send(struct aws *aws, const struct aws_call *call, struct aws_limit *limit,
                 struct aws_credentials *out_credentials, struct error *err)
{
    AUTO(aws_http) struct aws_http_response response = {0};
    struct aws_fault fault;
    if (!aws_call_send(aws, call, limit, &response, &fault, err)) {
        return false;
    }
    const struct buf *answer = &response.body;
    return (answer->data && aws_sts_read(answer->data, answer->length, out_credentials)) ||
           not_sts(call->endpoint, err);
}

/* A question to STS. */
struct question {
    const struct aws_role *role;
    const struct buf *body;
    bool open;
};

static bool ask(struct aws *aws, const struct question *question, struct aws_limit *limit,
                struct aws_credentials *out_credentials, struct error *err)
{
    char region[AWS_REGION_SIZE];
    struct aws_endpoint endpoint;
    if (!aws_region_find(aws, limit, region, err) ||
        !aws_endpoint_find(aws->env, AWS_STS, region, &endpoint, err)) {
        return false;
    }
    const struct aws_call call = {
        .endpoint = &endpoint,
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .open = question->open,
        .body = question->body->data,
        .body_length = question->body->length,
        .response_max = ANSWER_MAX,
        .attempts = ATTEMPTS,
        .pause_ms = PAUSE_MS,
        .timeout_ms = TIMEOUT_MS,
    };
    bool given = send(aws, &call, limit, out_credentials, err);
    if (!given) {
        aws_sts_advise(question->role->arn, &endpoint, err);
    }
    return given;
}

bool aws_sts_assume(struct aws *base, const struct aws_role *role, struct aws_limit *limit,
                    struct aws_credentials *out_credentials, struct error *err)
{
    AUTO(buf) struct buf body = buf_make(BODY_MAX);
    add_role(&body, "AssumeRole", role);
    const struct question question = {.role = role, .body = &body};
    return ask(base, &question, limit, out_credentials, err) ||
           error_wrap(err, "could not assume %s", role->arn);
}

/* A token as kubelet or an echo writes it may end with a line end. */
static bool read_token(const char *file, struct buf *token, struct error *err)
{
    if (!file_read(file, token, err)) {
        err->kind = ERROR_DENIED;
        error_code(err, "BadCredentials");
        return error_hint(err,
                          "%s is where the token should be: EKS mounts it into pods whose "
                          "service account has a role; check the volume and its rights.",
                          file);
    }
    while (token->length > 0 && strchr("\r\n", token->data[token->length - 1])) {
        buf_truncate(token, token->length - 1);
    }
    if (strlen(token->data) != token->length || !aws_credentials_is_plain(token->data)) {
        error_set(err, ERROR_DENIED, "%s",
                  token->length ? "the token file holds something else"
                                : "the token file is empty");
        error_code(err, "BadCredentials");
        error_where(err, "%s", file);
        return error_hint(err,
                          "A web identity token is one line without blanks, header.payload."
                          "signature; look at how %s comes about.",
                          file);
    }
    return true;
}

bool aws_sts_web_identity(struct aws *aws, const struct aws_role *role, const char *token_file,
                          struct aws_limit *limit, struct aws_credentials *out_credentials,
                          struct error *err)
{
    struct buf token = buf_make(TOKEN_MAX);
    struct buf body = buf_make(BODY_MAX);
    bool given = read_token(token_file, &token, err);
    if (given) {
        add_role(&body, "AssumeRoleWithWebIdentity", role);
        add_parameter(&body, "WebIdentityToken", token.data);
        const struct question question = {.role = role, .body = &body, .open = true};
        given = ask(aws, &question, limit, out_credentials, err) ||
                error_wrap(err, "could not assume %s by a web identity", role->arn);
    }
    if (!given) {
        aws_fault_mask(err->message, token.data);
        aws_fault_mask(err->code, token.data);
    }
    buf_wipe(&token);
    buf_wipe(&body);
    return given;
}

static bool as_role(struct aws *aws, struct aws_limit *limit,
                    struct aws_credentials *out_credentials, struct error *err)
{
    return aws_sts_assume(aws->base, &aws->role, limit, out_credentials, err);
}

bool aws_assume_role(struct aws *base, const char *role_arn, const char *session_name,
                     struct aws_limit *limit, struct aws *out_aws, struct error *err)
{
    struct aws made = aws_open_bare(base);
    made.base = base;
    made.find = as_role;
    if (!aws_sts_role(role_arn, session_name, &made.role, err) ||
        !aws_credentials_ready(&made, limit, err)) {
        return false;
    }
    *out_aws = made;
    return true;
}
