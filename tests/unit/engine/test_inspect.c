#include "engine/inspect.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"

#include "check.h"

static char folder[] = "/tmp/postlude-inspect-XXXXXX";

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void write_files(void)
{
    write_file("plain.sql", "create table a (id int);\ninsert into a values (1);\n");
    write_file("index.sql", "create table b (id int);\n"
                            "create index concurrently b_id on b (id);\n");
    write_file("other.sql", "select 1;\n");
    write_file("later.sql", "vacuum;\n");
    write_file("modes.sql", "begin isolation level serializable;\nselect 1;\ncommit;\n");
    write_file("framed.sql", "begin;\nselect 1;\ncommit;\n");
    write_file("open.sql", "select 1;\nselect 'never closed;\n");
    write_file("control.sql", "select 1;\nrollback;\n");
    write_file("empty.sql", "");
}

static int enter_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) != 0) {
        return 1;
    }
    write_files();
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

/* The plan of these entries, which has no errors. */
static struct plan *load(const char *run, const char *entries)
{
    char text[8192];
    (void)snprintf(text, sizeof text,
                   "version: 1\nplan: orders\n"
                   "database: {host: h, name: d, user: u, password: p}\n"
                   "%smigrations:\n%s",
                   run, entries);
    write_file("plan.yaml", text);
    AUTO(findings) struct findings findings = {0};
    struct plan *plan = plan_load("plan.yaml", &findings);
    struct error err;
    if (findings_error(&findings, ERROR_INVALID, &err)) {
        fail_msg("%s: %s", err.where, err.message);
    }
    assert_non_null(plan);
    return plan;
}

static void knows_the_mode(void **state)
{
    (void)state;
    AUTO(plan)
    struct plan *plan = load("", "  - plain.sql\n"
                                 "  - index.sql\n"
                                 "  - {file: framed.sql, transaction: auto}\n"
                                 "  - {id: forced, file: other.sql, transaction: \"no\"}\n"
                                 "  - {id: held, file: later.sql, transaction: \"yes\"}\n"
                                 "  - {id: seed, command: [seed]}\n"
                                 "  - {id: each, command: [each], when: every}\n"
                                 "  - empty.sql\n");
    static const enum inspect_mode modes[] = {
        INSPECT_TRANSACTION, INSPECT_ALONE,   INSPECT_TRANSACTION, INSPECT_ALONE,
        INSPECT_TRANSACTION, INSPECT_COMMAND, INSPECT_COMMAND,     INSPECT_TRANSACTION,
    };
    assert_int_equal(plan->migration_count, COUNT(modes));
    for (size_t i = 0; i < COUNT(modes); i++) {
        struct inspect_file file;
        struct error err;
        assert_true(inspect_read(&plan->migrations[i], &file, &err));
        assert_true(file.known);
        assert_int_equal(file.mode, modes[i]);
        assert_int_equal(file.text != NULL, modes[i] != INSPECT_COMMAND);
        assert_int_equal(file.script != NULL, modes[i] != INSPECT_COMMAND);
        inspect_clear(&file);
        assert_true(file.known);
        assert_int_equal(file.mode, modes[i]);
        assert_null(file.text);
        inspect_clear(&file);
    }
}

