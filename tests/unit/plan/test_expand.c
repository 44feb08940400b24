#include <string.h>

#include "base/env.h"
#include "base/memory.h"
#include "plan/parse.h"
#include "plan/plan.h"

#include "check.h"

static const char text[] =
    "version: 1\n"
    "plan: orders\n"
    "trigger: {pipelines: ['${PIPE}'], accounts: ['210987654321'], regions: ['*']}\n"
    "database: {host: '${DB_HOST}', name: o, user: u, password: '${A}${B:-x}'}\n"
    "report: {topic: '${TOPIC}', subject: '${X:-y}'}\n"
    "migrations: []\n";

static struct plan *parse(const char *yaml, struct findings *findings)
{
    AUTO(plan_entries) struct plan_entries entries = {0};
    return plan_parse(yaml, strlen(yaml), "p.yaml", &entries, findings);
}

static void expands_the_sections_asked_for(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = parse(text, &findings);
    assert_int_equal(findings.count, 0);
    char topic[] = "TOPIC=arn:aws:sns:eu-west-3:210987654321:t";
    char *variables[] = {topic, NULL};
    AUTO(env) struct env *env = env_take(variables);
    plan_expand(plan, PLAN_SECTION_REPORT, env, &findings);
    assert_int_equal(findings.count, 0);
    assert_string_equal(plan->report.topic.text, "arn:aws:sns:eu-west-3:210987654321:t");
    assert_string_equal(plan->report.subject.text, "y");
    assert_string_equal(plan->database.host.text, "${DB_HOST}");
    assert_true(plan->database.host.pending);
    plan_expand(plan, PLAN_SECTION_TRIGGER, env, &findings);
    assert_int_equal(findings.errors, 1);
}

/* A variable's value is not expanded again, and a second call changes nothing. */
static void expands_once(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = parse("report: {subject: 'a $$$$ b ${V}'}\n", &findings);
    char variable[] = "V=${W}$$";
    char *variables[] = {variable, NULL};
    AUTO(env) struct env *env = env_take(variables);
    plan_expand(plan, PLAN_SECTION_REPORT, env, &findings);
    plan_expand(plan, PLAN_SECTION_REPORT, env, &findings);
    assert_string_equal(plan->report.subject.text, "a $$ b ${W}$$");
    AUTO(plan) struct plan *other = parse("report: {subject: 'a $$$$ b'}\n", &findings);
    plan_expand(other, PLAN_SECTION_REPORT, env, &findings);
    plan_expand(other, PLAN_SECTION_REPORT, env, &findings);
    assert_string_equal(other->report.subject.text, "a $$ b");
}

static void conceals_the_password(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = parse(text, &findings);
    char host[] = "DB_HOST=db";
    char a[] = "A=geheim";
    char b[] = "B=nis";
    char *variables[] = {host, a, b, NULL};
    AUTO(env) struct env *env = env_take(variables);
    plan_expand(plan, PLAN_SECTION_DATABASE, env, &findings);
    assert_int_equal(findings.errors, 0);
    assert_string_equal(secret_reveal(&plan->database.password), "geheimnis");
    assert_string_equal(a, "A=      ");
    assert_string_equal(b, "B=   ");
    assert_string_equal(host, "DB_HOST=db");
    assert_string_equal(env_get(env, "A"), "geheim");
}

static void keeps_a_literal_password_in_the_secret_only(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = parse("database: {password: geheim}\n", &findings);
    assert_string_equal(secret_reveal(&plan->database.password), "geheim");
    assert_string_equal(plan->database.password_text.text, "");
    for (size_t i = 0; i < findings.count; i++) {
        assert_null(strstr(findings.items[i].message, "geheim"));
        assert_null(strstr(findings.items[i].hint, "geheim"));
    }
}

/* Whatever is wrong with it, or beside it, no finding shows a password. */
static void shows_no_password(void **state)
{
    (void)state;
    static const char *const plans[] = {
        "database: {password: '${geheim'}\n",     "database: {password: [geheim]}\n",
        "database:\n  password: *geheim\n",       "database:\n  password: '*geheim\n",
        "database:\n  password: &geheim\n",       "database:\n  password: !geheim x\n",
        "database:\n  password: @geheim\n",       "database:\n  password: a: geheim\n",
        "database: {password: $geheim}\n",        "database: {host: 'postgres://u:geheim@db/o'}\n",
        "database: {host: 'u:geheim@db'}\n",      "database: {password: '${x:-geheim${y}}'}\n",
        "database:\n  password: \"\\xgeheim\"\n",
    };
    for (size_t i = 0; i < COUNT(plans); i++) {
        AUTO(findings) struct findings findings = {0};
        plan_free(parse(plans[i], &findings));
        assert_true(findings.count > 0);
        for (size_t j = 0; j < findings.count; j++) {
            assert_null(strstr(findings.items[j].message, "geheim"));
            assert_null(strstr(findings.items[j].hint, "geheim"));
        }
    }
}

static void names_variables_that_are_not_there(void **state)
{
    (void)state;
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = parse(text, &findings);
    char a[] = "A=";
    char *variables[] = {a, NULL};
    AUTO(env) struct env *env = env_take(variables);
    plan_check_variables(plan, PLAN_SECTION_DATABASE | PLAN_SECTION_TRIGGER, env, &findings);
    assert_int_equal(findings.count, 2);
    assert_int_equal(findings.errors, 0);
    assert_non_null(strstr(findings.items[0].message, "\"PIPE\""));
    assert_non_null(strstr(findings.items[1].message, "\"DB_HOST\""));
    assert_int_equal(findings.items[1].line, 4);
    assert_int_equal(findings.items[1].column, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expands_the_sections_asked_for),
        cmocka_unit_test(expands_once),
        cmocka_unit_test(conceals_the_password),
        cmocka_unit_test(keeps_a_literal_password_in_the_secret_only),
        cmocka_unit_test(shows_no_password),
        cmocka_unit_test(names_variables_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
