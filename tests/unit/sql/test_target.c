#include "sql/sql.h"

#include "cases.h"

static const char *kind_name(enum sql_alone_kind kind)
{
    switch (kind) {
    case SQL_ALONE_UNKNOWN:
        return "unknown";
    case SQL_ALONE_CREATE_INDEX:
        return "create index";
    case SQL_ALONE_DROP_INDEX:
        return "drop index";
    case SQL_ALONE_REINDEX:
        return "reindex";
    case SQL_ALONE_DETACH:
        return "detach";
    case SQL_ALONE_CREATE_DATABASE:
        return "create database";
    case SQL_ALONE_DROP_DATABASE:
        return "drop database";
    case SQL_ALONE_CREATE_TABLESPACE:
        return "create tablespace";
    case SQL_ALONE_DROP_TABLESPACE:
        return "drop tablespace";
    case SQL_ALONE_CREATE_SUBSCRIPTION:
        return "create subscription";
    case SQL_ALONE_DROP_SUBSCRIPTION:
        return "drop subscription";
    case SQL_ALONE_REPEATABLE:
        return "repeatable";
    }
    return "?";
}

static void add_part(struct buf *out, const char *what, const char *text, size_t offset,
                     size_t length)
{
    if (length) {
        buf_format(out, " %s <%.*s>", what, (int)length, text + offset);
    }
}

static struct sql_script *split(const char *title, const char *text, size_t length)
{
    struct sql_script *script = NULL;
    struct error err = {0};
    if (!sql_split(text, length, &script, &err)) {
        fail_msg("%s: %s %s", title, err.where, err.message);
    }
    return script;
}

/* A line a statement. */
static void render_targets(const char *title, const char *text, size_t length, struct buf *out)
{
    AUTO(sql) struct sql_script *script = split(title, text, length);
    for (size_t i = 0; i < script->count; i++) {
        struct sql_target target;
        sql_target(text, &script->statements[i], &target);
        buf_text(out, kind_name(target.kind));
        add_part(out, "object", text, target.object_offset, target.object_length);
        add_part(out, "table", text, target.table_offset, target.table_length);
        buf_format(out, "%s%s%s%s\n", target.only ? " only" : "",
                   target.finalize ? " finalize" : "", target.concurrently ? " concurrently" : "",
                   target.of_index ? " of index" : "");
    }
}

static void finds_what_the_data_files_say(void **state)
{
    (void)state;
    cases_run("target", render_targets);
}

static void check_name(const char *name, const char *plain)
{
    AUTO(buf) struct buf out = buf_make(1000);
    buf_text(&out, "=");
    char text[100];
    (void)snprintf(text, sizeof text, "x %s y", name);
    bool fine = sql_plain_name(text, 2, strlen(name), &out);
    assert_int_equal(fine, plain != NULL);
    assert_string_equal(out.data + 1, plain ? plain : "");
}

static void makes_names_plain(void **state)
{
    (void)state;
    check_name("t", "t");
    check_name("S . /* a */ \"T \"\".\" -- b\n . t$1", "S.\"T \"\".\".t$1");
    check_name("s . U&\"d\\0061\"", NULL);
    check_name("u&\"t\"", NULL);
    check_name("u.t", "u.t");
}

static size_t alone_count;

/* A rule that is new in kind.c must not be forgotten in target.c. */
static void check_known(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)out;
    struct sql_script *script = NULL;
    struct error err;
    if (!sql_split(text, length, &script, &err)) {
        return;
    }
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        struct sql_target target;
        sql_target(text, statement, &target);
        bool alone = statement->kind == SQL_ALONE;
        bool publications = strstr(statement->name, "PUBLICATION with") != NULL;
        if (alone != (target.kind != SQL_ALONE_UNKNOWN) && !target.finalize && !publications) {
            fail_msg("%s: %s", title, statement->name);
        }
        alone_count += alone;
    }
    sql_free(script);
}

static void knows_every_statement_that_stands_alone(void **state)
{
    (void)state;
    cases_visit("split", check_known);
    assert_true(alone_count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_the_data_files_say),
        cmocka_unit_test(makes_names_plain),
        cmocka_unit_test(knows_every_statement_that_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
