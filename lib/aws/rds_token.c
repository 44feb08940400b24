#include "aws/rds_token.h"

#include <string.h>

#include "aws/sigv4.h"
#include "aws/url.h"
#include "base/text.h"

enum { TOKEN_MAX = 32768, VALID_S = 900, HTTPS_PORT = 443 };

/* "host:port" as a URL has it. */
static void add_authority(struct buf *out, const struct aws_rds_login *login, bool lower)
{
    bool bare = lower && login->port == HTTPS_PORT;
    bool six = strchr(login->host, ':') != NULL;
    buf_text(out, six ? "[" : "");
    for (const char *at = login->host; *at; at++) {
        buf_char(out, (char)(lower && *at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at));
    }
    buf_text(out, six ? "]" : "");
    if (!bare) {
        buf_format(out, ":%d", login->port);
    }
}

static bool sign(const struct aws_rds_login *login, const struct aws_credentials *credentials,
                 int64_t time_ms, struct buf *out)
{
    AUTO(buf) struct buf host = buf_make(AWS_HOST_SIZE + 16);
    AUTO(buf) struct buf query = buf_make(TOKEN_MAX);
    add_authority(&host, login, true);
    buf_text(&query, "Action=connect&DBUser=");
    aws_url_encode(&query, login->user, strlen(login->user), "");
    const struct aws_header header = {"Host", host.data};
    AUTO(aws_sigv4)
    struct aws_sigv4 sigv4 = {
        .method = "GET",
        .path = "/",
        .query = query.data,
        .headers = &header,
        .header_count = 1,
        .access_key_id = credentials->access_key_id,
        .secret_key = &credentials->secret_key,
        .region = login->region,
        .service = "rds-db",
        .time_ms = time_ms,
    };
    add_authority(out, login, false);
    buf_text(out, "/?");
    return aws_sigv4_presign(&sigv4, &credentials->session_token, VALID_S, out) && !host.full &&
           !query.full;
}

bool aws_rds_token(const struct aws_rds_login *login, const struct aws_credentials *credentials,
                   int64_t time_ms, struct secret *out_token, struct error *err)
{
    struct buf token = buf_make(TOKEN_MAX);
    bool made = sign(login, credentials, time_ms, &token);
    if (made) {
        secret_set(out_token, token.data);
    }
    buf_wipe(&token);
    return made || error_set(err, ERROR_INTERNAL, "the IAM token for the database is too large");
}

/* "eu-west-3", "us-gov-west-1" */
static bool is_region(const char *label, size_t length)
{
    size_t letters = strspn(label, "abcdefghijklmnopqrstuvwxyz-");
    return letters < length && length - letters <= 2 && letters > 3 && label[letters - 1] == '-' &&
           strspn(label + letters, "0123456789") == length - letters;
}

bool aws_rds_region(const char *host, char *out_region, size_t size)
{
    char name[AWS_HOST_SIZE];
    const char *labels[32] = {NULL};
    size_t count = 0;
    text_copy(name, sizeof name, host);
    for (char *at = name; *at; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    }
    char *rest = name;
    for (char *label = strsep(&rest, "."); label && count < COUNT(labels);
         label = strsep(&rest, ".")) {
        labels[count++] = label;
    }
    /* China has it behind "rds", everybody else before. */
    for (size_t i = 1; i + 1 < count; i++) {
        if (strcmp(labels[i], "rds") != 0) {
            continue;
        }
        for (size_t j = i - 1; j <= i + 1; j += 2) {
            if (is_region(labels[j], strlen(labels[j])) && strlen(labels[j]) < size) {
                text_copy(out_region, size, labels[j]);
                return true;
            }
        }
    }
    return false;
}
