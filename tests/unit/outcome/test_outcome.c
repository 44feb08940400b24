#include "outcome/outcome.h"

#include <string.h>

#include "check.h"

/* Contract, section 2. */
static void names_and_exit_codes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum error_kind kind;
        int exit_code;
    } wanted[] = {
        {"failed", ERROR_FAILED, 1},      {"unknown", ERROR_UNKNOWN, 1},
        {"unknown", ERROR_LOST, 1},       {"invalid", ERROR_INVALID, 2},
        {"refused", ERROR_REFUSED, 3},    {"unreachable", ERROR_UNREACHABLE, 4},
        {"unreachable", ERROR_DENIED, 4}, {"busy", ERROR_BUSY, 5},
        {"conflict", ERROR_CONFLICT, 6},  {"interrupted", ERROR_INTERRUPTED, 7},
        {"pending", ERROR_PENDING, 9},    {"internal", ERROR_INTERNAL, 10},
    };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        AUTO(outcome) struct outcome *outcome = outcome_new();
        struct error err;
        error_set(&err, wanted[i].kind, "why");
        outcome_fail(outcome, &err);
        assert_string_equal(outcome_name(outcome), wanted[i].name);
        assert_int_equal(outcome_exit_code(outcome), wanted[i].exit_code);
    }
}

static void ends_well(void **state)
{
    (void)state;
    static const char *const names[] = {"applied", "nothing", "duplicate", "ignored"};
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTO(outcome) struct outcome *outcome = outcome_new();
        outcome->kind = (enum outcome_kind)i;
        assert_string_equal(outcome_name(outcome), names[i]);
        assert_int_equal(outcome_exit_code(outcome), 0);
    }
}

/* That a report could not be sent says nothing about the database. */
static void undelivered_is_no_outcome(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = outcome_new();
    struct error err;
    error_set(&err, ERROR_UNDELIVERED, "no");
    outcome_fail(outcome, &err);
    assert_string_equal(outcome_name(outcome), "nothing");
    assert_int_equal(outcome_exit_code(outcome), 0);
}

static void an_error_that_is_none_is_a_bug(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = outcome_new();
    struct error err = {0};
    outcome_fail(outcome, &err);
    assert_int_equal(outcome_exit_code(outcome), 10);
}

static void keeps_lists(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = outcome_new();
    char id[2] = "a";
    assert_string_equal(outcome_name(outcome), "nothing");
    for (; *id <= 'z'; (*id)++) {
        outcome_add_applied(outcome, id, *id);
        outcome_add_pending(outcome, id);
        outcome_add_unknown(outcome, id);
    }
    assert_string_equal(outcome_name(outcome), "applied");
    assert_int_equal(outcome->applied_count, 26);
    assert_string_equal(outcome->applied[25].id, "z");
    assert_int_equal(outcome->applied[25].duration_ms, 'z');
    assert_string_equal(outcome->pending[0], "a");
    assert_string_equal(outcome->unknown[25], "z");
    outcome_free(NULL);
}

/* What runs each time changes no outcome; a command that ran once does. */
static void each_run_is_no_change(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = outcome_new();
    char id[2] = "a";
    for (; *id <= 'z'; (*id)++) {
        outcome_add_every(outcome, id, *id, *id == 'z' ? 3 : 0);
    }
    assert_string_equal(outcome_name(outcome), "nothing");
    assert_int_equal(outcome->applied_count, 0);
    assert_int_equal(outcome->every_count, 26);
    assert_string_equal(outcome->every[25].id, "z");
    assert_int_equal(outcome->every[25].exit_status, 3);
    outcome_add_command(outcome, "seed", 5, 0);
    assert_string_equal(outcome_name(outcome), "applied");
    assert_true(outcome->applied[0].has_exit_status);
    assert_int_equal(outcome->every_count, 26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_exit_codes),
        cmocka_unit_test(undelivered_is_no_outcome),
        cmocka_unit_test(an_error_that_is_none_is_a_bug),
        cmocka_unit_test(ends_well),
        cmocka_unit_test(keeps_lists),
        cmocka_unit_test(each_run_is_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
