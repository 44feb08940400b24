#include "aws/ini.h"

#include "aws/blocks.h"
#include "base/memory.h"

static struct buf text_of(const struct block *block)
{
    struct buf lines = buf_make(65536);
    struct buf text = buf_make(65536);
    block_lines(block, "line", &lines);
    for (const char *at = lines.data; *at; at++) {
        bool escape = text_starts(at, "\\t") || text_starts(at, "\\r") || text_starts(at, "\\b");
        if (!escape) {
            buf_char(&text, *at);
        } else if (*++at == 'b') {
            buf_text(&text, "\xEF\xBB\xBF");
        } else {
            buf_char(&text, *at == 't' ? '\t' : '\r');
        }
    }
    buf_free(&lines);
    return text;
}

/* "section|key|value"; without a value: there is none. */
static void check_get(const struct aws_ini *ini, const char *expected)
{
    AUTO(text) char *copy = memory_text(expected);
    char *rest = copy;
    const char *section = strsep(&rest, "|");
    const char *key = strsep(&rest, "|");
    const char *found = aws_ini_get(ini, section, key);
    if (!text_same(found, rest)) {
        fail_msg("%s is \"%s\"", expected, found ? found : "(none)");
    }
}

static void check_ini(const struct block *block)
{
    struct buf text = text_of(block);
    AUTO(aws_ini) struct aws_ini ini = {0};
    struct error err = {0};
    bool read = aws_ini_parse(&text, &ini, &err);
    const char *refused = block_get(block, "refused");
    assert_null(text.data);
    assert_int_equal(read, refused == NULL);
    if (refused) {
        AUTO(buf) struct buf found = buf_make(1024);
        buf_format(&found, "%s: %s", err.where, err.message);
        assert_string_equal(found.data, refused);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    for (size_t i = 0; block_nth(block, "get", i); i++) {
        check_get(&ini, block_nth(block, "get", i));
    }
}

static void reads_its_cases(void **state)
{
    (void)state;
    blocks_each("ini.txt", check_ini);
}

static void stops_at_its_limit(void **state)
{
    (void)state;
    struct buf text = buf_make(AWS_INI_SIZE_MAX);
    AUTO(aws_ini) struct aws_ini ini = {0};
    struct error err = {0};
    for (int i = 0; i <= AWS_INI_LINES_MAX; i++) {
        buf_format(&text, "[p%d]\n", i);
    }
    assert_false(text.full);
    assert_false(aws_ini_parse(&text, &ini, &err));
    assert_string_equal(err.message, "more entries than any such file has");
}

static void refuses_bytes_that_are_no_text(void **state)
{
    (void)state;
    struct buf text = buf_make(64);
    AUTO(aws_ini) struct aws_ini ini = {0};
    struct error err = {0};
    buf_add(&text, "[a]\n\0b=c", 8);
    assert_false(aws_ini_parse(&text, &ini, &err));
    assert_string_equal(err.where, "line 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bytes_that_are_no_text),
        cmocka_unit_test(stops_at_its_limit),
        cmocka_unit_test(reads_its_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
