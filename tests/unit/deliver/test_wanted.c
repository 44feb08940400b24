#include "deliver/deliver.h"

#include "deliver/runs.h"

/* In the order always, changes, failures. */
static void check(const struct outcome *outcome, bool always, bool changes, bool failures)
{
    assert_int_equal(deliver_wanted(outcome, DELIVER_ALWAYS), always);
    assert_int_equal(deliver_wanted(outcome, DELIVER_CHANGES), changes);
    assert_int_equal(deliver_wanted(outcome, DELIVER_FAILURES), failures);
}

static void never_ignored_dry_or_only_looked(void **state)
{
    (void)state;
    struct outcome outcome = {.kind = OUTCOME_IGNORED};
    check(&outcome, false, false, false);
    outcome = (struct outcome){.kind = OUTCOME_APPLIED, .dry_run = true};
    check(&outcome, false, false, false);
    outcome = (struct outcome){.kind = OUTCOME_ERROR, .dry_run = true};
    outcome.error.kind = ERROR_CONFLICT;
    check(&outcome, false, false, false);
    outcome = (struct outcome){.kind = OUTCOME_ERROR, .error.kind = ERROR_PENDING};
    check(&outcome, false, false, false);
}

static void every_failure(void **state)
{
    (void)state;
    for (int kind = ERROR_FAILED; kind <= ERROR_INTERNAL; kind++) {
        struct outcome outcome = {.kind = OUTCOME_ERROR};
        outcome.error.kind = (enum error_kind)kind;
        if (kind != ERROR_PENDING) {
            check(&outcome, true, true, true);
        }
    }
}

static void changes_and_nothing_new(void **state)
{
    (void)state;
    struct outcome outcome = {.kind = OUTCOME_APPLIED};
    check(&outcome, true, true, false);
    outcome.kind = OUTCOME_NOTHING;
    check(&outcome, true, false, false);
    outcome.kind = OUTCOME_DUPLICATE;
    check(&outcome, true, false, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_ignored_dry_or_only_looked),
        cmocka_unit_test(every_failure),
        cmocka_unit_test(changes_and_nothing_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
