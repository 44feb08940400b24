#include "sql/sql.h"

#include "cases.h"

static const char *kind_name(enum sql_kind kind)
{
    switch (kind) {
    case SQL_ORDINARY:
        return "ordinary";
    case SQL_BEGIN:
        return "begin";
    case SQL_COMMIT:
        return "commit";
    case SQL_TRANSACTION:
        return "transaction";
    case SQL_COPY_STDIN:
        return "copy-stdin";
    case SQL_COPY_STDOUT:
        return "copy-stdout";
    case SQL_ALONE:
        return "alone";
    case SQL_SESSION:
        return "session";
    case SQL_FORBIDDEN:
        return "forbidden";
    case SQL_BACKSLASH:
        return "backslash";
    }
    return "?";
}

static void render_statement(const char *text, const struct sql_statement *statement,
                             struct buf *out)
{
    buf_format(out, "%u:%u %s [", statement->line, statement->column, kind_name(statement->kind));
    sql_excerpt(text, statement, 72, out);
    buf_text(out, "]");
    if (statement->name[0]) {
        buf_format(out, " %s", statement->name);
    }
    if (statement->kind == SQL_COPY_STDIN) {
        buf_text(out, " <");
        text_escape(out, text + statement->data_offset, statement->data_length);
        buf_text(out, ">");
    }
    buf_text(out, "\n");
}

/* One line a statement; "of which i to j" when BEGIN and COMMIT stand outside. */
static void render_split(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)title;
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    if (!sql_split(text, length, &script, &err)) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(err.hint[0]);
        buf_format(out, "%s error: %s", err.where, err.message);
        return;
    }
    for (size_t i = 0; i < script->count; i++) {
        render_statement(text, &script->statements[i], out);
    }
    if (script->first != 0 || script->end != script->count) {
        buf_format(out, "of which %zu to %zu\n", script->first + 1, script->end);
    }
}

static void splits_as_the_data_files_say(void **state)
{
    (void)state;
    cases_run("split", render_split);
}

/* What cannot be seen in a data file. */
static void refuses_a_zero_byte(void **state)
{
    (void)state;
    static const char text[] = "select 1;\nsel\0ect 2;";
    struct sql_script *script = NULL;
    struct error err = {0};
    assert_false(sql_split(text, sizeof text - 1, &script, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.where, "2:4");
    assert_null(script);
}

static void looks_no_further_than_the_length(void **state)
{
    (void)state;
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    assert_true(sql_split("select 1; select 2", 8, &script, &err));
    assert_int_equal(script->count, 1);
    assert_int_equal(script->statements[0].length, 8);
    sql_free(NULL);
}

static void finds_the_first_that_must_stand_alone(void **state)
{
    (void)state;
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    static const char text[] = "select 1; vacuum; drop database x";
    assert_true(sql_split(text, sizeof text - 1, &script, &err));
    assert_ptr_equal(sql_alone(script), &script->statements[1]);
    sql_free(TAKE(script));
    assert_true(sql_split(text, 9, &script, &err));
    assert_null(sql_alone(script));
}

/* Nesting costs no stack, and nothing costs more than a constant number of passes. */
static void takes_deep_and_large_text(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    AUTO(buf) struct buf text = buf_make(20 * (size_t)DEPTH);
    buf_text(&text, "select ");
    for (int i = 0; i < DEPTH; i++) {
        buf_text(&text, "((/*");
    }
    for (int i = 0; i < DEPTH; i++) {
        buf_text(&text, "*/");
    }
    buf_text(&text, "));");
    for (int i = 0; i < DEPTH; i++) {
        buf_text(&text, "(");
    }
    for (int i = 0; i < DEPTH; i++) {
        buf_text(&text, ")");
    }
    buf_text(&text, ";");
    for (int i = 0; i < DEPTH; i++) {
        buf_text(&text, "select 1;");
    }
    struct error err = {0};
    AUTO(sql) struct sql_script *script = NULL;
    assert_true(sql_split(text.data, text.length, &script, &err));
    assert_int_equal(script->count, DEPTH + 2);
    assert_int_equal(script->statements[DEPTH + 1].column, text.length - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_as_the_data_files_say),
        cmocka_unit_test(refuses_a_zero_byte),
        cmocka_unit_test(looks_no_further_than_the_length),
        cmocka_unit_test(finds_the_first_that_must_stand_alone),
        cmocka_unit_test(takes_deep_and_large_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
