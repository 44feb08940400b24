#include "aws/sigv4.h"

#include <string.h>

#include "aws/url.h"
#include "base/clock.h"

enum { CANONICAL_MAX = 65536, LINE_MAX_BYTES = 1024 };

static const char algorithm[] = "AWS4-HMAC-SHA256";

/* "20310314/eu-west-3/sns/aws4_request" */
static void add_scope(struct buf *out, const struct aws_sigv4 *sigv4)
{
    char time[CLOCK_TEXT_SIZE];
    clock_format_basic(sigv4->time_ms, time);
    buf_format(out, "%.8s/%s/%s/aws4_request", time, sigv4->region, sigv4->service);
}

void aws_sigv4_canonical_request(struct aws_sigv4 *sigv4)
{
    buf_wipe(&sigv4->canonical_request);
    buf_free(&sigv4->signed_headers);
    sigv4->canonical_request = buf_make(CANONICAL_MAX);
    sigv4->signed_headers = buf_make(LINE_MAX_BYTES);
    struct buf *out = &sigv4->canonical_request;
    buf_format(out, "%s\n", sigv4->method);
    aws_sigv4_canonical_path(out, sigv4->path);
    buf_char(out, '\n');
    aws_sigv4_canonical_query(out, sigv4->query);
    buf_char(out, '\n');
    aws_sigv4_canonical_headers(out, &sigv4->signed_headers, sigv4->headers, sigv4->header_count);
    char hash[DIGEST_HEX_SIZE];
    digest_sha256_hex(sigv4->body ? sigv4->body : "", sigv4->body_length, hash);
    buf_format(out, "\n%s\n%s", sigv4->signed_headers.data, hash);
}

void aws_sigv4_string_to_sign(struct aws_sigv4 *sigv4)
{
    char time[CLOCK_TEXT_SIZE];
    char hash[DIGEST_HEX_SIZE];
    clock_format_basic(sigv4->time_ms, time);
    digest_sha256_hex(sigv4->canonical_request.data, sigv4->canonical_request.length, hash);
    buf_free(&sigv4->string_to_sign);
    sigv4->string_to_sign = buf_make(LINE_MAX_BYTES);
    buf_format(&sigv4->string_to_sign, "%s\n%s\n", algorithm, time);
    add_scope(&sigv4->string_to_sign, sigv4);
    buf_format(&sigv4->string_to_sign, "\n%s", hash);
}

static void hmac_text(unsigned char key[DIGEST_SIZE], const char *text)
{
    unsigned char next[DIGEST_SIZE];
    digest_hmac(key, DIGEST_SIZE, text, strlen(text), next);
    memcpy(key, next, DIGEST_SIZE);
    explicit_bzero(next, sizeof next);
}

void aws_sigv4_key(const struct aws_sigv4 *sigv4, unsigned char out_key[DIGEST_SIZE])
{
    char time[CLOCK_TEXT_SIZE];
    clock_format_basic(sigv4->time_ms, time);
    const char *secret_key = secret_reveal(sigv4->secret_key);
    struct buf seed = buf_make(4 + strlen(secret_key));
    buf_format(&seed, "AWS4%s", secret_key);
    digest_hmac(seed.data, seed.length, time, 8, out_key);
    buf_wipe(&seed);
    hmac_text(out_key, sigv4->region);
    hmac_text(out_key, sigv4->service);
    hmac_text(out_key, "aws4_request");
}

void aws_sigv4_signature(struct aws_sigv4 *sigv4)
{
    unsigned char key[DIGEST_SIZE];
    unsigned char digest[DIGEST_SIZE];
    aws_sigv4_key(sigv4, key);
    digest_hmac(key, sizeof key, sigv4->string_to_sign.data, sigv4->string_to_sign.length, digest);
    digest_hex(digest, sigv4->signature);
    explicit_bzero(key, sizeof key);
}

void aws_sigv4_authorization(struct aws_sigv4 *sigv4)
{
    buf_free(&sigv4->authorization);
    sigv4->authorization = buf_make((size_t)3 * LINE_MAX_BYTES);
    struct buf *out = &sigv4->authorization;
    buf_format(out, "%s Credential=%s/", algorithm, sigv4->access_key_id);
    add_scope(out, sigv4);
    buf_format(out, ", SignedHeaders=%s, Signature=%s", sigv4->signed_headers.data,
               sigv4->signature);
}

bool aws_sigv4_sign(struct aws_sigv4 *sigv4)
{
    aws_sigv4_canonical_request(sigv4);
    aws_sigv4_string_to_sign(sigv4);
    aws_sigv4_signature(sigv4);
    aws_sigv4_authorization(sigv4);
    return !sigv4->canonical_request.full && !sigv4->signed_headers.full &&
           !sigv4->string_to_sign.full && !sigv4->authorization.full;
}

static void add_query(struct buf *out, const struct aws_sigv4 *sigv4,
                      const struct secret *session_token, int expires_s)
{
    char time[CLOCK_TEXT_SIZE];
    struct buf credential = buf_make(LINE_MAX_BYTES);
    clock_format_basic(sigv4->time_ms, time);
    buf_format(&credential, "%s/", sigv4->access_key_id);
    add_scope(&credential, sigv4);
    buf_format(out, "%s&X-Amz-Algorithm=%s&X-Amz-Credential=", sigv4->query, algorithm);
    aws_url_encode(out, credential.data, credential.length, "");
    buf_format(out, "&X-Amz-Date=%s&X-Amz-Expires=%d&X-Amz-SignedHeaders=host", time, expires_s);
    if (secret_is_set(session_token)) {
        const char *token = secret_reveal(session_token);
        buf_text(out, "&X-Amz-Security-Token=");
        aws_url_encode(out, token, strlen(token), "");
    }
    buf_free(&credential);
}

bool aws_sigv4_presign(struct aws_sigv4 *sigv4, const struct secret *session_token, int expires_s,
                       struct buf *out)
{
    struct aws_sigv4 whole = *sigv4;
    struct buf query = buf_make(CANONICAL_MAX);
    add_query(&query, sigv4, session_token, expires_s);
    whole.query = query.data;
    aws_sigv4_canonical_request(&whole);
    aws_sigv4_string_to_sign(&whole);
    aws_sigv4_signature(&whole);
    bool fits = !query.full && !whole.canonical_request.full && !whole.string_to_sign.full;
    buf_format(out, "%s&X-Amz-Signature=%s", query.data, whole.signature);
    whole.query = sigv4->query; /* the other is gone in a moment */
    *sigv4 = whole;
    buf_wipe(&query);
    return fits && !out->full;
}

void aws_sigv4_clear(struct aws_sigv4 *sigv4)
{
    buf_free(&sigv4->signed_headers);
    buf_wipe(&sigv4->canonical_request);
    buf_free(&sigv4->string_to_sign);
    buf_free(&sigv4->authorization);
}
