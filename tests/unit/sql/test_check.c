#include "sql/sql.h"

#include "cases.h"

/* Flags of a title, "mode yes" and "mode no": the plan's "transaction". */
static enum sql_mode mode_of(const char *title)
{
    const char *flags = strstr(title, " | ");
    if (flags && strstr(flags, "mode yes")) {
        return SQL_MODE_TRANSACTION;
    }
    return flags && strstr(flags, "mode no") ? SQL_MODE_ALONE : SQL_MODE_AUTO;
}

/* Two lines a finding: place, level and message; the remedy. */
static void render_check(const char *title, const char *text, size_t length, struct buf *out)
{
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    if (!sql_split(text, length, &script, &err)) {
        fail_msg("%s: %s %s", title, err.where, err.message);
    }
    AUTO(findings) struct findings findings = {0};
    sql_check(script, text, "m.sql", mode_of(title), &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.items[i];
        assert_true(finding->hint[0]);
        buf_format(out, "%s:%u:%u %s: %s\n    %s\n", finding->file, finding->line, finding->column,
                   finding->level == FINDING_ERROR ? "error" : "warning", finding->message,
                   finding->hint);
    }
}

static void finds_what_the_data_files_say(void **state)
{
    (void)state;
    cases_run("check", render_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_the_data_files_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
