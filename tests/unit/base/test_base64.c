#include "base/base64.h"

#include <string.h>

#include "check.h"

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Zg",     "Zg=",  "Z",    "Zg=a",   "====",
        "Z===",   "Zh==", "Zm9=", "Zm 9",   "Zg==Zg==",
        "Zm-9",   "Zm_9", "=g==", "Zm9v\n", "\xc3\xa9\xc3\xa9",
        "Zm9vYg",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        AUTO(buf) struct buf out = buf_make(100);
        print_message("%s\n", wrong[i]);
        assert_false(base64_decode(&out, wrong[i], strlen(wrong[i])));
    }
    AUTO(buf) struct buf out = buf_make(100);
    assert_false(base64_decode(&out, "Zm\0v", 4));
}

static void decodes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } rows[] = {{"", ""},
                {"Zg==", "f"},
                {"Zm8=", "fo"},
                {"Zm9v", "foo"},
                {"Zm9vYg==", "foob"},
                {"Zm9vYmE=", "fooba"},
                {"Zm9vYmFy", "foobar"},
                {"+/+/", "\xfb\xff\xbf"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf out = buf_make(100);
        assert_true(base64_decode(&out, rows[i].text, strlen(rows[i].text)));
        assert_string_equal(out.data, rows[i].plain);
    }
    AUTO(buf) struct buf zero = buf_make(100);
    assert_true(base64_decode(&zero, "AAEA", 4));
    assert_int_equal(zero.length, 3);
    assert_memory_equal(zero.data, "\0\1\0", 3);
}

static void says_when_it_does_not_fit(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(5);
    assert_false(base64_decode(&out, "Zm9vYmFy", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(decodes),
        cmocka_unit_test(says_when_it_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
