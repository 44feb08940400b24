#include "confirm/judge.h"

#include "aws/blocks.h"
#include "confirm/events.h"

static const char *const verdicts[] = {
    [CONFIRM_TRUE] = "true", [CONFIRM_LATER] = "later", [CONFIRM_FALSE] = "false"};

/* Holds a verdict against what the block has of it. */
static void check(const struct block *block, enum confirm_verdict verdict, const struct error *err)
{
    const char *message = block_get(block, "message");
    assert_string_equal(verdicts[verdict], block_need(block, "verdict"));
    if (verdict == CONFIRM_TRUE) {
        assert_int_equal(err->kind, ERROR_NONE);
        return;
    }
    assert_int_equal(err->kind, ERROR_REFUSED);
    assert_string_equal(err->message, message ? message : "(no message in the case)");
    if (!strstr(err->hint, block_need(block, "hint"))) {
        fail_msg("hint lacks \"%s\": %s", block_need(block, "hint"), err->hint);
    }
}

static void take(const struct block *block, const char *key, char *field, size_t size)
{
    if (block_get(block, key)) {
        text_copy(field, size, block_get(block, key));
    }
}

static void check_execution(const struct block *block)
{
    AUTO(trigger) struct trigger *trigger = event_of(block_get(block, "stage"));
    struct aws_execution execution = {
        .pipeline = "orders-prod", .id = OURS, .status = "Succeeded", .version = 6};
    struct error err = {0};
    take(block, "pipeline", execution.pipeline, sizeof execution.pipeline);
    take(block, "id", execution.id, sizeof execution.id);
    take(block, "status", execution.status, sizeof execution.status);
    if (block_get(block, "version")) {
        assert_true(text_integer(block_get(block, "version"), -1, 100, &execution.version));
    }
    execution.rollback = block_get(block, "rollback") != NULL;
    enum confirm_verdict verdict = confirm_judge_execution(trigger, &execution, &err);
    check(block, verdict, &err);
    if (verdict == CONFIRM_TRUE) {
        assert_int_equal(confirm_needs_stage(trigger, &execution),
                         block_get(block, "looks_for_stage") != NULL);
    }
}

static void judges_executions(void **state)
{
    (void)state;
    blocks_each("executions.txt", check_execution);
}

/* "ID STATUS SECONDS"; "ours" and "other" stand for ids, "-" for what is not told. */
static struct aws_execution_row row_of(const char *text)
{
    struct aws_execution_row row = {.started_ms = -1};
    char id[64];
    char status[64];
    char seconds[64];
    int64_t value = 0;
    assert_int_equal(sscanf(text, "%63s %63s %63s", id, status, seconds), 3);
    const char *known = strcmp(id, "ours") == 0 ? OURS : strcmp(id, "other") == 0 ? OTHER : id;
    text_copy(row.id, sizeof row.id, known);
    text_copy(row.status, sizeof row.status, strcmp(status, "-") == 0 ? "" : status);
    if (strcmp(seconds, "-") != 0) {
        assert_true(text_integer(seconds, 0, 4000000000, &value));
        row.started_ms = value * 1000;
    }
    return row;
}

static void check_list(const struct block *block)
{
    AUTO(trigger) struct trigger *trigger = event_of(block_get(block, "stage"));
    struct confirm_list list = {.whole = !block_get(block, "more")};
    struct error err = {0};
    for (size_t i = 0; block_nth(block, "row", i); i++) {
        list.rows[list.count++] = row_of(block_nth(block, "row", i));
    }
    enum confirm_verdict verdict = trigger->stage ? confirm_judge_stage(trigger, &list, &err)
                                                  : confirm_judge_newer(trigger, &list, &err);
    check(block, verdict, &err);
}

static void judges_lists(void **state)
{
    (void)state;
    blocks_each("lists.txt", check_list);
}

static void lacks(struct trigger *trigger, const char *role, const char *message, const char *hint)
{
    struct error err = {0};
    assert_false(confirm_judge_event(trigger, role, &err));
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_non_null(strstr(err.message, message));
    assert_non_null(strstr(err.hint, hint));
}

static void asks_nothing_about_an_event_that_says_too_little(void **state)
{
    (void)state;
    AUTO(trigger) struct trigger *trigger = event_of(NULL);
    struct error err = {0};
    assert_true(confirm_judge_event(trigger, NULL, &err));
    trigger->version = -1;
    lacks(trigger, NULL, "no version", "POSTLUDE_EVENT_VERSION");
    trigger->version = 6;
    free(trigger->region);
    trigger->region = NULL;
    lacks(trigger, NULL, "no region", "POSTLUDE_EVENT_REGION");
}

static void a_role_asks_in_its_own_account_only(void **state)
{
    (void)state;
    AUTO(trigger) struct trigger *trigger = event_of(NULL);
    struct error err = {0};
    assert_true(confirm_judge_event(trigger, "arn:aws:iam::210987654321:role/verify", &err));
    lacks(trigger, "arn:aws:iam::110987654321:role/verify", "account 210987654321",
          "arn:aws:iam::110987654321:role/verify can ask");
    free(trigger->account);
    trigger->account = NULL;
    assert_true(confirm_judge_event(trigger, "arn:aws:iam::110987654321:role/verify", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_executions),
        cmocka_unit_test(judges_lists),
        cmocka_unit_test(asks_nothing_about_an_event_that_says_too_little),
        cmocka_unit_test(a_role_asks_in_its_own_account_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
