#include "cmd/answer.h"

#include <string.h>

#include "base/text.h"

#include "check.h"

static const char text[] =
    "the migration was rolled back: column \"total\" of relation \"orders\" does not exist, and "
    "https://an.address.that/is/longer/than/some/lines/are/wide/and/has/no/blank/to/break/it/at";

/* Words in order, lines no longer than asked unless one word is, each begun as asked. */
static void check_wrap(const char *what, size_t width, const char *first, const char *rest)
{
    AUTO(buf) struct buf out = buf_make(16384);
    answer_wrap(what, width, first, rest, &out);
    AUTO(buf) struct buf words = buf_make(16384);
    const char *lead = first;
    for (const char *at = out.data; *at; lead = rest) {
        size_t size = strcspn(at, "\n");
        assert_int_equal(at[size], '\n');
        assert_true(text_starts(at, lead));
        const char *body = at + strlen(lead);
        size_t length = size - strlen(lead);
        assert_true(size <= width || !memchr(body, ' ', length));
        buf_text(&words, words.length && length ? " " : "");
        buf_add(&words, body, length);
        at += size + 1;
    }
    assert_string_equal(words.data, what);
}

static void wraps_at_every_width(void **state)
{
    (void)state;
    static const size_t widths[] = {0, 1, 20, 40, 80, 120, 10000};
    for (size_t i = 0; i < COUNT(widths); i++) {
        check_wrap(text, widths[i], "postlude: ", "          ");
        check_wrap(text, widths[i], "", "    ");
        check_wrap("", widths[i], "a", "b");
        check_wrap("word", widths[i], "", "");
    }
}

static void fills_the_width(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(256);
    answer_wrap("aaa bbb ccc ddd", 9, "1 ", "2 ", &out);
    assert_string_equal(out.data, "1 aaa bbb\n2 ccc ddd\n");
    buf_truncate(&out, 0);
    answer_wrap("aaa bbb", 8, "1 ", "2 ", &out);
    assert_string_equal(out.data, "1 aaa\n2 bbb\n");
}

/* Columns are what people see, not bytes. */
static void counts_characters(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(256);
    answer_wrap("äää öööö üü", 11, "", "", &out);
    assert_string_equal(out.data, "äää öööö üü\n");
}

static void shows_control_characters(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(256);
    answer_wrap("a\x1b[31m\nb", 80, "", "", &out);
    assert_string_equal(out.data, "a\\x1b[31m\\nb\n");
}

static void describes_an_error(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_INVALID, "unknown key \"%s\"", "plam");
    AUTO(buf) struct buf out = buf_make(1024);
    answer_describe(&err, 80, &out);
    assert_string_equal(out.data, "postlude: unknown key \"plam\"\n");
    error_where(&err, "plan.yaml:1:2");
    error_hint(&err, "Did you mean \"plan\"?");
    buf_truncate(&out, 0);
    answer_describe(&err, 80, &out);
    assert_string_equal(out.data, "postlude: plan.yaml:1:2: unknown key \"plam\"\n"
                                  "    hint: Did you mean \"plan\"?\n");
}

static void makes_an_object_of_an_error(void **state)
{
    (void)state;
    struct error err = {0};
    AUTO(json) json_t *none = answer_error_object(&err);
    assert_true(json_is_null(none));
    error_set(&err, ERROR_BUSY, "bad \xff byte");
    AUTO(json) json_t *object = answer_error_object(&err);
    assert_string_equal(json_text(object, "kind"), "busy");
    assert_non_null(strstr(json_text(object, "message"), "\\xff"));
    assert_true(json_is_null(json_object_get(object, "hint")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_at_every_width), cmocka_unit_test(fills_the_width),
        cmocka_unit_test(counts_characters),    cmocka_unit_test(shows_control_characters),
        cmocka_unit_test(describes_an_error),   cmocka_unit_test(makes_an_object_of_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
