#include "base/json.h"
#include "deliver/cloudformation.h"
#include "deliver/requests.h"
#include "deliver/runs.h"

/* Renders, and reads it back: an object of strings within the limit. */
static json_t *rendered(const struct trigger *trigger, const struct outcome *outcome)
{
    AUTO(buf) struct buf body = buf_make(65536);
    deliver_answer_render(trigger->request, outcome, &body);
    assert_in_range(body.length, 1, DELIVER_ANSWER_MAX);
    assert_int_equal(text_bad_utf8(body.data, body.length), body.length);
    json_t *answer = NULL;
    struct error err;
    assert_true(json_read(body.data, body.length, &answer, &err));
    return answer;
}

static void check(const json_t *object, const char *key, const char *value)
{
    assert_non_null(json_text(object, key));
    assert_string_equal(json_text(object, key), value);
}

static void tells_a_success(void **state)
{
    (void)state;
    AUTO(trigger) struct trigger *trigger = request_read("Create", S3_URL, NULL);
    AUTO(outcome) struct outcome *outcome = run_applied();
    AUTO(json) json_t *answer = rendered(trigger, outcome);
    const json_t *data = json_object_get(answer, "Data");
    assert_int_equal(json_object_size(answer), 7);
    check(answer, "Status", "SUCCESS");
    check(answer, "Reason",
          "orders: 1 migration applied (run 0198c0de-0000-7000-8000-000000000001)");
    check(answer, "PhysicalResourceId", "postlude-orders");
    check(answer, "StackId", STACK);
    check(answer, "RequestId", "c2d4");
    check(answer, "LogicalResourceId", "Migration");
    check(data, "Outcome", "applied");
    check(data, "RunId", run_id);
    check(data, "Applied", "1");
    check(data, "AlreadyApplied", "0");
    check(data, "Pending", "0");
}

static void tells_a_failure_without_rows(void **state)
{
    (void)state;
    AUTO(trigger) struct trigger *trigger = request_read("Update", S3_URL, "of-before");
    AUTO(outcome) struct outcome *outcome = run_failed();
    outcome->log_url = memory_text("https://console.example/log");
    AUTO(json) json_t *answer = rendered(trigger, outcome);
    check(answer, "Status", "FAILED");
    check(answer, "PhysicalResourceId", "of-before");
    check(answer, "Reason",
          "orders: failed at 0002_unique, 1 applied before it, 0 not started: duplicate key value "
          "violates unique constraint. Mend the rows. (run "
          "0198c0de-0000-7000-8000-000000000001, https://console.example/log)");
    check(json_object_get(answer, "Data"), "Outcome", "failed");
}

static void status_of(enum outcome_kind kind, enum error_kind error, const char *type,
                      const char *status)
{
    AUTO(trigger) struct trigger *trigger = request_read(type, S3_URL, "id");
    AUTO(outcome) struct outcome *outcome = outcome_new();
    outcome->kind = kind;
    if (kind == OUTCOME_ERROR) {
        struct error err;
        error_set(&err, error, "words");
        outcome_fail(outcome, &err);
    }
    AUTO(json) json_t *answer = rendered(trigger, outcome);
    check(answer, "Status", status);
    assert_true(*json_text(answer, "Reason"));
}

/* AWS ends its sentences with a full stop, and we do not. */
static void puts_one_full_stop_before_the_hint(void **state)
{
    (void)state;
    static const char *const messages[] = {"the secret is gone", "the secret is gone."};
    AUTO(trigger) struct trigger *trigger = request_read("Create", S3_URL, NULL);
    for (size_t i = 0; i < COUNT(messages); i++) {
        AUTO(outcome) struct outcome *outcome = outcome_new();
        struct error err;
        error_set(&err, ERROR_DENIED, "%s", messages[i]);
        error_hint(&err, "Restore it.");
        outcome_fail(outcome, &err);
        AUTO(json) json_t *answer = rendered(trigger, outcome);
        assert_non_null(strstr(json_text(answer, "Reason"), " gone. Restore it."));
    }
}

static void succeeds_by_the_exit_code(void **state)
{
    (void)state;
    static const enum outcome_kind well[] = {OUTCOME_APPLIED, OUTCOME_NOTHING, OUTCOME_DUPLICATE,
                                             OUTCOME_IGNORED};
    static const enum error_kind ill[] = {
        ERROR_FAILED,   ERROR_UNKNOWN,     ERROR_LOST,     ERROR_INVALID,
        ERROR_REFUSED,  ERROR_UNREACHABLE, ERROR_DENIED,   ERROR_BUSY,
        ERROR_CONFLICT, ERROR_INTERRUPTED, ERROR_INTERNAL,
    };
    for (size_t i = 0; i < COUNT(well); i++) {
        status_of(well[i], ERROR_NONE, "Create", "SUCCESS");
    }
    for (size_t i = 0; i < COUNT(ill); i++) {
        status_of(OUTCOME_ERROR, ill[i], "Update", "FAILED");
        status_of(OUTCOME_ERROR, ill[i], "Delete", "SUCCESS");
    }
}

