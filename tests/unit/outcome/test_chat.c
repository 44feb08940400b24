#include "check.h"
#include "outcome/golden.h"
#include "outcome/samples.h"

enum { TEXT_MAX = 1024 * 1024 };

static void renders_each_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *message = outcome_chat(outcome, NULL, OUTCOME_WHOLE);
        AUTO(buf) struct buf out = buf_make(TEXT_MAX);
        char *text = json_dumps(message, JSON_INDENT(1));
        buf_format(&out, "%s\n", text);
        free(text);
        golden_check(samples[i].name, "chat", &out);
    }
}

static const char *part(const json_t *message, const char *key)
{
    const char *text = json_text(json_object_get(message, "content"), key);
    assert_non_null(text);
    return text;
}

/* Strings, and lists and one map of strings: whatever else there is, the service drops it all. */
static void check_strings(json_t *value, size_t depth)
{
    const char *key = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    assert_true(depth <= 3);
    json_object_foreach(value, key, inner) check_strings(inner, depth + 1);
    json_array_foreach(value, i, inner) assert_true(json_is_string(inner));
    assert_true(json_is_string(value) || json_is_object(value) || json_is_array(value));
}

static void is_what_the_service_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *message = outcome_chat(outcome, "prod orders", OUTCOME_GUARDED);
        check_strings(message, 0);
        assert_string_equal(json_text(message, "version"), "1.0");
        assert_string_equal(json_text(message, "source"), "custom");
        assert_string_equal(part(message, "textType"), "client-markdown");
        assert_non_null(strstr(part(message, "title"), "prod orders: "));
        assert_true(*part(message, "description"));
    }
}

/* However much there is to say. */
static void is_short(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_busy_table();
    char *text = memory_new(20001, 1);
    memset(text, '&', 20000);
    char **texts[] = {&outcome->plan,     &outcome->pipeline, &outcome->execution_id,
                      &outcome->host,     &outcome->database, &outcome->note,
                      &outcome->task_arn, &outcome->log_url,  &outcome->rerun};
    for (size_t i = 0; i < COUNT(texts); i++) {
        free(*texts[i]);
        *texts[i] = memory_text(text);
    }
    memset(outcome->error.message, '&', sizeof outcome->error.message - 1);
    memset(outcome->error.hint, '&', sizeof outcome->error.hint - 1);
    memset(outcome->failure.detail, '&', sizeof outcome->failure.detail - 1);
    memset(outcome->failure.migration, '&', sizeof outcome->failure.migration - 1);
    for (int i = 0; i < 100; i++) {
        outcome_add_applied(outcome, text, 1);
        outcome_add_pending(outcome, text);
    }
    free(text);
    AUTO(json) json_t *message = outcome_chat(outcome, NULL, OUTCOME_WHOLE);
    assert_true(strlen(part(message, "title")) <= 260);
    assert_true(strlen(part(message, "description")) <= 3000);
    AUTO(buf) struct buf out = buf_make(TEXT_MAX);
    json_write(message, &out);
    assert_true(out.length < 16384);
}

/* Marks of ours alone: code spans are even in number, and nothing else is one. */
static void nothing_from_outside_formats_or_calls(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_failed_on_data();
    static const char nasty[] = "<!channel> `x` *y* @here [z](https://evil.example) _q_";
    text_copy(outcome->error.message, sizeof outcome->error.message, nasty);
    text_copy(outcome->error.hint, sizeof outcome->error.hint, nasty);
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, nasty);
    text_copy(outcome->failure.statement, sizeof outcome->failure.statement, nasty);
    outcome->note = memory_text(nasty);
    outcome->reason = memory_text(nasty);
    outcome_add_pending(outcome, nasty);
    AUTO(json) json_t *message = outcome_chat(outcome, nasty, OUTCOME_WHOLE);
    char *text = json_dumps(json_object_get(message, "content"), 0);
    assert_null(strstr(text, "<!"));
    assert_null(strstr(part(message, "title"), "@here"));
    assert_null(strstr(part(message, "title"), "*y*"));
    assert_null(strstr(part(message, "title"), "`"));
    size_t ticks = 0;
    for (const char *at = part(message, "description"); *at; at++) {
        ticks += *at == '`';
        bool inside = ticks % 2 == 1;
        assert_true(inside || !strchr("<>*[]~", *at));
    }
    assert_int_equal(ticks % 2, 0);
    free(text);
}

static void guards_rows_and_literals(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_failed_on_data();
    AUTO(json) json_t *guarded = outcome_chat(outcome, NULL, OUTCOME_GUARDED);
    AUTO(json) json_t *whole = outcome_chat(outcome, NULL, OUTCOME_WHOLE);
    assert_null(strstr(part(guarded, "description"), "ana@example.org"));
    assert_non_null(strstr(part(whole, "description"), "ana@example.org"));
    AUTO(outcome) struct outcome *secret = sample_failed();
    text_copy(secret->failure.statement, OUTCOME_STATEMENT_SIZE, "ALTER ROLE a PASSWORD 'hunter2'");
    AUTO(json) json_t *hidden = outcome_chat(secret, NULL, OUTCOME_WHOLE);
    assert_null(strstr(part(hidden, "description"), "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_each_kind),
        cmocka_unit_test(is_what_the_service_takes),
        cmocka_unit_test(is_short),
        cmocka_unit_test(nothing_from_outside_formats_or_calls),
        cmocka_unit_test(guards_rows_and_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
