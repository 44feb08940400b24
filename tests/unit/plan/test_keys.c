#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "plan/keys.h"
#include "plan/plan.h"
#include "plan/value.h"

#include "check.h"

static void defaults_are_values_their_keys_take(void **state)
{
    (void)state;
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        AUTO(findings) struct findings findings = {0};
        struct plan_spot spot = {.findings = &findings, .file = ""};
        struct plan_migration entry = {0};
        AUTO(plan) struct plan *plan = memory_new(1, sizeof *plan);
        bool of_entry = strcmp(key->section, "migrations") == 0;
        if (key->fallback) {
            assert_true(
                plan_value_read(key, key->fallback, of_entry ? (void *)&entry : plan, &spot));
            assert_int_equal(findings.count, 0);
        }
    }
}

static void names_are_there_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < plan_key_count; i++) {
        assert_ptr_equal(plan_key_find(plan_keys[i].section, plan_keys[i].name), &plan_keys[i]);
    }
}

/* A key that is accepted and goes nowhere would be an option without effect; "version" can have one
 * value only. */
static void keys_are_kept_somewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        bool structure = key->type == PLAN_TYPE_SECTION || key->type == PLAN_TYPE_ENTRIES;
        bool kept = key->text_at || key->value_at;
        assert_true(structure || kept || strcmp(key->name, "version") == 0);
    }
}

/* A key that can stand in the wrong kind of entry says what to do then; file and command make the
 * kind. */
static void keys_of_one_side_have_a_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        bool makes = key->side != PLAN_SIDE_BOTH && key->required;
        assert_int_equal(key->side != PLAN_SIDE_BOTH && !makes, key->astray != NULL);
    }
}

/* The words stand in the order of their enums. */
static void words_are_their_enums(void **state)
{
    (void)state;
    const char *const *tls = plan_key_find("database", "tls")->words;
    assert_string_equal(tls[PLAN_TLS_VERIFY_FULL], "verify-full");
    assert_string_equal(tls[PLAN_TLS_VERIFY_CA], "verify-ca");
    assert_string_equal(tls[PLAN_TLS_REQUIRE], "require");
    assert_string_equal(tls[PLAN_TLS_DISABLE], "disable");
    const char *const *when = plan_key_find("report", "when")->words;
    assert_string_equal(when[PLAN_WHEN_CHANGES], "changes");
    assert_string_equal(when[PLAN_WHEN_ALWAYS], "always");
    assert_string_equal(when[PLAN_WHEN_FAILURES], "failures");
    const char *const *format = plan_key_find("report", "format")->words;
    assert_string_equal(format[PLAN_FORMAT_JSON], "json");
    assert_string_equal(format[PLAN_FORMAT_TEXT], "text");
    assert_string_equal(format[PLAN_FORMAT_CHAT], "chat");
    const char *const *transaction = plan_key_find("migrations", "transaction")->words;
    assert_string_equal(transaction[PLAN_TRANSACTION_AUTO], "auto");
    assert_string_equal(transaction[PLAN_TRANSACTION_YES], "yes");
    assert_string_equal(transaction[PLAN_TRANSACTION_NO], "no");
    const char *const *scope = plan_key_find("run", "transaction")->words;
    assert_string_equal(scope[PLAN_SCOPE_EACH], "each");
    assert_string_equal(scope[PLAN_SCOPE_ALL], "all");
    const char *const *step = plan_key_find("migrations", "when")->words;
    assert_string_equal(step[false], "once");
    assert_string_equal(step[true], "every");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_values_their_keys_take),
        cmocka_unit_test(names_are_there_once),
        cmocka_unit_test(keys_are_kept_somewhere),
        cmocka_unit_test(keys_of_one_side_have_a_remedy),
        cmocka_unit_test(words_are_their_enums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