static void keeps_the_id_of_one_resource(void **state)
{
    (void)state;
    AUTO(trigger) struct trigger *create = request_read("Create", S3_URL, NULL);
    AUTO(outcome) struct outcome *applied = run_applied();
    AUTO(outcome) struct outcome *failed = run_failed();
    AUTO(outcome) struct outcome *planless = outcome_new();
    AUTO(json) json_t *first = rendered(create, applied);
    AUTO(json) json_t *second = rendered(create, failed);
    AUTO(json) json_t *third = rendered(create, planless);
    check(first, "PhysicalResourceId", "postlude-orders");
    check(second, "PhysicalResourceId", "postlude-orders");
    check(third, "PhysicalResourceId", "postlude");
    AUTO(trigger) struct trigger *update = request_read("Update", S3_URL, "postlude");
    AUTO(json) json_t *fourth = rendered(update, applied);
    check(fourth, "PhysicalResourceId", "postlude");
}

/* An error whose words are `count` characters of that unit, behind `lead` bytes more. */
static void grow(struct outcome *outcome, size_t lead, const char *unit, size_t count)
{
    struct error err;
    AUTO(buf) struct buf words = buf_make(8192);
    for (size_t i = 0; i < lead; i++) {
        buf_char(&words, 'x');
    }
    for (size_t i = 0; i < count; i++) {
        buf_text(&words, unit);
    }
    error_set(&err, ERROR_FAILED, "%s", words.data);
    error_hint(&err, "%s", words.data);
    outcome_fail(outcome, &err);
}

/* Around the limit, for characters of each length, at each offset. */
static void cuts_the_reason_to_fit(void **state)
{
    (void)state;
    static const char *const units[] = {"x",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x98", "\"",
                                        "\\", "\x1b",     "\xff",         "\xc2\x85"};
    AUTO(buf) struct buf id = buf_make(4096);
    for (size_t i = 0; i < 512; i++) {
        buf_text(&id, "\xc3\xa9");
    }
    AUTO(trigger) struct trigger *trigger = request_read("Update", S3_URL, id.data);
    AUTO(outcome) struct outcome *outcome = run_applied();
    size_t cut = 0;
    for (size_t i = 0; i < COUNT(units); i++) {
        for (size_t lead = 0; lead < 70; lead++) {
            grow(outcome, lead, units[i], 700);
            AUTO(json) json_t *answer = rendered(trigger, outcome);
            const char *reason = json_text(answer, "Reason");
            check(answer, "PhysicalResourceId", id.data);
            assert_true(text_ends(reason, " (run 0198c0de-0000-7000-8000-000000000001)"));
            assert_true(text_sequence(units[i], strlen(units[i])) < 2 || !strchr(reason, '\\') ||
                        strcmp(units[i], "\xc2\x85") == 0); /* no half of a character */
            cut += strstr(reason, "... (run") != NULL;
        }
    }
    assert_in_range(cut, 200, 70 * COUNT(units));
}

/* Everything given back is as long as it may be, and so is the link to the log. */
static void has_room_for_the_longest_ids(void **state)
{
    (void)state;
    AUTO(trigger) struct trigger *trigger = request_read("Update", S3_URL, "x");
    struct trigger_request *request = trigger->request;
    char **const ids[] = {&request->stack, &request->request_id, &request->logical_id,
                          &request->physical_id};
    const size_t sizes[] = {TRIGGER_STACK_MAX, TRIGGER_ID_MAX, TRIGGER_ID_MAX,
                            TRIGGER_PHYSICAL_MAX};
    for (size_t i = 0; i < COUNT(ids); i++) {
        free(*ids[i]);
        *ids[i] = memory_new(sizes[i] + 1, 1);
        memset(*ids[i], 'x', sizes[i]);
    }
    AUTO(outcome) struct outcome *outcome = run_applied();
    outcome->log_url = memory_new(3000, 1);
    memset(outcome->log_url, 'u', 2999);
    grow(outcome, 0, "\xe2\x82\xac", 700);
    AUTO(json) json_t *answer = rendered(trigger, outcome);
    check(answer, "StackId", request->stack);
    check(json_object_get(answer, "Data"), "Outcome", "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_success),
        cmocka_unit_test(tells_a_failure_without_rows),
        cmocka_unit_test(succeeds_by_the_exit_code),
        cmocka_unit_test(keeps_the_id_of_one_resource),
        cmocka_unit_test(puts_one_full_stop_before_the_hint),
        cmocka_unit_test(cuts_the_reason_to_fit),
        cmocka_unit_test(has_room_for_the_longest_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
