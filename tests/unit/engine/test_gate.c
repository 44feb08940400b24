#include "engine/gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"

enum { COMMAND, FILE_A, FILE_B, CACHE, MIGRATIONS };

/* A command, two files, and what runs in each run. */
struct world {
    struct plan plan;
    struct plan_migration migrations[MIGRATIONS];
    struct ledger ledger;
    struct ledger_row rows[MIGRATIONS];
    struct error err;
};

static char *const ids[] = {(char[]){"0_seed"}, (char[]){"1_a"}, (char[]){"2_b"},
                            (char[]){"3_cache"}};
static char run[] = "a-run";

/* All of it is applied. */
static void make(struct world *world)
{
    static char *command[] = {run, NULL};
    *world = (struct world){.plan.migration_count = MIGRATIONS, .ledger.count = MIGRATIONS};
    for (size_t i = 0; i < MIGRATIONS; i++) {
        world->migrations[i].id = ids[i];
        world->rows[i] = (struct ledger_row){.id = ids[i], .run_id = run, .attempting = -1};
    }
    world->migrations[COMMAND].command = command;
    world->migrations[CACHE].command = command;
    world->migrations[CACHE].every = true;
    world->plan.migrations = world->migrations;
    world->ledger.rows = world->rows;
}

static enum error_kind judge(struct world *world)
{
    AUTO(decide) struct decision *decision = decide(&world->plan, &world->ledger, NULL);
    world->err = (struct error){0};
    bool well = gate_judge(decision, &world->plan, &world->ledger, &world->err);
    assert_true(well == (world->err.kind == ERROR_NONE));
    return world->err.kind;
}

static void is_at_the_plan(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    assert_int_equal(judge(&world), ERROR_NONE);
    world.rows[FILE_B].state = LEDGER_SKIPPED;
    assert_int_equal(judge(&world), ERROR_NONE);
    /* What runs in each run is never pending: it never ran, failed, or was cut off. */
    world.rows[CACHE].state = LEDGER_FAILED;
    assert_int_equal(judge(&world), ERROR_NONE);
    world.rows[CACHE].state = LEDGER_STARTED;
    world.rows[CACHE].attempting = 0;
    assert_int_equal(judge(&world), ERROR_NONE);
    world.ledger.count--;
    assert_int_equal(judge(&world), ERROR_NONE);
}

static void an_older_image_is_fine_until_it_has_something_new(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    world.migrations[FILE_B] = world.migrations[CACHE];
    world.plan.migration_count = CACHE;
    assert_int_equal(judge(&world), ERROR_NONE);
    world.rows[FILE_A].state = LEDGER_FAILED;
    assert_int_equal(judge(&world), ERROR_CONFLICT);
}

static void names_what_is_pending(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    world.ledger.count = FILE_B;
    assert_int_equal(judge(&world), ERROR_PENDING);
    assert_string_equal(world.err.message, "1 migration is pending: 2_b");
    world.rows[FILE_A].state = LEDGER_FAILED;
    assert_int_equal(judge(&world), ERROR_PENDING);
    assert_string_equal(world.err.message, "2 migrations are pending: 1_a, 2_b");
    world.ledger.count = 0;
    assert_int_equal(judge(&world), ERROR_PENDING);
    assert_string_equal(world.err.message, "3 migrations are pending: 0_seed, 1_a, 2_b");
}

static void names_five_of_many(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    enum { MANY = 7 };
    struct plan_migration *many = memory_new(MANY, sizeof *many);
    char names[MANY][8];
    for (size_t i = 0; i < MANY; i++) {
        names[i][0] = (char)('a' + (char)i);
        names[i][1] = '\0';
        many[i].id = names[i];
    }
    world.ledger.count = 0;
    world.plan.migrations = many;
    world.plan.migration_count = MANY;
    assert_int_equal(judge(&world), ERROR_PENDING);
    assert_string_equal(world.err.message, "7 migrations are pending: a, b, c, d, e and 2 more");
    free(many);
}

static void what_was_cut_off_is_for_the_next_run_or_a_person(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    world.rows[FILE_B].state = LEDGER_STARTED;
    world.rows[FILE_B].attempting = 1;
    assert_int_equal(judge(&world), ERROR_PENDING);
    make(&world);
    world.rows[COMMAND].state = LEDGER_STARTED;
    world.rows[COMMAND].attempting = 0;
    world.ledger.count = FILE_A;
    assert_int_equal(judge(&world), ERROR_CONFLICT);
    assert_non_null(strstr(world.err.message, "\"0_seed\""));
    assert_non_null(strstr(world.err.hint, "postlude resolve 0_seed"));
    /* Its run is at it. */
    memcpy(world.ledger.holder.run_id, run, sizeof run);
    assert_int_equal(judge(&world), ERROR_PENDING);
    world.ledger.holder.run_id[0] = 'b';
    assert_int_equal(judge(&world), ERROR_CONFLICT);
    static char verify[] = "select true";
    world.migrations[COMMAND].verify = verify;
    assert_int_equal(judge(&world), ERROR_PENDING);
}

static void a_changed_file_is_a_conflict(void **state)
{
    (void)state;
    struct world world;
    make(&world);
    static char other[] = "sha256:0";
    world.migrations[FILE_A].checksum[0] = 'x';
    world.rows[FILE_A].checksum = other;
    assert_int_equal(judge(&world), ERROR_CONFLICT);
}

static void pauses_grow_to_a_few_seconds(void **state)
{
    (void)state;
    assert_int_equal(gate_pause_ms(1), 500);
    for (unsigned i = 1; i < 100; i++) {
        assert_true(gate_pause_ms(i) <= gate_pause_ms(i + 1));
        assert_true(gate_pause_ms(i) <= 4000);
    }
    assert_int_equal(gate_pause_ms(8), 4000);
    assert_int_equal(gate_pause_ms(4000000000U), 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_at_the_plan),
        cmocka_unit_test(an_older_image_is_fine_until_it_has_something_new),
        cmocka_unit_test(names_what_is_pending),
        cmocka_unit_test(names_five_of_many),
        cmocka_unit_test(what_was_cut_off_is_for_the_next_run_or_a_person),
        cmocka_unit_test(a_changed_file_is_a_conflict),
        cmocka_unit_test(pauses_grow_to_a_few_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
