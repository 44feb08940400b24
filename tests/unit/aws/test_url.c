#include "aws/url.h"

#include "aws/blocks.h"
#include "aws/http.h"

static void check_url(const struct block *block)
{
    struct aws_url url;
    struct error err = {0};
    const char *refused = block_get(block, "refused");
    if (refused) {
        assert_false(aws_http_check(block_need(block, "url"), &url, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, refused));
        assert_true(*err.hint);
        return;
    }
    assert_true(aws_http_check(block_need(block, "url"), &url, &err));
    assert_string_equal(url.authority, block_need(block, "authority"));
    assert_string_equal(url.path, block_need(block, "path"));
    assert_string_equal(url.query, block_get(block, "query") ? block_get(block, "query") : "");
}

static void reads_and_refuses_urls(void **state)
{
    (void)state;
    blocks_each("urls.txt", check_url);
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    struct aws_url url;
    struct error err;
    AUTO(buf) struct buf host = buf_make(4096);
    AUTO(buf) struct buf path = buf_make(4096);
    buf_text(&host, "https://");
    buf_text(&path, "https://a/");
    for (size_t i = 0; i < 300; i++) {
        buf_char(&host, 'a');
        buf_text(&path, "aaaaaaaaaa");
    }
    assert_false(aws_url_parse(host.data, &url, &err));
    assert_false(aws_url_parse(path.data, &url, &err));
}

static void check_query(size_t length, bool good)
{
    struct aws_url url;
    struct error err;
    AUTO(buf) struct buf text = buf_make(16384);
    buf_text(&text, "https://a/?");
    for (size_t i = 0; i < length; i++) {
        buf_char(&text, 'q');
    }
    assert_int_equal(aws_url_parse(text.data, &url, &err), good);
    assert_true(!good || strlen(url.query) == length);
}

static void has_room_for_a_signature(void **state)
{
    (void)state;
    check_query(4096, true);
    check_query(8191, true);
    check_query(8192, false);
}

static void encodes_and_decodes_every_byte(void **state)
{
    (void)state;
    char all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (char)i;
    }
    AUTO(buf) struct buf coded = buf_make(4096);
    AUTO(buf) struct buf plain = buf_make(4096);
    aws_url_encode(&coded, all, sizeof all, "");
    assert_int_equal(coded.length, 66 + 3 * 190);
    aws_url_decode(&plain, coded.data, coded.length);
    assert_int_equal(plain.length, sizeof all);
    assert_memory_equal(plain.data, all, sizeof all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(has_room_for_a_signature),
        cmocka_unit_test(reads_and_refuses_urls),
        cmocka_unit_test(encodes_and_decodes_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
