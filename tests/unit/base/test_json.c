#include "base/json.h"

#include "lines.h"

static void bad_line(const char *input, size_t length, const char *expected, const char *place)
{
    json_t *value = NULL;
    struct error err = {0};
    if (json_read(input, length, &value, &err)) {
        json_decref(value);
        fail_msg("%s: was accepted", place);
    }
    assert_null(value);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_true(err.message[0] != '\0');
    lines_same(err.where, expected, place);
}

static void refuses_with_the_place(void **state)
{
    (void)state;
    lines_run("json_bad.txt", bad_line);
}

static void refuses_nothing_at_all(void **state)
{
    (void)state;
    json_t *value = NULL;
    struct error err;
    assert_false(json_read("", 0, &value, &err));
    assert_string_equal(err.where, "line 1, column 0");
    assert_false(json_read(NULL, 0, &value, &err));
    assert_string_equal(err.where, "line 1, column 0");
    assert_false(json_read("{}\0", 3, &value, &err));
}

/* `depth` arrays within each other. */
static bool reads_nested(int depth, struct error *err)
{
    AUTO(buf) struct buf text = buf_make(1000000);
    for (int i = 0; i < depth; i++) {
        buf_char(&text, '[');
    }
    for (int i = 0; i < depth; i++) {
        buf_char(&text, ']');
    }
    AUTO(json) json_t *value = NULL;
    return json_read(text.data, text.length, &value, err);
}

static void nests_up_to_the_limit(void **state)
{
    (void)state;
    struct error err;
    assert_true(reads_nested(JSON_DEPTH_MAX, &err));
    assert_false(reads_nested(JSON_DEPTH_MAX + 1, &err));
    assert_string_equal(err.message, "nested more than 32 levels deep");
    assert_string_equal(err.where, "line 1, column 33");
    assert_false(reads_nested(100000, &err));
}

static void brackets_in_strings_do_not_nest(void **state)
{
    (void)state;
    static const char text[] = "{\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\":"
                               "\"\\\"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\\\\\"}";
    AUTO(json) json_t *value = NULL;
    struct error err;
    assert_true(json_read(text, sizeof text - 1, &value, &err));
}

/* Closing more than was opened does not buy depth. */
static void closing_first_is_refused(void **state)
{
    (void)state;
    char text[200];
    memset(text, ']', 80);
    memset(text + 80, '[', 100);
    AUTO(json) json_t *value = NULL;
    struct error err;
    assert_false(json_read(text, 180, &value, &err));
}

static void writes_compact_and_in_order(void **state)
{
    (void)state;
    static const char text[] = " { \"z\" : 1 , \"a\" : [ true , null , 2.5 ] ,\n\"m\":{} } ";
    AUTO(json) json_t *value = NULL;
    struct error err;
    assert_true(json_read(text, sizeof text - 1, &value, &err));
    AUTO(buf) struct buf out = buf_make(100);
    json_write(value, &out);
    assert_string_equal(out.data, "{\"z\":1,\"a\":[true,null,2.5],\"m\":{}}");
    buf_truncate(&out, 0);
    json_write(json_object_get(value, "z"), &out);
    assert_string_equal(out.data, "1");
}

static void writes_nothing_a_terminal_obeys(void **state)
{
    (void)state;
    static const char hostile[] = "\x1b[31m\x7f\xc2\x9b\xe2\x80\xae\"\\/\xc3\xa9\n";
    AUTO(json) json_t *value = json_pack("{s:o}", "k\xc2\x9b", json_safe(hostile));
    AUTO(buf) struct buf out = buf_make(200);
    json_write(value, &out);
    assert_string_equal(out.data, "{\"k\\u009b\":\"\\u001B[31m\\u007f\\u009b\\u202e\\\"\\\\/"
                                  "\xc3\xa9\\n\"}");
    AUTO(json) json_t *back = NULL;
    struct error err;
    assert_true(json_read(out.data, out.length, &back, &err));
    assert_string_equal(json_text(back, "k\xc2\x9b"), hostile);
}

static void gives_strings_only(void **state)
{
    (void)state;
    AUTO(json) json_t *value = json_pack("{s:s,s:i,s:n}", "a", "x", "b", 1, "c");
    assert_string_equal(json_text(value, "a"), "x");
    assert_null(json_text(value, "b"));
    assert_null(json_text(value, "c"));
    assert_null(json_text(value, "d"));
    assert_null(json_text(json_object_get(value, "a"), "a"));
    assert_null(json_text(NULL, "a"));
}

static void makes_strings_of_anything(void **state)
{
    (void)state;
    AUTO(json) json_t *none = json_optional(NULL);
    AUTO(json) json_t *blank = json_optional("");
    AUTO(json) json_t *safe_none = json_safe(NULL);
    AUTO(json) json_t *safe_blank = json_safe("");
    AUTO(json) json_t *some = json_optional("x");
    AUTO(json) json_t *latin1 = json_safe("caf\xe9");
    assert_true(json_is_null(none) && json_is_null(blank) && json_is_null(safe_none));
    assert_string_equal(json_string_value(safe_blank), "");
    assert_string_equal(json_string_value(some), "x");
    assert_string_equal(json_string_value(latin1), "caf\\xe9");
    char all[256];
    for (int i = 0; i < 255; i++) {
        all[i] = (char)(255 - i);
    }
    all[255] = '\0';
    AUTO(json) json_t *every = json_safe(all);
    const char *shown = json_string_value(every);
    assert_int_equal(strncmp(shown, "\\xff\\xfe\\xfd", 12), 0);
    assert_non_null(strstr(shown, "\\x04\\x03\\x02\\x01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_the_place),
        cmocka_unit_test(refuses_nothing_at_all),
        cmocka_unit_test(nests_up_to_the_limit),
        cmocka_unit_test(brackets_in_strings_do_not_nest),
        cmocka_unit_test(closing_first_is_refused),
        cmocka_unit_test(writes_compact_and_in_order),
        cmocka_unit_test(writes_nothing_a_terminal_obeys),
        cmocka_unit_test(gives_strings_only),
        cmocka_unit_test(makes_strings_of_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
