#include "base/file.h"

#include "check.h"
#include "outcome/samples.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

static struct outcome *read_back(const json_t *report)
{
    struct outcome *outcome = NULL;
    struct error err;
    if (!outcome_read(report, &outcome, &err)) {
        fail_msg("%s", err.message);
    }
    return outcome;
}

/* As PostgreSQL keeps it: keys in an order of its own, and none twice. */
static json_t *kept(const struct outcome *outcome)
{
    AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
    char *text = json_dumps(report, JSON_SORT_KEYS);
    json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    assert_non_null(again);
    return again;
}

static void is_the_reverse_of_the_report(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *report = kept(outcome);
        AUTO(outcome) struct outcome *again = read_back(report);
        AUTO(json) json_t *rendered = outcome_json(again, OUTCOME_WHOLE);
        if (!json_equal(report, rendered)) {
            fail_msg("%s: %s\n%s", samples[i].name, json_dumps(report, 0), json_dumps(rendered, 0));
        }
    }
}

/* Reports in the ledgers of people are those of the golden files, whatever the samples become. */
static void reads_every_golden_report(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/golden/%s.json", getenv("TEST_DATA"),
                       samples[i].name);
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        AUTO(json) json_t *report = NULL;
        struct error err;
        assert_true(file_read(path, &text, &err));
        assert_true(json_read(text.data, text.length, &report, &err));
        AUTO(outcome) struct outcome *outcome = read_back(report);
        AUTO(json) json_t *rendered = outcome_json(outcome, OUTCOME_WHOLE);
        assert_true(json_equal(report, rendered));
    }
}

static void add_texts(const struct outcome *outcome, struct buf *out)
{
    outcome_summary(outcome, out);
    outcome_text(outcome, OUTCOME_WHOLE, 80, out);
    outcome_text(outcome, OUTCOME_GUARDED, 80, out);
}

static void says_the_same_to_people(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *report = kept(outcome);
        AUTO(outcome) struct outcome *again = read_back(report);
        AUTO(buf) struct buf first = buf_make(TEXT_MAX);
        AUTO(buf) struct buf second = buf_make(TEXT_MAX);
        add_texts(outcome, &first);
        add_texts(again, &second);
        if (strcmp(first.data, second.data) != 0) {
            fail_msg("%s\n%s\n%s", samples[i].name, first.data, second.data);
        }
    }
}

/* Each key in turn is not there, or is not what it should be: it counts as not known. */
static void does_without_any_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *report = kept(outcome);
        const char *key = NULL;
        json_t *ignored = NULL;
        json_object_foreach(report, key, ignored)
        {
            json_t *wrong[] = {NULL,          json_null(),         json_true(),     json_array(),
                               json_object(), json_string("\x1b"), json_integer(-1)};
            for (size_t j = 0; j < COUNT(wrong); j++) {
                AUTO(json) json_t *other = json_copy(report);
                AUTO(outcome) struct outcome *again = NULL;
                struct error err;
                (void)(wrong[j] ? json_object_set_new(other, key, wrong[j])
                                : json_object_del(other, key));
                bool is_outcome = strcmp(key, "outcome") == 0;
                assert_int_equal(outcome_read(other, &again, &err), !is_outcome);
                if (again) {
                    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
                    add_texts(again, &text);
                    assert_true(text.length > 0);
                }
            }
        }
    }
}

static json_t *parsed(const char *text)
{
    json_t *report = NULL;
    struct error err;
    if (!json_read(text, strlen(text), &report, &err)) {
        fail_msg("%s", err.message);
    }
    return report;
}

static void reads_one_of_another_release(void **state)
{
    (void)state;
    AUTO(json)
    json_t *report = parsed("{\"schema\":\"postlude.report/2\",\"outcome\":\"failed\",\"mood\":[1],"
                            "\"error\":{\"kind\":\"failed\",\"message\":\"no\",\"shoe\":43}}");
    AUTO(outcome) struct outcome *outcome = read_back(report);
    assert_string_equal(outcome_name(outcome), "failed");
    assert_string_equal(outcome->error.message, "no");
    assert_null(outcome->plan);
}

static void refuses_an_outcome_it_does_not_know(void **state)
{
    (void)state;
    static const char *const reports[] = {"{}", "[]", "{\"outcome\":\"undelivered\"}",
                                          "{\"outcome\":\"paused\"}", "{\"outcome\":\"none\"}"};
    for (size_t i = 0; i < COUNT(reports); i++) {
        AUTO(json) json_t *report = parsed(reports[i]);
        struct outcome *outcome = NULL;
        struct error err;
        assert_false(outcome_read(report, &outcome, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(outcome);
    }
}

/* As long as they may be, and longer. */
static void cuts_what_does_not_fit(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *failed = sample_failed();
    AUTO(json) json_t *report = outcome_json(failed, OUTCOME_WHOLE);
    char *text = memory_new(100001, 1);
    memset(text, 'x', 100000);
    static const char *const keys[] = {"message", "hint",  "migration", "detail", "statement",
                                       "schema",  "table", "where",     "file",   "code"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        (void)json_object_set_new(json_object_get(report, "error"), keys[i], json_string(text));
    }
    free(text);
    AUTO(outcome) struct outcome *outcome = read_back(report);
    assert_int_equal(strlen(outcome->error.message), sizeof outcome->error.message - 1);
    assert_int_equal(strlen(outcome->failure.migration), sizeof outcome->failure.migration - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_reverse_of_the_report),
        cmocka_unit_test(reads_every_golden_report),
        cmocka_unit_test(says_the_same_to_people),
        cmocka_unit_test(does_without_any_key),
        cmocka_unit_test(reads_one_of_another_release),
        cmocka_unit_test(refuses_an_outcome_it_does_not_know),
        cmocka_unit_test(cuts_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
