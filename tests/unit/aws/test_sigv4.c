#include "aws/sigv4.h"

#include <string.h>

#include "aws/blocks.h"

static const char key_id[] = "AKIDPORTAGEEXAMPLE01";
static const char key[] = "k3yM4t3rial/Not+A/Real+Secret/0123456789";
/* 20310314T092653Z */
static const int64_t moment_ms = INT64_C(1931246813) * 1000;

/* "Name: value" */
static size_t read_headers(const struct block *block, struct aws_header *headers,
                           struct buf storage[AWS_HTTP_HEADERS_MAX])
{
    size_t count = 0;
    for (const char *line; (line = block_nth(block, "header", count)); count++) {
        assert_true(count < AWS_HTTP_HEADERS_MAX);
        const char *colon = strchr(line, ':');
        assert_non_null(colon);
        storage[count] = buf_make(8192);
        buf_text(&storage[count], line);
        storage[count].data[colon - line] = '\0';
        headers[count] =
            (struct aws_header){storage[count].data, storage[count].data + (colon - line) + 1};
    }
    return count;
}

static void check_stages(const struct block *block, struct aws_sigv4 *sigv4)
{
    AUTO(buf) struct buf canonical = buf_make(65536);
    block_lines(block, "canonical", &canonical);
    aws_sigv4_canonical_request(sigv4);
    if (canonical.length) {
        assert_string_equal(sigv4->canonical_request.data, canonical.data);
    }
    if (block_get(block, "body-hash")) {
        assert_true(text_ends(sigv4->canonical_request.data, block_get(block, "body-hash")));
    }
    if (block_get(block, "signed")) {
        assert_string_equal(sigv4->signed_headers.data, block_get(block, "signed"));
    }
    aws_sigv4_string_to_sign(sigv4);
    if (block_get(block, "hash")) {
        assert_true(text_ends(sigv4->string_to_sign.data, block_get(block, "hash")));
    }
    aws_sigv4_signature(sigv4);
    assert_string_equal(sigv4->signature, block_need(block, "signature"));
}

static void check_vector(const struct block *block)
{
    struct aws_header headers[AWS_HTTP_HEADERS_MAX];
    struct buf storage[AWS_HTTP_HEADERS_MAX] = {0};
    AUTO(secret) struct secret secret_key = {0};
    secret_set(&secret_key, key);
    const char *body = block_get(block, "body");
    AUTO(aws_sigv4)
    struct aws_sigv4 sigv4 = {
        .method = block_need(block, "method"),
        .path = block_need(block, "path"),
        .query = block_get(block, "query") ? block_get(block, "query") : "",
        .headers = headers,
        .header_count = read_headers(block, headers, storage),
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .access_key_id = key_id,
        .secret_key = &secret_key,
        .region = block_need(block, "region"),
        .service = block_need(block, "service"),
        .time_ms = moment_ms,
    };
    check_stages(block, &sigv4);
    assert_true(aws_sigv4_sign(&sigv4));
    assert_string_equal(sigv4.signature, block_need(block, "signature"));
    for (size_t i = 0; i < AWS_HTTP_HEADERS_MAX; i++) {
        buf_free(&storage[i]);
    }
}

static void matches_every_vector(void **state)
{
    (void)state;
    blocks_each("sigv4.txt", check_vector);
}

static void check_key(const struct block *block)
{
    AUTO(secret) struct secret secret_key = {0};
    secret_set(&secret_key, key);
    const struct aws_sigv4 sigv4 = {.secret_key = &secret_key,
                                    .region = block_need(block, "region"),
                                    .service = block_need(block, "service"),
                                    .time_ms = moment_ms};
    unsigned char derived[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    aws_sigv4_key(&sigv4, derived);
    digest_hex(derived, hex);
    assert_string_equal(hex, block_need(block, "key"));
}

static void derives_every_key(void **state)
{
    (void)state;
    blocks_each("signing_keys.txt", check_key);
}

static void check_path(const struct block *block)
{
    AUTO(buf) struct buf out = buf_make(4096);
    aws_sigv4_canonical_path(&out, block_need(block, "path"));
    assert_string_equal(out.data, block_need(block, "canonical"));
}

static void canonicalises_paths(void **state)
{
    (void)state;
    blocks_each("sigv4_paths.txt", check_path);
}

static void check_query(const struct block *block)
{
    AUTO(buf) struct buf out = buf_make(4096);
    aws_sigv4_canonical_query(&out, block_need(block, "query"));
    assert_string_equal(out.data, block_need(block, "canonical"));
}

static void canonicalises_queries(void **state)
{
    (void)state;
    blocks_each("sigv4_queries.txt", check_query);
}

static void writes_the_authorization_header(void **state)
{
    (void)state;
    AUTO(secret) struct secret secret_key = {0};
    secret_set(&secret_key, key);
    const struct aws_header headers[] = {{"Host", "sns.eu-west-3.amazonaws.com"}};
    AUTO(aws_sigv4)
    struct aws_sigv4 sigv4 = {.method = "GET",
                              .path = "/",
                              .query = "",
                              .headers = headers,
                              .header_count = 1,
                              .access_key_id = key_id,
                              .secret_key = &secret_key,
                              .region = "eu-west-3",
                              .service = "sns",
                              .time_ms = moment_ms};
    assert_true(aws_sigv4_sign(&sigv4));
    AUTO(buf) struct buf expected = buf_make(1024);
    buf_format(&expected,
               "AWS4-HMAC-SHA256 Credential=%s/20310314/eu-west-3/sns/aws4_request, "
               "SignedHeaders=host, Signature=%s",
               key_id, sigv4.signature);
    assert_string_equal(sigv4.authorization.data, expected.data);
}

static void refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    struct secret none = {0};
    AUTO(buf) struct buf large = buf_make(70000);
    for (size_t i = 0; i < 70000; i++) {
        buf_char(&large, 'x');
    }
    const struct aws_header headers[] = {{"X-Large", large.data}};
    AUTO(aws_sigv4)
    struct aws_sigv4 sigv4 = {.method = "GET",
                              .path = "/",
                              .query = "",
                              .headers = headers,
                              .header_count = 1,
                              .access_key_id = key_id,
                              .secret_key = &none,
                              .region = "eu-west-3",
                              .service = "sns"};
    assert_false(aws_sigv4_sign(&sigv4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_cannot_hold),
        cmocka_unit_test(matches_every_vector),
        cmocka_unit_test(derives_every_key),
        cmocka_unit_test(canonicalises_paths),
        cmocka_unit_test(canonicalises_queries),
        cmocka_unit_test(writes_the_authorization_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
