#include "base/error.h"

#include <string.h>

#include "base/text.h"
#include "check.h"

/* Contract, section 2. */
static void each_kind_has_its_exit_code(void **state)
{
    (void)state;
    static const struct {
        enum error_kind kind;
        const char *name;
        int exit_code;
        bool retryable;
    } expected[] = {
        {ERROR_NONE, "none", 0, false},
        {ERROR_FAILED, "failed", 1, false},
        {ERROR_UNKNOWN, "unknown", 1, false},
        {ERROR_LOST, "unknown", 1, true},
        {ERROR_INVALID, "invalid", 2, false},
        {ERROR_REFUSED, "refused", 3, false},
        {ERROR_UNREACHABLE, "unreachable", 4, true},
        {ERROR_DENIED, "unreachable", 4, false},
        {ERROR_BUSY, "busy", 5, true},
        {ERROR_CONFLICT, "conflict", 6, false},
        {ERROR_INTERRUPTED, "interrupted", 7, false},
        {ERROR_UNDELIVERED, "undelivered", 8, true},
        {ERROR_PENDING, "pending", 9, false},
        {ERROR_INTERNAL, "internal", 10, false},
    };
    assert_int_equal(COUNT(expected), ERROR_INTERNAL + 1);
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_int_equal(expected[i].kind, i);
        assert_string_equal(error_name(expected[i].kind), expected[i].name);
        assert_int_equal(error_exit_code(expected[i].kind), expected[i].exit_code);
        assert_int_equal(error_retryable(expected[i].kind), expected[i].retryable);
    }
}

static void setting_starts_afresh(void **state)
{
    (void)state;
    struct error err;
    memset(&err, 'x', sizeof err);
    assert_false(error_set(&err, ERROR_BUSY, "%s is locked", "orders"));
    assert_int_equal(err.kind, ERROR_BUSY);
    assert_string_equal(err.message, "orders is locked");
    assert_string_equal(err.code, "");
    assert_string_equal(err.where, "");
    assert_string_equal(err.hint, "");
    assert_false(error_code(&err, "%d", 55));
    assert_false(error_where(&err, "%s:%d", "a.sql", 3));
    assert_false(error_hint(&err, "Wait."));
    assert_string_equal(err.code, "55");
    assert_string_equal(err.where, "a.sql:3");
    assert_string_equal(err.hint, "Wait.");
    error_set(&err, ERROR_FAILED, "again");
    assert_string_equal(err.hint, "");
}

/* At every length, so that the cut falls on each byte of a character once. */
static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[4096];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t at = shift; at + 4 < sizeof text; at += 4) {
            memcpy(text + at, "\xf0\x9f\x98\x80", 5);
        }
        struct error err;
        error_set(&err, ERROR_FAILED, "%s", text);
        error_code(&err, "%s", text);
        error_where(&err, "%s", text);
        error_hint(&err, "%s", text);
        const char *const fields[] = {err.message, err.code, err.where, err.hint};
        const size_t sizes[] = {sizeof err.message, sizeof err.code, sizeof err.where,
                                sizeof err.hint};
        for (size_t i = 0; i < COUNT(fields); i++) {
            size_t length = strlen(fields[i]);
            assert_true(length < sizes[i] && length + 4 >= sizes[i]);
            assert_int_equal(text_bad_utf8(fields[i], length), length);
        }
    }
}

static void wrapping_goes_in_front(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_INVALID, "not JSON");
    error_where(&err, "line 1");
    assert_false(error_wrap(&err, "event of %s", "POSTLUDE_EVENT"));
    assert_string_equal(err.message, "event of POSTLUDE_EVENT: not JSON");
    assert_string_equal(err.where, "line 1");
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void a_long_wrap_keeps_to_the_field(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct error err;
    error_set(&err, ERROR_INVALID, "inner");
    error_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    error_set(&err, ERROR_INVALID, "inner");
    error_wrap(&err, "%.*s", (int)sizeof err.message - 4, text);
    assert_string_equal(err.message + sizeof err.message - 4, ": i");
}

static void fields_may_be_made_from_themselves(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_INVALID, "inner");
    error_where(&err, "line 1, column 2");
    error_where(&err, "%s, %s", "event.json", err.where);
    assert_string_equal(err.where, "event.json, line 1, column 2");
    error_wrap(&err, "%s and %s", err.message, err.where);
    assert_string_equal(err.message, "inner and event.json, line 1, column 2: inner");
    error_set(&err, ERROR_FAILED, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner and event.json, line 1, column 2: inner");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_exit_code),
        cmocka_unit_test(setting_starts_afresh),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(wrapping_goes_in_front),
        cmocka_unit_test(a_long_wrap_keeps_to_the_field),
        cmocka_unit_test(fields_may_be_made_from_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
