#include "sql/sql.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#include "check.h"

static void excerpt_is(const char *text, size_t max_characters, const char *expected)
{
    struct error err = {0};
    AUTO(sql) struct sql_script *script = NULL;
    assert_true(sql_split(text, strlen(text), &script, &err));
    assert_true(script->count >= 1);
    AUTO(buf) struct buf out = buf_make(4096);
    sql_excerpt(text, &script->statements[0], max_characters, &out);
    assert_string_equal(out.data, expected);
}

static void folds_and_escapes(void **state)
{
    (void)state;
    excerpt_is("\n\n  select\t1,\r\n\v\f   2  ;", 80, "select 1, 2");
    excerpt_is("select '\x1b[31m\x7f'", 80, "select '\\x1b[31m\\x7f'");
    excerpt_is("select '\xC2\x9B'", 80, "select '\\u009b'");
}

static void cuts_by_characters(void **state)
{
    (void)state;
    excerpt_is("select 12", 9, "select 12");
    excerpt_is("select 12", 8, "select 1\xE2\x80\xA6");
    excerpt_is("select '\xC3\xA9\xC3\xA9\xC3\xA9'", 10, "select '\xC3\xA9\xC3\xA9\xE2\x80\xA6");
    excerpt_is("select 1", 0, "\xE2\x80\xA6");
    /* An escape is not cut in two. */
    excerpt_is("select '\x1b'", 10, "select '\xE2\x80\xA6");
}

static void hides_passwords(void **state)
{
    (void)state;
    static const char hidden[] = "(not shown: it holds the word PASSWORD)";
    char expected[128];
    (void)snprintf(expected, sizeof expected, "ALTER ROLE %s", hidden);
    excerpt_is("ALTER  /* */ ROLE a PASSWORD 'x'", 80, expected);
    excerpt_is("ALTER ROLE a password'x'", 80, expected);
    (void)snprintf(expected, sizeof expected, "DO %s", hidden);
    excerpt_is("DO $$ begin execute 'alter role a PassWord ''x'''; end $$", 80, expected);
    (void)snprintf(expected, sizeof expected, "update c %s", hidden);
    excerpt_is("update c set smtp_password = 'x'", 80, expected);
    /* Far behind what would be shown. */
    (void)snprintf(expected, sizeof expected, "select %s", hidden);
    excerpt_is("select 'secret', 1, 2, 3, 4, 5, 6, 7, 8, 9 as password", 8, expected);
    /* Not that word. */
    excerpt_is("select passwords, xpassword", 80, "select passwords, xpassword");
}

static void adds_behind_what_is_there(void **state)
{
    (void)state;
    struct sql_statement statement = {.offset = 2, .length = 8};
    struct buf out = buf_make(64);
    buf_text(&out, "near: ");
    sql_excerpt("; select 1; select 2", &statement, 7, &out);
    assert_string_equal(out.data, "near: select \xE2\x80\xA6");
    buf_free(&out);
    out = buf_make(4);
    sql_excerpt("; select 1; select 2", &statement, 80, &out);
    assert_true(out.full);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_and_escapes),
        cmocka_unit_test(cuts_by_characters),
        cmocka_unit_test(hides_passwords),
        cmocka_unit_test(adds_behind_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
