#include "base/finding.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static void keeps_what_was_added(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    struct finding *one =
        finding_add(&findings, FINDING_WARNING, "plan.yaml", 3, 9, "\"%s\" is not used", "x");
    assert_string_equal(one->hint, "");
    finding_hint(one, "Remove %s.", "it");
    finding_hint(one, "Take %s out.", "it");
    finding_add(&findings, FINDING_ERROR, NULL, 0, 0, "bad");
    assert_int_equal(findings.count, 2);
    assert_int_equal(findings.errors, 1);
    assert_int_equal(findings.dropped, 0);
    const struct finding *first = &findings.items[0];
    assert_int_equal(first->level, FINDING_WARNING);
    assert_string_equal(first->file, "plan.yaml");
    assert_int_equal(first->line, 3);
    assert_int_equal(first->column, 9);
    assert_string_equal(first->message, "\"x\" is not used");
    assert_string_equal(first->hint, "Take it out.");
    assert_string_equal(findings.items[1].file, "");
    findings_free(&findings);
    assert_int_equal(findings.count, 0);
}

static void warnings_alone_are_no_error(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    struct error err = {.message = "untouched"};
    assert_false(findings_error(&findings, ERROR_INVALID, &err));
    finding_add(&findings, FINDING_WARNING, "a", 1, 1, "doubtful");
    assert_false(findings_error(&findings, ERROR_INVALID, &err));
    assert_string_equal(err.message, "untouched");
}

static void the_first_error_speaks_for_all(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    struct error err;
    finding_add(&findings, FINDING_WARNING, "w", 1, 1, "doubtful");
    finding_hint(finding_add(&findings, FINDING_ERROR, "a.sql", 2, 7, "first"), "Mend it.");
    assert_true(findings_error(&findings, ERROR_INVALID, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message, "first");
    assert_string_equal(err.where, "a.sql:2:7");
    assert_string_equal(err.hint, "Mend it.");
    finding_add(&findings, FINDING_ERROR, "b", 1, 1, "second");
    assert_true(findings_error(&findings, ERROR_CONFLICT, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.message, "first");
    assert_string_equal(err.hint, "Mend it. There is 1 more; \"postlude validate\" shows all.");
    finding_add(&findings, FINDING_ERROR, "b", 1, 1, "third");
    assert_true(findings_error(&findings, ERROR_INVALID, &err));
    assert_string_equal(err.hint, "Mend it. There are 2 more; \"postlude validate\" shows all.");
}

static void places_are_as_exact_as_known(void **state)
{
    (void)state;
    static const struct {
        unsigned line;
        unsigned column;
        const char *where;
    } cases[] = {{4, 5, "f:4:5"}, {4, 0, "f:4"}, {0, 0, "f"}, {0, 5, "f"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(findings) struct findings findings = {0};
        struct error err;
        finding_add(&findings, FINDING_ERROR, "f", cases[i].line, cases[i].column, "x");
        finding_add(&findings, FINDING_ERROR, "f", 1, 1, "y");
        assert_true(findings_error(&findings, ERROR_INVALID, &err));
        assert_string_equal(err.where, cases[i].where);
        assert_string_equal(err.hint, "There is 1 more; \"postlude validate\" shows all.");
    }
}

static void the_rest_is_counted(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    for (unsigned i = 1; i <= FINDINGS_MAX + 50; i++) {
        finding_hint(finding_add(&findings, FINDING_ERROR, "f", i, 1, "number %u", i), "H%u.", i);
    }
    assert_int_equal(findings.count, FINDINGS_MAX);
    assert_int_equal(findings.errors, FINDINGS_MAX + 50);
    assert_int_equal(findings.dropped, 50);
    assert_string_equal(findings.items[0].message, "number 1");
    assert_string_equal(findings.items[FINDINGS_MAX - 1].message, "number 1000");
    struct error err;
    assert_true(findings_error(&findings, ERROR_INVALID, &err));
    assert_string_equal(err.hint, "H1. There are 1049 more; \"postlude validate\" shows all.");
}

/* A run must not go on because warnings filled the list. */
static void warnings_never_push_the_error_out(void **state)
{
    (void)state;
    for (unsigned error_at = FINDINGS_MAX - 2; error_at < FINDINGS_MAX + 5; error_at++) {
        AUTO(findings) struct findings findings = {0};
        for (unsigned i = 0; i < FINDINGS_MAX + 10; i++) {
            enum finding_level level = i == error_at ? FINDING_ERROR : FINDING_WARNING;
            finding_add(&findings, level, "f", i + 1, 1, "number %u", i);
        }
        struct error err;
        char expected[32];
        (void)snprintf(expected, sizeof expected, "number %u", error_at);
        assert_true(findings_error(&findings, ERROR_INVALID, &err));
        assert_string_equal(err.message, expected);
        assert_int_equal(findings.count, FINDINGS_MAX);
        assert_int_equal(findings.dropped, 10);
    }
}

static void errors_become_findings(void **state)
{
    (void)state;
    static const struct {
        const char *where;
        const char *file;
        unsigned line;
        unsigned column;
    } cases[] = {
        {"plan.yaml:3:9", "plan.yaml", 3, 9},
        {"plan.yaml:3", "plan.yaml", 3, 0},
        {"plan.yaml", "plan.yaml", 0, 0},
        {"", "", 0, 0},
        {"a:b:c", "a:b:c", 0, 0},
        {"a:0:1", "a:0", 1, 0},
        {"a:99999999999999999999", "a:99999999999999999999", 0, 0},
        {":5", "", 5, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(findings) struct findings findings = {0};
        struct error err;
        error_set(&err, ERROR_INVALID, "100%% wrong %%s");
        error_where(&err, "%s", cases[i].where);
        error_hint(&err, "Mend it.");
        finding_add_error(&findings, &err);
        assert_string_equal(findings.items[0].file, cases[i].file);
        assert_int_equal(findings.items[0].line, cases[i].line);
        assert_int_equal(findings.items[0].column, cases[i].column);
        assert_string_equal(findings.items[0].message, "100% wrong %s");
        assert_string_equal(findings.items[0].hint, "Mend it.");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_added),
        cmocka_unit_test(warnings_alone_are_no_error),
        cmocka_unit_test(the_first_error_speaks_for_all),
        cmocka_unit_test(places_are_as_exact_as_known),
        cmocka_unit_test(the_rest_is_counted),
        cmocka_unit_test(warnings_never_push_the_error_out),
        cmocka_unit_test(errors_become_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
