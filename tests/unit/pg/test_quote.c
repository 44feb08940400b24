#include <string.h>

#include "pg/pg.h"

#include "check.h"

/* Reads a literal as the server does, apart from the code that wrote it: plain strings with
 * standard_conforming_strings off where `old`. Returns what is left behind it; NULL when unclosed
 * or when its meaning hangs on that setting. */
static const char *read_literal(const char *sql, bool old, struct buf *out)
{
    while (*sql == ' ') {
        sql++;
    }
    bool escapes = *sql == 'E';
    sql += escapes;
    if (*sql++ != '\'') {
        return NULL;
    }
    while (*sql) {
        if (*sql == '\'' && sql[1] != '\'') {
            return sql + 1;
        }
        if (*sql == '\'') {
            sql++;
        } else if (*sql == '\\' && (escapes || old)) {
            sql++;
            if (*sql != '\\' && *sql != '\'') {
                return NULL;
            }
        }
        buf_char(out, *sql++);
    }
    return NULL;
}

static const char *read_identifier(const char *sql, struct buf *out)
{
    if (*sql++ != '"') {
        return NULL;
    }
    while (*sql && (*sql != '"' || sql[1] == '"')) {
        sql += *sql == '"';
        buf_char(out, *sql++);
    }
    return *sql == '"' ? sql + 1 : NULL;
}

static void check(const char *text)
{
    for (int old = 0; old < 2; old++) {
        AUTO(buf) struct buf sql = buf_make(4096);
        AUTO(buf) struct buf back = buf_make(4096);
        pg_literal(&sql, text);
        const char *rest = read_literal(sql.data, old, &back);
        assert_non_null(rest);
        assert_string_equal(rest, "");
        assert_string_equal(back.data, text);
    }
    AUTO(buf) struct buf sql = buf_make(4096);
    AUTO(buf) struct buf back = buf_make(4096);
    pg_identifier(&sql, text);
    const char *rest = read_identifier(sql.data, &back);
    assert_non_null(rest);
    assert_string_equal(rest, "");
    assert_string_equal(back.data, text);
}

/* Every text of up to six of these characters. */
static void survives_everything_short(void **state)
{
    (void)state;
    static const char alphabet[] = "'\\\"aE$";
    size_t base = strlen(alphabet) + 1;
    size_t all = 1;
    for (int i = 0; i < 6; i++) {
        all *= base;
    }
    for (size_t number = 0; number < all; number++) {
        char text[8];
        size_t length = 0;
        for (size_t left = number; left; left /= base) {
            if (left % base) {
                text[length++] = alphabet[left % base - 1];
            }
        }
        text[length] = '\0';
        check(text);
    }
}

static void survives_the_usual_attacks(void **state)
{
    (void)state;
    static const char *const texts[] = {"'; drop table orders; --",
                                        "\\'; drop table orders; --",
                                        "\\",
                                        "\\\\'",
                                        "'' or ''='",
                                        "\";drop schema postlude;\"",
                                        "ü'\\\xF0\x9D\x84\x9E",
                                        "\xff'\xc3",
                                        "$$;$$",
                                        "a\nb'\r",
                                        "U&'\\0041'"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        check(texts[i]);
    }
}

static void writes_null_as_the_word(void **state)
{
    (void)state;
    AUTO(buf) struct buf sql = buf_make(64);
    pg_literal(&sql, NULL);
    buf_text(&sql, ", ");
    pg_literal(&sql, "");
    assert_string_equal(sql.data, "NULL, ''");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_everything_short),
        cmocka_unit_test(survives_the_usual_attacks),
        cmocka_unit_test(writes_null_as_the_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
