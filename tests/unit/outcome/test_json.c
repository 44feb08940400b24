#include "check.h"
#include "outcome/golden.h"
#include "outcome/samples.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

static void add_pretty(const json_t *value, struct buf *out)
{
    char *text = json_dumps(value, JSON_INDENT(1) | JSON_ENCODE_ANY);
    assert_non_null(text);
    buf_format(out, "%s\n", text);
    free(text);
}

static void renders_each_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        add_pretty(report, &text);
        golden_check(samples[i].name, "json", &text);
    }
}

static const char *const keys[] = {
    "schema",          "outcome",  "exit_code",  "plan",        "run_id",      "summary",
    "trigger",         "database", "started_at", "finished_at", "duration_ms", "applied",
    "already_applied", "pending",  "error",      "task",        "log_url",     "rerun",
    "dry_run",         "unknown",  "note",       "every",       "late",
};
static const char *const trigger_keys[] = {
    "kind",     "pipeline", "stage",      "execution_id",   "attempt", "event_id",
    "account",  "region",   "schedule",   "scheduled_time", "reason",  "by",
    "revision", "stack",    "logical_id", "request_type",
};

static void assert_keys(json_t *object, const char *const *wanted, size_t count)
{
    assert_int_equal(json_object_size(object), count);
    size_t at = 0;
    for (void *iter = json_object_iter(object); iter; iter = json_object_iter_next(object, iter)) {
        assert_string_equal(json_object_iter_key(iter), wanted[at++]);
    }
}

/* The same keys in the same order, however it ended. */
static void has_every_key_always(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_GUARDED);
        assert_keys(report, keys, COUNT(keys));
        assert_keys(json_object_get(report, "trigger"), trigger_keys, COUNT(trigger_keys));
    }
    AUTO(outcome) struct outcome *empty = outcome_new();
    AUTO(json) json_t *report = outcome_json(empty, OUTCOME_WHOLE);
    assert_keys(report, keys, COUNT(keys));
}

static void guards_rows_and_literals(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *data = sample_failed_on_data();
    AUTO(json) json_t *guarded = outcome_error_json(data, OUTCOME_GUARDED);
    AUTO(json) json_t *whole = outcome_error_json(data, OUTCOME_WHOLE);
    assert_true(json_is_null(json_object_get(guarded, "detail")));
    assert_true(json_is_null(json_object_get(guarded, "statement")));
    assert_true(json_is_string(json_object_get(whole, "detail")));
    assert_true(json_is_string(json_object_get(whole, "statement")));
    assert_int_equal(json_object_size(whole), json_object_size(guarded));
    AUTO(outcome) struct outcome *busy = sample_busy_table();
    AUTO(json) json_t *error = outcome_error_json(busy, OUTCOME_GUARDED);
    const json_t *blocker = json_array_get(json_object_get(error, "blockers"), 0);
    assert_true(json_is_null(json_object_get(blocker, "query")));
    assert_int_equal(json_integer_value(json_object_get(blocker, "pid")), 4711);
}

static void never_shows_a_statement_with_a_password(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "ALTER ROLE app PASSWORD 'hunter2'",
        "alter role app password'hunter2'",
        "ALTER ROLE app ENCRYPTED PASSWORD $$hunter2$$",
        "SELECT 1 AS password_hint, 'x' PASSWORD 'hunter2'",
    };
    for (size_t i = 0; i < COUNT(statements); i++) {
        AUTO(outcome) struct outcome *outcome = sample_failed();
        text_copy(outcome->failure.statement, OUTCOME_STATEMENT_SIZE, statements[i]);
        AUTO(json) json_t *error = outcome_error_json(outcome, OUTCOME_WHOLE);
        assert_string_equal(json_text(error, "statement"),
                            "(not shown: it holds the word PASSWORD)");
    }
    AUTO(outcome) struct outcome *fine = sample_failed();
    text_copy(fine->failure.statement, OUTCOME_STATEMENT_SIZE,
              "ALTER TABLE users ADD password_hash text, ADD old_password text");
    AUTO(json) json_t *error = outcome_error_json(fine, OUTCOME_WHOLE);
    assert_string_equal(json_text(error, "statement"), fine->failure.statement);
    AUTO(outcome) struct outcome *done = sample_failed();
    text_copy(done->failure.statement, OUTCOME_STATEMENT_SIZE,
              "ALTER ROLE (not shown: it holds the word PASSWORD)");
    AUTO(json) json_t *kept = outcome_error_json(done, OUTCOME_WHOLE);
    assert_string_equal(json_text(kept, "statement"), done->failure.statement);
}

static void never_cuts_lists(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_failed();
    char id[101];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    for (int i = 0; i < 20000; i++) {
        outcome_add_pending(outcome, id);
        outcome_add_unknown(outcome, id);
        outcome_add_applied(outcome, id, i);
    }
    AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    json_write(report, &text);
    assert_false(text.full);
    assert_int_equal(json_array_size(json_object_get(report, "pending")), 20002);
    assert_int_equal(json_array_size(json_object_get(report, "unknown")), 20000);
    assert_int_equal(json_array_size(json_object_get(report, "applied")), 20001);
}