static void names_the_place_of_what_cannot_be_split(void **state)
{
    (void)state;
    AUTO(plan) struct plan *plan = load("", "  - open.sql\n");
    struct inspect_file file = {0};
    struct error err = {0};
    assert_false(inspect_read(&plan->migrations[0], &file, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.where, "open.sql:2:8");
    assert_null(file.text);
    AUTO(findings) struct findings findings = {0};
    inspect_migration(plan, &plan->migrations[0], &findings, NULL);
    assert_int_equal(findings.errors, 1);
    assert_string_equal(findings.items[0].file, "open.sql");
    assert_int_equal(findings.items[0].line, 2);
    assert_int_equal(findings.items[0].column, 8);
}

static void finds_that_the_file_was_changed_meanwhile(void **state)
{
    (void)state;
    write_file("moving.sql", "select 1;\n");
    AUTO(plan) struct plan *plan = load("", "  - moving.sql\n");
    write_file("moving.sql", "select 2;\n");
    struct inspect_file file = {0};
    struct error err = {0};
    assert_false(inspect_read(&plan->migrations[0], &file, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.where, "moving.sql"));
}

/* The verify of one migration, and what of the finding's message is to be there; NULL: none. */
static void check_verify(const char *verify, const char *expected)
{
    AUTO(plan)
    struct plan *plan = load("", "  - file: plain.sql\n    verify: select true\n");
    free(plan->migrations[0].verify); /* the plan refuses some of these by itself */
    plan->migrations[0].verify = memory_text(verify);
    AUTO(findings) struct findings findings = {0};
    struct inspect_file file = {0};
    inspect_migration(plan, &plan->migrations[0], &findings, &file);
    assert_true(file.known);
    inspect_clear(&file);
    assert_int_equal(findings.count, expected != NULL);
    if (expected) {
        const struct finding *found = &findings.items[0];
        assert_int_equal(found->level, FINDING_ERROR);
        assert_string_equal(found->file, "plan.yaml");
        assert_int_equal(found->line, 6);
        assert_int_equal(found->column, 13);
        assert_non_null(strstr(found->message, "verify of \"plain\""));
        assert_non_null(strstr(found->message, expected));
        assert_non_null(strstr(found->hint, "one SELECT"));
    }
}

static void finds_a_verify_that_cannot_be_asked(void **state)
{
    (void)state;
    check_verify("select true", NULL);
    check_verify("select true;", NULL);
    check_verify("select true; ;  -- end", NULL);
    check_verify("select ';' = ';'", NULL);
    check_verify("select 1; select true", "several statements");
    check_verify("-- nothing", "no statement");
    check_verify("select 'open", "quote");
    check_verify("commit", "not a query");
    check_verify("create index concurrently on a (id)", "not a query");
    check_verify("copy a from stdin;\n1\n\\.\n", "not a query");
    check_verify("listen a", "not a query");
}

/* What engine_inspect says of a fresh database and this plan; "" = nothing. */
static void inspect_all(const char *run, const char *entries, struct error *err)
{
    AUTO(plan) struct plan *plan = load(run, entries);
    struct ledger ledger = {0};
    AUTO(decide) struct decision *decision = decide(plan, &ledger, NULL);
    struct engine engine = {.request = {.plan = plan}, .ledger = &ledger};
    *err = (struct error){0};
    bool ok = engine_inspect(&engine, decision, err);
    assert_int_equal(ok, err->kind == ERROR_NONE);
    assert_true(ok || err->kind == ERROR_INVALID);
    engine_forget_files(&engine);
    engine_forget_files(&engine);
    assert_null(engine.files);
}

static void finds_what_cannot_be_one_transaction(void **state)
{
    (void)state;
    static const char all[] = "run: {transaction: all}\n";
    const struct {
        const char *entries, *expected, *where;
    } rows[] = {
        {"  - plain.sql\n  - framed.sql\n  - empty.sql\n", NULL, NULL},
        {"  - plain.sql\n  - index.sql\n", "CREATE INDEX CONCURRENTLY", "plan.yaml:7:5"},
        {"  - plain.sql\n  - {file: other.sql, id: x, transaction: \"no\"}\n",
         "\"x\" cannot run in one transaction", "plan.yaml:7:5"},
        {"  - {file: plain.sql, transaction: \"no\"}\n", "it says transaction: no",
         "plan.yaml:6:5"},
        {"  - plain.sql\n  - modes.sql\n", "modes of its own", "plan.yaml:7:5"},
        {"  - {id: seed, command: [seed]}\n", "a command runs outside", "plan.yaml:6:5"},
        {"  - {id: e, command: [e], when: every}\n  - plain.sql\n"
         "  - {id: f, command: [f], when: every}\n",
         NULL, NULL},
        {"  - plain.sql\n  - {id: e, command: [e], when: every}\n"
         "  - {id: f, command: [f], when: every}\n  - empty.sql\n",
         "\"e\" runs in each run and stands between", "plan.yaml:7:5"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err;
        inspect_all(all, rows[i].entries, &err);
        assert_int_equal(err.kind, rows[i].expected ? ERROR_INVALID : ERROR_NONE);
        if (rows[i].expected) {
            if (!strstr(err.message, rows[i].expected)) {
                fail_msg("row %zu: %s", i, err.message);
            }
            assert_string_equal(err.where, rows[i].where);
        }
        /* Each of its own: nothing of this is wrong. */
        inspect_all("", rows[i].entries, &err);
        assert_int_equal(err.kind, ERROR_NONE);
    }
}

static void checks_the_files_of_all_steps(void **state)
{
    (void)state;
    struct error err;
    inspect_all("", "  - plain.sql\n  - control.sql\n  - open.sql\n", &err);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.where, "control.sql:2:1");
    assert_non_null(strstr(err.hint, "1 more"));
}

/* A small file is kept until its turn, one that is large, or large once it is split, read again. */
static void keeps_what_is_small(void **state)
{
    (void)state;
    FILE *large = fopen("large.sql", "wb");
    assert_non_null(large);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(fputs("select 12345;\n", large) >= 0);
    }
    assert_int_equal(fclose(large), 0);
    AUTO(plan)
    struct plan *plan = load("", "  - plain.sql\n  - large.sql\n  - {id: seed, command: [seed]}\n");
    struct ledger ledger = {0};
    AUTO(decide) struct decision *decision = decide(plan, &ledger, NULL);
    struct engine engine = {.request = {.plan = plan}, .ledger = &ledger};
    struct error err;
    assert_true(engine_inspect(&engine, decision, &err));
    assert_non_null(engine.files[0].text);
    assert_null(engine.files[1].text);
    for (size_t i = 0; i < plan->migration_count; i++) {
        assert_true(engine.files[i].known);
        assert_true(engine_load(&engine, i, &err));
        assert_int_equal(engine.files[i].text != NULL, i != 2);
        assert_true(engine_load(&engine, i, &err));
        engine_unload(&engine, i);
        assert_null(engine.files[i].text);
        assert_true(engine.files[i].known);
    }
    assert_true(engine_load(&engine, 0, &err));
    engine_forget_files(&engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_mode),
        cmocka_unit_test(names_the_place_of_what_cannot_be_split),
        cmocka_unit_test(finds_that_the_file_was_changed_meanwhile),
        cmocka_unit_test(finds_a_verify_that_cannot_be_asked),
        cmocka_unit_test(finds_what_cannot_be_one_transaction),
        cmocka_unit_test(checks_the_files_of_all_steps),
        cmocka_unit_test(keeps_what_is_small),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
