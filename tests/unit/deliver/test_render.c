#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "deliver/message.h"
#include "deliver/runs.h"

static const struct deliver_target json_target = {.format = DELIVER_JSON};
static const struct deliver_target text_target = {.format = DELIVER_TEXT};

/* Renders it as JSON within max and reads it back. */
static json_t *rendered(const struct outcome *outcome, size_t max)
{
    AUTO(buf) struct buf out = buf_make(max);
    deliver_render(outcome, &json_target, max, &out);
    assert_false(out.full);
    json_t *report = NULL;
    struct error err;
    if (!json_read(out.data, out.length, &report, &err)) {
        fail_msg("not JSON: %s", err.message);
    }
    return report;
}

static size_t list_size(const json_t *report, const char *name)
{
    return json_array_size(json_object_get(report, name));
}

static int64_t missing(const json_t *report, const char *name)
{
    const json_t *value = json_object_get(json_object_get(report, "truncated"), name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void keeps_row_data_unless_told(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    for (int details = 0; details <= 1; details++) {
        for (int format = DELIVER_JSON; format <= DELIVER_CHAT; format++) {
            const struct deliver_target target = {.format = (enum deliver_format)format,
                                                  .details = details};
            AUTO(buf) struct buf out = buf_make(65536);
            deliver_render(outcome, &target, 65536, &out);
            assert_int_equal(strstr(out.data, "row-data") != NULL, details);
        }
    }
}

static void is_whole_when_it_fits(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    AUTO(json) json_t *whole = outcome_json(outcome, OUTCOME_GUARDED);
    AUTO(json) json_t *report = rendered(outcome, 65536);
    assert_true(json_equal(whole, report));
    assert_null(json_object_get(report, "truncated"));
}

static void cuts_the_pending_first(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    run_grow(outcome, 100);
    AUTO(json) json_t *whole = outcome_json(outcome, OUTCOME_GUARDED);
    size_t max = json_dumpb(whole, NULL, 0, JSON_COMPACT) - 2000;
    AUTO(json) json_t *report = rendered(outcome, max);
    assert_int_equal(missing(report, "pending_total"), 101);
    assert_int_equal(missing(report, "applied_total"), -1);
    assert_int_equal(list_size(report, "applied"), 101);
    assert_in_range(list_size(report, "pending"), 85, 95);
    assert_string_equal(json_string_value(json_array_get(json_object_get(report, "pending"), 0)),
                        "0002_unique");
    assert_true(json_dumpb(report, NULL, 0, JSON_COMPACT) > max - 300);
}

static void cuts_every_list(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    run_grow(outcome, 500);
    AUTO(json) json_t *report = rendered(outcome, 6000);
    assert_int_equal(missing(report, "pending_total"), 501);
    assert_int_equal(missing(report, "applied_total"), 501);
    assert_int_equal(missing(report, "unknown_total"), 500);
    assert_int_equal(missing(report, "every_total"), 500);
    assert_string_equal(json_text(json_object_get(report, "error"), "left"), "nothing");
    assert_int_equal(list_size(report, "pending"), 5);
    assert_string_equal(json_text(json_object_get(report, "error"), "hint"), "Mend the rows.");
}

static void cuts_texts_of_the_error_between_characters(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    for (size_t i = 0; i + 4 < sizeof outcome->error.message; i += 2) {
        memcpy(outcome->error.message + i, "\xc3\xa9", 3);
    }
    AUTO(json) json_t *report = rendered(outcome, 2400);
    const char *message = json_text(json_object_get(report, "error"), "message");
    assert_int_equal(strlen(message), 403);
    assert_true(text_ends(message, "\xc3\xa9..."));
    assert_true(missing(report, "message_bytes") > 1500);
}

static void cuts_whatever_is_long(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_applied();
    outcome->reason = memory_new(100001, 1);
    memset(outcome->reason, 'r', 100000);
    AUTO(json) json_t *report = rendered(outcome, 4000);
    assert_int_equal(missing(report, "reason_bytes"), 100000);
}

static void cuts_text_with_a_closing_line(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    for (size_t i = 0; i + 4 < sizeof outcome->error.hint; i += 2) {
        memcpy(outcome->error.hint + i, "\xc3\xa9", 3);
    }
    for (size_t max = 400; max < 404; max++) {
        AUTO(buf) struct buf out = buf_make(max);
        deliver_render(outcome, &text_target, max, &out);
        assert_false(out.full);
        assert_true(out.length > max - 4);
        assert_int_equal(text_bad_utf8(out.data, out.length), out.length);
        assert_true(text_ends(out.data, "the whole report is in the log and in the ledger.\n"));
    }
}

static void replaces_what_sns_refuses(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    text_copy(outcome->error.message, sizeof outcome->error.message,
              "a\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd\xef\xbf\xbc");
    for (int format = DELIVER_JSON; format <= DELIVER_CHAT; format++) {
        const struct deliver_target target = {.format = (enum deliver_format)format};
        AUTO(buf) struct buf out = buf_make(65536);
        deliver_render(outcome, &target, 65536, &out);
        assert_null(strstr(out.data, "\xef\xbf\xbe"));
        assert_null(strstr(out.data, "\xef\xbf\xbf"));
        assert_non_null(strstr(out.data, "\xef\xbf\xbc"));
    }
}

/* What a terminal would obey grows threefold when it is written out. */
static void counts_what_escaping_adds(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    for (int i = 0; i < 200; i++) {
        outcome_add_pending(outcome,
                            "\xc2\x85\xc2\x85\xc2\x85\xc2\x85\xc2\x85\xc2\x85\xc2\x85\xc2\x85");
    }
    for (size_t max = 4000; max < 6000; max += 100) {
        AUTO(json) json_t *report = rendered(outcome, max);
        assert_true(list_size(report, "pending") > 5);
    }
}

static char *long_text(void)
{
    static const char piece[] = "\xc2\x85"; /* six bytes once it is written */
    char *text = memory_new(4001, 1);
    for (size_t i = 0; i + 2 <= 4000; i += 2) {
        memcpy(text + i, piece, 2);
    }
    return text;
}

/* Everything is as long as it can be, and the lists are no help. */
static void fits_a_line_of_the_log(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    AUTO(text) char *text = long_text();
    struct outcome_failure *failure = &outcome->failure;
    char **members[] = {&outcome->pipeline, &outcome->reason, &outcome->by,      &outcome->task_arn,
                        &outcome->cluster,  &outcome->family, &outcome->log_url, &outcome->rerun,
                        &outcome->image,    &outcome->note,   &outcome->host,    &outcome->user};
    for (size_t i = 0; i < COUNT(members); i++) {
        free(*members[i]);
        *members[i] = memory_text(text);
    }
    text_copy(outcome->error.message, sizeof outcome->error.message, text);
    text_copy(outcome->error.hint, sizeof outcome->error.hint, text);
    text_copy(failure->detail, sizeof failure->detail, text);
    text_copy(failure->statement, sizeof failure->statement, text);
    failure->blocker_count = OUTCOME_BLOCKERS_MAX;
    for (size_t i = 0; i < OUTCOME_BLOCKERS_MAX; i++) {
        text_copy(failure->blockers[i].query, sizeof failure->blockers[i].query, text);
        text_copy(failure->blockers[i].user, sizeof failure->blockers[i].user, text);
    }
    AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
    AUTO(buf) struct buf line = buf_make(12 * 1024 - 1);
    deliver_shrink(report, line.max);
    json_write(report, &line);
    assert_false(line.full);
    assert_true(missing(report, "message_bytes") > 1000);
    assert_string_equal(json_text(report, "run_id"), outcome->run_id);
    assert_string_equal(json_text(report, "outcome"), "failed");
}

/* Whatever the service does not know of, it drops. */
static void names_the_chat_as_the_subject_does(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    run_grow(outcome, 1500);
    const struct deliver_target target = {.format = DELIVER_CHAT, .subject = "prod orders"};
    AUTO(buf) struct buf out = buf_make(AWS_SNS_MESSAGE_MAX);
    deliver_render(outcome, &target, 32768, &out);
    assert_in_range(out.length, 1000, 32768);
    AUTO(json) json_t *message = NULL;
    struct error err;
    assert_true(json_read(out.data, out.length, &message, &err));
    const char *title = json_text(json_object_get(message, "content"), "title");
    assert_non_null(strstr(title, "prod orders: failed at 0002_unique"));
    assert_null(json_object_get(message, "schema"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_row_data_unless_told),
        cmocka_unit_test(is_whole_when_it_fits),
        cmocka_unit_test(cuts_the_pending_first),
        cmocka_unit_test(cuts_every_list),
        cmocka_unit_test(cuts_texts_of_the_error_between_characters),
        cmocka_unit_test(cuts_whatever_is_long),
        cmocka_unit_test(cuts_text_with_a_closing_line),
        cmocka_unit_test(replaces_what_sns_refuses),
        cmocka_unit_test(counts_what_escaping_adds),
        cmocka_unit_test(fits_a_line_of_the_log),
        cmocka_unit_test(names_the_chat_as_the_subject_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
