#include <string.h>

#include "aws/credentials.h"
#include "aws/fault.h"
#include "aws/imds.h"
#include "aws/session.h"
#include "base/json.h"
#include "base/text.h"

enum { ROLE_MAX = 64, ANSWER_MAX = 65536 };

static const char who[] = "the instance metadata service";
static const char roles[] = "iam/security-credentials/";

static bool is_role(const char *text)
{
    static const char word[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";
    size_t length = strlen(text);
    return length > 0 && length <= ROLE_MAX && strspn(text, word) == length;
}

/* The name of the instance's role; "" and a clause in *why when it has none. */
static bool find_role(const struct aws_imds *imds, struct aws_limit *limit, struct buf *role,
                      struct buf *why, struct error *err)
{
    struct error reason = {0};
    bool answered = aws_imds_get(imds, roles, limit, role, &reason);
    if (!answered && strcmp(reason.code, "404") != 0) {
        *err = reason;
        return false;
    }
    buf_truncate(role, answered ? strcspn(role->data, "\r\n") : 0);
    if (role->length == 0) {
        buf_text(why, "no role is attached to this instance");
        return true;
    }
    if (!is_role(role->data)) {
        error_set(err, ERROR_UNREACHABLE, "%s answered with something that is not a role's name",
                  who);
        error_code(err, "BadCredentials");
        return error_hint(err, "Look what answers at %s.", imds->base);
    }
    return true;
}

/* It says Code and Message, with status 200, when the role cannot be assumed. */
static bool is_usable(const struct buf *answer, struct error *err)
{
    AUTO(json) json_t *read = NULL;
    struct error ignored;
    const char *code =
        json_read(answer->data, answer->length, &read, &ignored) ? json_text(read, "Code") : NULL;
    if (!code || strcmp(code, "Success") == 0) {
        return true;
    }
    AUTO(buf) struct buf shown = buf_make(1024);
    text_escape_cut(&shown, code, 64);
    buf_text(&shown, ": ");
    text_escape_cut(&shown, json_text(read, "Message"), 256);
    error_set(err, ERROR_UNREACHABLE, "%s cannot give credentials, %s", who, shown.data);
    return error_code(err, "BadCredentials");
}

static bool read_role(const struct aws_imds *imds, const char *role, struct aws_limit *limit,
                      struct aws_credentials *out_credentials, struct error *err)
{
    AUTO(buf) struct buf path = buf_make(128);
    struct buf answer = buf_make(ANSWER_MAX);
    buf_format(&path, "%s%s", roles, role);
    bool got = aws_imds_get(imds, path.data, limit, &answer, err);
    bool good = got && is_usable(&answer, err) &&
                aws_credentials_parse(who, answer.data, answer.length, out_credentials, err);
    buf_wipe(&answer);
    if (got && !good) {
        aws_fault_mask(err->message, secret_reveal(&imds->token));
        error_hint(err,
                   "Check that role %s exists, may be assumed by ec2.amazonaws.com, and is "
                   "in the instance profile.",
                   role);
    }
    return good;
}

bool aws_credentials_instance(struct aws *aws, struct aws_limit *limit,
                              struct aws_credentials *out_credentials, struct buf *why,
                              struct error *err)
{
    AUTO(aws_imds) struct aws_imds imds = {0};
    AUTO(buf) struct buf role = buf_make(ANSWER_MAX);
    if (!aws_imds_open(aws, limit, &imds, why, err)) {
        return false;
    }
    if (!secret_is_set(&imds.token)) {
        return true;
    }
    if (!find_role(&imds, limit, &role, why, err)) {
        return false;
    }
    if (role.length == 0) {
        return true;
    }
    if (!read_role(&imds, role.data, limit, out_credentials, err)) {
        return false;
    }
    out_credentials->source = AWS_SOURCE_INSTANCE;
    return true;
}
