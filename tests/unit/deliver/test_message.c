#include "deliver/message.h"

#include <string.h>

#include "deliver/runs.h"

static const struct deliver_target json_target = {.topic = "arn:aws:sns:eu-west-3:210987654321:o"};

static const char *value_of(const struct deliver_message *message, const char *name,
                            const char *type)
{
    for (size_t i = 0; i < message->attribute_count; i++) {
        if (strcmp(message->attributes[i].name, name) == 0) {
            assert_string_equal(message->attributes[i].type, type);
            return message->attributes[i].value;
        }
    }
    return NULL;
}

static void leaves_empty_attributes_out(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = outcome_new();
    struct error err;
    error_set(&err, ERROR_INVALID, "no plan");
    outcome_fail(outcome, &err);
    outcome->pipeline = memory_text("");
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    assert_int_equal(message.attribute_count, 2);
    assert_string_equal(value_of(&message, "outcome", "String"), "invalid");
    assert_string_equal(value_of(&message, "exit_code", "Number"), "2");
    assert_string_equal(message.group, "postlude");
}

static void cuts_and_escapes_attributes(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_applied();
    free(outcome->pipeline);
    char *pipeline = memory_new(2001, 1);
    memset(pipeline, '\x01', 2000);
    outcome->pipeline = pipeline;
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    const char *value = value_of(&message, "pipeline", "String");
    assert_true(text_starts(value, "\\x01\\x01"));
    assert_int_equal(strlen(value), 256);
}

static void has_no_character_in_them_that_sns_refuses(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_applied();
    free(outcome->pipeline);
    outcome->pipeline = memory_text("a\xef\xbf\xbe\xef\xbf\xbf");
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    assert_string_equal(value_of(&message, "pipeline", "String"), "a\xef\xbf\xbd\xef\xbf\xbd");
}

static void carries_what_filters_need(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    assert_string_equal(value_of(&message, "outcome", "String"), "failed");
    assert_string_equal(value_of(&message, "exit_code", "Number"), "1");
    assert_string_equal(value_of(&message, "plan", "String"), "orders");
    assert_string_equal(value_of(&message, "trigger", "String"), "codepipeline");
    assert_string_equal(value_of(&message, "pipeline", "String"), "orders-prod");
    assert_string_equal(message.group, "orders");
    assert_string_equal(message.deduplication, "0198c0de-0000-7000-8000-000000000001-failed");
}

/* On time it has no such attribute: a filter can ask whether it is there. */
static void marks_what_is_late(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    AUTO(deliver_message) struct deliver_message first;
    deliver_message_make(outcome, &json_target, &first);
    assert_null(value_of(&first, "late", "String"));
    outcome->late = true;
    AUTO(deliver_message) struct deliver_message late;
    deliver_message_make(outcome, &json_target, &late);
    assert_string_equal(value_of(&late, "late", "String"), "true");
    assert_string_equal(value_of(&late, "outcome", "String"), "failed");
    assert_true(text_starts(late.subject, "late: "));
    assert_string_equal(late.deduplication, first.deduplication);
    assert_int_equal(late.attribute_count, first.attribute_count + 1);
    assert_non_null(strstr(late.text.data, "\"late\":true"));
}

static void makes_a_group_of_any_plan(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_applied();
    free(outcome->plan);
    outcome->plan = memory_new(301, 1);
    memset(outcome->plan, ' ', 300);
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    assert_int_equal(strlen(message.group), 128);
    assert_int_equal(strspn(message.group, "_"), 128);
}

static size_t size_of(const struct deliver_message *message)
{
    size_t size = message->text.length;
    for (size_t i = 0; i < message->attribute_count; i++) {
        size += strlen(message->attributes[i].name) + strlen(message->attributes[i].type) +
                strlen(message->attributes[i].value);
    }
    return size;
}

static void fits_into_what_sns_takes(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    run_grow(outcome, 1500);
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    assert_in_range(size_of(&message), AWS_SNS_MESSAGE_MAX - 1000, AWS_SNS_MESSAGE_MAX);
}

static void leaves_room_for_its_attributes(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = run_failed();
    outcome->reason = memory_text("r");
    AUTO(buf) struct buf text = buf_make(AWS_SNS_MESSAGE_MAX);
    deliver_render(outcome, &json_target, AWS_SNS_MESSAGE_MAX, &text);
    size_t more = AWS_SNS_MESSAGE_MAX - text.length;
    free(outcome->reason);
    outcome->reason = memory_new(more + 2, 1);
    memset(outcome->reason, 'r', more + 1);
    AUTO(deliver_message) struct deliver_message message;
    deliver_message_make(outcome, &json_target, &message);
    assert_in_range(size_of(&message), 1, AWS_SNS_MESSAGE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_empty_attributes_out),
        cmocka_unit_test(cuts_and_escapes_attributes),
        cmocka_unit_test(has_no_character_in_them_that_sns_refuses),
        cmocka_unit_test(carries_what_filters_need),
        cmocka_unit_test(marks_what_is_late),
        cmocka_unit_test(makes_a_group_of_any_plan),
        cmocka_unit_test(fits_into_what_sns_takes),
        cmocka_unit_test(leaves_room_for_its_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
