#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static void starts_empty_and_terminated(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = buf_make(0);
    assert_string_equal(buf.data, "");
    buf_char(&buf, 'x');
    assert_true(buf.full);
    assert_string_equal(buf.data, "");
}

static void takes_exactly_its_maximum(void **state)
{
    (void)state;
    for (size_t max = 1; max < 300; max++) {
        AUTO(buf) struct buf buf = buf_make(max);
        for (size_t i = 0; i < max; i++) {
            buf_char(&buf, 'x');
            assert_int_equal(buf.data[buf.length], '\0');
        }
        assert_false(buf.full);
        buf_char(&buf, 'y');
        assert_true(buf.full);
        assert_int_equal(strlen(buf.data), max);
    }
}

static void leaves_out_whole_what_does_not_fit(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = buf_make(5);
    buf_text(&buf, "abc");
    buf_text(&buf, "def");
    assert_true(buf.full);
    buf_text(&buf, "g"); /* would fit, but comes after what is missing */
    buf_format(&buf, "%d", 1);
    assert_string_equal(buf.data, "abc");
    buf_truncate(&buf, 2);
    assert_false(buf.full);
    buf_format(&buf, "%s", "xyz");
    assert_string_equal(buf.data, "abxyz");
    buf_format(&buf, "%d", 12);
    assert_true(buf.full);
    assert_string_equal(buf.data, "abxyz");
}

static void adds_nothing_for_nothing(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = buf_make(5);
    buf_text(&buf, NULL);
    buf_add(&buf, NULL, 0);
    buf_format(&buf, "%s", "");
    buf_truncate(&buf, 3);
    assert_int_equal(buf.length, 0);
    assert_false(buf.full);
}

static void holds_nul_bytes(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = buf_make(100);
    buf_add(&buf, "a\0b", 3);
    buf_char(&buf, 'c');
    assert_int_equal(buf.length, 4);
    assert_memory_equal(buf.data, "a\0bc", 5);
}

static void formats_over_a_growth(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = buf_make(10000);
    for (int i = 0; i < 1000; i++) {
        buf_format(&buf, "%04d", i);
    }
    assert_int_equal(buf.length, 4000);
    assert_memory_equal(buf.data + 3996, "0999", 5);
}

static void hands_the_text_out(void **state)
{
    (void)state;
    struct buf buf = buf_make(100);
    buf_text(&buf, "mine");
    char *taken = buf_take(&buf);
    assert_string_equal(taken, "mine");
    free(taken);
    buf_text(&buf, "x");
    assert_true(buf.full);
    assert_null(buf.data);
    buf_free(&buf);
    buf_free(&buf);
    buf_wipe(&buf);
    assert_null(buf.data);
}

static void a_zeroed_one_takes_nothing(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_text(&buf, "x");
    assert_true(buf.full);
    assert_null(buf.data);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty_and_terminated),
        cmocka_unit_test(takes_exactly_its_maximum),
        cmocka_unit_test(leaves_out_whole_what_does_not_fit),
        cmocka_unit_test(adds_nothing_for_nothing),
        cmocka_unit_test(holds_nul_bytes),
        cmocka_unit_test(formats_over_a_growth),
        cmocka_unit_test(hands_the_text_out),
        cmocka_unit_test(a_zeroed_one_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
