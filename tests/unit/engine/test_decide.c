#include "engine/decide.h"

#include "base/memory.h"
#include "sql/cases.h"

/*
 * A case is lines of three kinds:
 *   plan ID [late|every|command]      late: its entry has out_of_order; command, every: it has no
 *                                     file, and runs once, in each run
 *   row ID STATE [other|none|every] [N]
 *                                     other: with another checksum; none: without one; every: of a
 *                                     command of each run; N: the statement in flight
 *   to ID
 */
enum { LIST_MAX = 16 };

struct world {
    struct plan plan;
    struct plan_migration migrations[LIST_MAX];
    struct ledger ledger;
    struct ledger_row rows[LIST_MAX];
    char words[LIST_MAX * 2][5][64];
    const char *to;
};

static enum ledger_state state_named(const char *name)
{
    static const char *const names[] = {"applied", "started", "failed", "skipped"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum ledger_state)i;
        }
    }
    fail_msg("unknown state %s", name);
    return LEDGER_APPLIED;
}

static void take_line(struct world *world, char words[5][64])
{
    if (strcmp(words[0], "plan") == 0) {
        struct plan_migration *migration = &world->migrations[world->plan.migration_count++];
        migration->every = strcmp(words[2], "every") == 0;
        bool command = migration->every || strcmp(words[2], "command") == 0;
        migration->id = words[1];
        migration->file = command ? NULL : words[1];
        migration->line = 7;
        migration->column = 5;
        migration->out_of_order = strcmp(words[2], "late") == 0 ? words[2] : NULL;
        text_copy(migration->checksum, sizeof migration->checksum, command ? "" : "sha256:1");
    } else if (strcmp(words[0], "row") == 0) {
        static char mine[] = "sha256:1";
        static char other[] = "sha256:0";
        static char run[] = "a-run";
        static char every[] = "every";
        bool without = strcmp(words[3], "none") == 0 || strcmp(words[3], "every") == 0;
        struct ledger_row *row = &world->rows[world->ledger.count++];
        row->id = words[1];
        row->state = state_named(words[2]);
        row->run_id = run;
        row->kind = strcmp(words[3], "every") == 0 ? every : NULL;
        row->checksum = strcmp(words[3], "other") == 0 ? other : without ? NULL : mine;
        row->attempting = *words[4] ? strtoll(words[4], NULL, 10) : -1;
    } else {
        assert_string_equal(words[0], "to");
        world->to = words[1];
    }
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct ledger_row *)a)->id, ((const struct ledger_row *)b)->id);
}

static void read_world(const char *text, struct world *world)
{
    static char path[] = "plan.yaml";
    size_t line = 0;
    while (*text) {
        const char *next = text;
        size_t size = cases_line(text, &next);
        char copy[256];
        (void)snprintf(copy, sizeof copy, "%.*s", (int)size, text);
        char(*words)[64] = world->words[line++];
        assert_true(sscanf(copy, "%63s %63s %63s %63s %63s", words[0], words[1], words[2], words[3],
                           words[4]) > 1);
        take_line(world, words);
        text = next;
    }
    world->plan.migrations = world->migrations;
    world->plan.path = path;
    world->ledger.rows = world->rows;
    qsort(world->rows, world->ledger.count, sizeof world->rows[0], by_id);
}

static void render(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)title;
    (void)length;
    struct world world = {0};
    read_world(text, &world);
    AUTO(decide) struct decision *decision = decide(&world.plan, &world.ledger, world.to);
    assert_int_equal(decision->count, world.plan.migration_count);
    for (size_t i = 0; i < decision->count; i++) {
        buf_format(out, "%s%s %s", i ? ", " : "", world.migrations[i].id,
                   decide_state_name(decision->states[i]));
    }
    buf_text(out, "\nsteps:");
    for (size_t i = 0; i < decision->step_count; i++) {
        buf_format(out, " %s", world.migrations[decision->steps[i]].id);
    }
    buf_format(out, "\npending steps: %zu, applied: %zu\n", decision->pending_count,
               decision->applied_count);
    for (size_t i = 0; i < decision->stranger_count; i++) {
        buf_format(out, "stranger: %s\n", decision->strangers[i]->id);
    }
    struct error err;
    if (decide_check(decision, &world.plan, &world.ledger, &err)) {
        buf_text(out, "go\n");
    } else {
        assert_int_equal(err.kind, ERROR_CONFLICT);
        buf_format(out, "%s%s%s\n%s\n", err.where, *err.where ? ": " : "", err.message, err.hint);
    }
}

static void decides_as_the_data_files_say(void **state)
{
    (void)state;
    cases_run("decide", render);
}

static void knows_its_targets(void **state)
{
    (void)state;
    char first[] = "0001_orders";
    char second[] = "0002_items";
    struct plan_migration migrations[] = {{.id = first}, {.id = second}};
    const struct plan plan = {.migrations = migrations, .migration_count = 2};
    struct error err = {0};
    assert_true(decide_target(&plan, "0002_items", &err));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(decide_target(&plan, "0002_item", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "\"0002_item\""));
    assert_non_null(strstr(err.hint, "\"0002_items\""));
    assert_false(decide_target(&plan, "%s%n zzzzzzzzzzzzzzzzzzz", &err));
    assert_non_null(strstr(err.message, "%s%n"));
    assert_non_null(strstr(err.hint, "status"));
    const struct plan empty = {0};
    assert_false(decide_target(&empty, "x", &err));
}

/* Thousands of migrations must not cost the square of it. */
static void takes_many(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct plan plan = {.migration_count = MANY};
    struct ledger ledger = {.count = MANY};
    plan.migrations = memory_new(MANY, sizeof *plan.migrations);
    ledger.rows = memory_new(MANY, sizeof *ledger.rows);
    for (size_t i = 0; i < MANY; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%08zu", i);
        plan.migrations[i].id = memory_text(id);
        (void)snprintf(id, sizeof id, "%08zu", i + MANY / 2);
        ledger.rows[i].id = memory_text(id);
    }
    AUTO(decide) struct decision *decision = decide(&plan, &ledger, NULL);
    assert_int_equal(decision->step_count, MANY / 2);
    assert_int_equal(decision->stranger_count, MANY / 2);
    for (size_t i = 0; i < MANY; i++) {
        free(plan.migrations[i].id);
        free(ledger.rows[i].id);
    }
    free(plan.migrations);
    free(ledger.rows);
    decide_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_as_the_data_files_say),
        cmocka_unit_test(knows_its_targets),
        cmocka_unit_test(takes_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
