#include <string.h>

#include "deliver/message.h"
#include "deliver/runs.h"

static void check(const struct outcome *outcome, const char *prefix, const char *expected)
{
    char subject[AWS_SNS_SUBJECT_MAX + 1];
    deliver_subject(outcome, prefix, subject);
    assert_string_equal(subject, expected);
}

/* What SNS takes. */
static void check_takes(const char *subject)
{
    assert_true(strlen(subject) >= 1 && strlen(subject) <= 99);
    assert_true((subject[0] >= 'a' && subject[0] <= 'z') ||
                (subject[0] >= 'A' && subject[0] <= 'Z') ||
                (subject[0] >= '0' && subject[0] <= '9'));
    for (const char *at = subject; *at; at++) {
        assert_true(*at >= ' ' && *at < 0x7F);
    }
}

static void is_never_what_sns_refuses(void **state)
{
    (void)state;
    static const char *const nasty[] = {
        "\n", "é", "***", ": :", "\x7f\x01", "\xff\xfe", " \t ", ""};
    for (size_t i = 0; i < COUNT(nasty); i++) {
        AUTO(outcome) struct outcome *outcome = run_applied();
        free(outcome->plan);
        outcome->plan = memory_text(nasty[i]);
        char subject[AWS_SNS_SUBJECT_MAX + 1];
        deliver_subject(outcome, nasty[i], subject);
        check_takes(subject);
        deliver_subject(outcome, NULL, subject);
        check_takes(subject);
    }
}

static void names_plan_and_outcome(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *applied = run_applied();
    check(applied, NULL, "orders: 1 migration applied");
    check(applied, "", "orders: 1 migration applied");
    AUTO(outcome) struct outcome *failed = run_failed();
    check(failed, NULL, "orders: failed at 0002_unique, 1 applied before it, 0 not started");
}

static void a_prefix_stands_for_the_plan(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *applied = run_applied();
    check(applied, "prod orders", "prod orders: 1 migration applied");
    check(applied, " orders", "orders: 1 migration applied");
    check(applied, "prod:", "prod: 1 migration applied");
    check(applied, "[prod]", "prod]: 1 migration applied");
    check(applied, "prod\r\norders\t", "prod orders: 1 migration applied");
    check(applied, "caf\xc3\xa9", "caf: 1 migration applied");
}

static void says_first_that_it_is_late(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *applied = run_applied();
    applied->late = true;
    check(applied, NULL, "late: orders: 1 migration applied");
    check(applied, "[prod]", "late: prod]: 1 migration applied");
    AUTO(outcome) struct outcome *failed = run_failed();
    failed->late = true;
    memset(failed->failure.migration, 'm', 200);
    failed->failure.migration[200] = '\0';
    char subject[AWS_SNS_SUBJECT_MAX + 1];
    deliver_subject(failed, NULL, subject);
    check_takes(subject);
    assert_int_equal(strlen(subject), AWS_SNS_SUBJECT_MAX);
}

static void a_long_prefix_leaves_room_for_the_outcome(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *applied = run_applied();
    char prefix[300];
    memset(prefix, 'p', sizeof prefix);
    prefix[sizeof prefix - 1] = '\0';
    char subject[AWS_SNS_SUBJECT_MAX + 1];
    deliver_subject(applied, prefix, subject);
    assert_true(text_ends(subject, "p: 1 migration applied"));
}

static void is_cut(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *failed = run_failed();
    memset(failed->failure.migration, 'm', 200);
    failed->failure.migration[200] = '\0';
    char subject[AWS_SNS_SUBJECT_MAX + 1];
    deliver_subject(failed, NULL, subject);
    assert_true(text_starts(subject, "orders: failed at mmm"));
    check_takes(subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_never_what_sns_refuses),
        cmocka_unit_test(names_plan_and_outcome),
        cmocka_unit_test(says_first_that_it_is_late),
        cmocka_unit_test(a_prefix_stands_for_the_plan),
        cmocka_unit_test(a_long_prefix_leaves_room_for_the_outcome),
        cmocka_unit_test(is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