static void is_valid_json_whatever_the_bytes(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_hostile();
    AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    json_write(report, &text);
    AUTO(json) json_t *again = NULL;
    struct error err;
    assert_true(json_read(text.data, text.length, &again, &err));
    assert_true(json_equal(report, again));
    assert_int_equal(text_bad_utf8(text.data, text.length), text.length);
    for (size_t i = 0; i < text.length; i++) {
        assert_true((unsigned char)text.data[i] >= 0x20);
    }
}

static void assert_left(const struct outcome *outcome, const char *left, int64_t done,
                        int64_t total)
{
    AUTO(json) json_t *error = outcome_error_json(outcome, OUTCOME_GUARDED);
    const char *said = json_text(error, "left");
    assert_int_equal(said != NULL, left != NULL);
    if (left) {
        assert_string_equal(said, left);
    }
    const json_t *numbers[] = {json_object_get(error, "statements_done"),
                               json_object_get(error, "statements_total")};
    int64_t wanted[] = {done, total};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        assert_int_equal(json_is_null(numbers[i]), total == 0);
        assert_int_equal(json_integer_value(numbers[i]), total ? wanted[i] : 0);
    }
}

/* Rolled back is said only of what is known to be. */
static void says_what_is_left(void **state)
{
    (void)state;
    static const struct {
        enum error_kind kind;
        enum outcome_left left;
        const char *said;
    } wanted[] = {
        {ERROR_FAILED, OUTCOME_LEFT_NOTHING, "nothing"},
        {ERROR_BUSY, OUTCOME_LEFT_NOTHING, "nothing"},
        {ERROR_INTERRUPTED, OUTCOME_LEFT_NOTHING, "nothing"},
        {ERROR_UNKNOWN, OUTCOME_LEFT_NOTHING, NULL},
        {ERROR_LOST, OUTCOME_LEFT_NOTHING, NULL},
        {ERROR_INTERNAL, OUTCOME_LEFT_NOTHING, NULL},
        {ERROR_CONFLICT, OUTCOME_LEFT_NOTHING, NULL},
        {ERROR_CONFLICT, OUTCOME_LEFT_UNKNOWN, "unknown"},
        {ERROR_UNKNOWN, OUTCOME_LEFT_UNKNOWN, "unknown"},
        {ERROR_FAILED, OUTCOME_LEFT_COMMAND, "command"},
        {ERROR_FAILED, OUTCOME_LEFT_ALL, "all"},
        {ERROR_UNKNOWN, OUTCOME_LEFT_ALL, NULL},
    };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        AUTO(outcome) struct outcome *outcome = sample_failing(wanted[i].kind, "why", "");
        outcome->failure.left = wanted[i].left;
        assert_left(outcome, wanted[i].said, 0, 0);
        *outcome->failure.migration = '\0';
        assert_left(outcome, NULL, 0, 0);
    }
}

static void counts_statements_only_where_they_are_meant(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_left_statements();
    assert_left(outcome, "statements", 3, 5);
    outcome->failure.statements_done = 0;
    assert_left(outcome, "statements", 0, 5);
    outcome->failure.statements_done = 6;
    assert_left(outcome, "statements", 0, 0);
    outcome->failure.statements_done = -1;
    assert_left(outcome, "statements", 0, 0);
    outcome->failure.statements_done = 2;
    outcome->failure.left = OUTCOME_LEFT_NOTHING;
    assert_left(outcome, "nothing", 0, 0);
}

/* 0 is an exit status; no exit status is none. */
static void tells_an_exit_status_from_none(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_every_and_commands();
    AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
    const json_t *applied = json_object_get(report, "applied");
    const json_t *every = json_object_get(report, "every");
    assert_null(json_object_get(json_array_get(applied, 0), "exit_status"));
    assert_true(json_is_integer(json_object_get(json_array_get(applied, 1), "exit_status")));
    assert_int_equal(json_array_size(every), 2);
    assert_true(json_is_integer(json_object_get(json_array_get(every, 0), "exit_status")));
    AUTO(outcome) struct outcome *failed = sample_failed();
    AUTO(json) json_t *error = outcome_error_json(failed, OUTCOME_WHOLE);
    assert_true(json_is_null(json_object_get(error, "exit_status")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_each_kind),
        cmocka_unit_test(has_every_key_always),
        cmocka_unit_test(guards_rows_and_literals),
        cmocka_unit_test(never_shows_a_statement_with_a_password),
        cmocka_unit_test(never_cuts_lists),
        cmocka_unit_test(is_valid_json_whatever_the_bytes),
        cmocka_unit_test(says_what_is_left),
        cmocka_unit_test(counts_statements_only_where_they_are_meant),
        cmocka_unit_test(tells_an_exit_status_from_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
