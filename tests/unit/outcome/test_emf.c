#include "outcome/emf.h"

#include "base/log.h"
#include "check.h"
#include "outcome/golden.h"
#include "outcome/samples.h"

enum { TEXT_MAX = 65536, NAME_MAX_CHARACTERS = 255, EMF_MAX = 4096 };

static void assert_member(const json_t *root, const char *key, const char *value)
{
    assert_string_equal(json_text(root, key), value);
}

/* The rules of the specification's JSON schema, as far as a line of ours could break them. */
static void assert_dimensions(const json_t *root, const json_t *sets)
{
    assert_true(json_is_array(sets) && json_array_size(sets) > 0);
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *set = json_array_get(sets, i);
        assert_true(json_is_array(set) && json_array_size(set) <= 9);
        for (size_t j = 0; j < json_array_size(set); j++) {
            const char *value = json_text(root, json_string_value(json_array_get(set, j)));
            assert_true(value && *value && strlen(value) <= 1024);
        }
    }
}

static void assert_metrics(const json_t *root, const json_t *metrics)
{
    assert_true(json_is_array(metrics) && json_array_size(metrics) <= 100);
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        const char *name = json_text(metric, "Name");
        const char *unit = json_text(metric, "Unit");
        assert_true(name && *name && strlen(name) <= NAME_MAX_CHARACTERS);
        assert_true(strcmp(unit, "Milliseconds") == 0 || strcmp(unit, "Count") == 0);
        assert_true(json_is_integer(json_object_get(root, name)));
        assert_true(json_integer_value(json_object_get(root, name)) >= 0);
    }
}

static const json_t *directive_of(const json_t *root)
{
    const json_t *directives = json_object_get(json_object_get(root, "_aws"), "CloudWatchMetrics");
    assert_int_equal(json_array_size(directives), 1);
    return json_array_get(directives, 0);
}

static void assert_valid(const json_t *root)
{
    const json_t *head = json_object_get(root, "_aws");
    const json_t *directive = directive_of(root);
    assert_true(json_is_integer(json_object_get(head, "Timestamp")));
    assert_member(directive, "Namespace", "postlude");
    assert_dimensions(root, json_object_get(directive, "Dimensions"));
    assert_metrics(root, json_object_get(directive, "Metrics"));
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    json_write(root, &text);
    assert_true(!text.full && text.length <= EMF_MAX);
}

static void every_outcome_is_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *line = outcome_emf(outcome);
        print_message("sample %s\n", samples[i].name);
        assert_valid(line);
        assert_member(line, "outcome", outcome_name(outcome));
        assert_int_equal(json_integer_value(json_object_get(line, "failed")),
                         outcome->kind == OUTCOME_ERROR);
    }
}

static void applied_in_full(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_applied();
    AUTO(json) json_t *line = outcome_emf(outcome);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    json_write(line, &text);
    assert_string_equal(
        text.data,
        "{\"_aws\":{\"Timestamp\":1931246814324,\"CloudWatchMetrics\":[{\"Namespace\":\"postlude\","
        "\"Dimensions\":[[\"plan\"],[]],\"Metrics\":["
        "{\"Name\":\"duration\",\"Unit\":\"Milliseconds\"},{\"Name\":\"applied\",\"Unit\":"
        "\"Count\"}"
        ",{\"Name\":\"pending\",\"Unit\":\"Count\"},{\"Name\":\"failed\",\"Unit\":\"Count\"}]}]},"
        "\"plan\":\"orders\",\"duration\":1204,\"applied\":2,\"pending\":0,\"failed\":0,"
        "\"outcome\":\"applied\",\"exit_code\":0,\"trigger\":\"codepipeline\","
        "\"pipeline\":\"orders-prod\",\"execution_id\":\"5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18\"}");
}

static void without_a_plan_there_is_no_dimension(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_invalid();
    free(outcome->plan);
    outcome->plan = NULL;
    AUTO(json) json_t *line = outcome_emf(outcome);
    assert_valid(line);
    const json_t *sets = json_object_get(directive_of(line), "Dimensions");
    assert_int_equal(json_array_size(sets), 1);
    assert_int_equal(json_array_size(json_array_get(sets, 0)), 0);
    assert_null(json_object_get(line, "plan"));
}

/* "0 pending" of a run that saw nothing would end an alarm that is right. */
static void what_nobody_saw_is_not_said(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *unreachable = sample_unreachable();
    AUTO(json) json_t *line = outcome_emf(unreachable);
    assert_null(json_object_get(line, "pending"));
    assert_null(json_object_get(line, "applied"));
    assert_int_equal(json_array_size(json_object_get(directive_of(line), "Metrics")), 2);
    AUTO(outcome) struct outcome *failed = sample_failed();
    AUTO(json) json_t *seen = outcome_emf(failed);
    assert_int_equal(json_integer_value(json_object_get(seen, "pending")), failed->pending_count);
    assert_int_equal(json_integer_value(json_object_get(seen, "applied")), failed->applied_count);
}

static void long_members_are_cut(void **state)
{
    (void)state;
    static char text[4096];
    AUTO(outcome) struct outcome *outcome = sample_applied();
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    text[0] = 'a'; /* the cut falls into a character */
    text[1] = 'a';
    text[2] = 'a';
    text[3] = '\xff';
    char **members[] = {&outcome->pipeline, &outcome->stage, &outcome->execution_id,
                        &outcome->trigger_kind};
    for (size_t i = 0; i < COUNT(members); i++) {
        free(*members[i]);
        *members[i] = memory_text(text);
    }
    AUTO(json) json_t *line = outcome_emf(outcome);
    assert_valid(line);
}

static void a_clock_set_back_is_no_negative_duration(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_applied();
    outcome->finished_ms = outcome->started_ms - 5;
    AUTO(json) json_t *line = outcome_emf(outcome);
    assert_valid(line);
}

static void not_every_run_counts(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_applied();
    assert_true(outcome_emf_wanted(outcome));
    outcome->dry_run = true;
    assert_false(outcome_emf_wanted(outcome));
    outcome->dry_run = false;
    outcome->kind = OUTCOME_IGNORED;
    assert_false(outcome_emf_wanted(outcome));
    outcome->kind = OUTCOME_DUPLICATE;
    assert_true(outcome_emf_wanted(outcome));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_is_valid),
        cmocka_unit_test(applied_in_full),
        cmocka_unit_test(without_a_plan_there_is_no_dimension),
        cmocka_unit_test(what_nobody_saw_is_not_said),
        cmocka_unit_test(long_members_are_cut),
        cmocka_unit_test(a_clock_set_back_is_no_negative_duration),
        cmocka_unit_test(not_every_run_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
