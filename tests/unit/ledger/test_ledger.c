#include "ledger/ledger.h"

#include <string.h>

#include "base/text.h"
#include "ledger/upgrades.h"

#include "check.h"

static void writes_the_claim(void **state)
{
    (void)state;
    const struct ledger_claim claim = {.plan = "orders",
                                       .run_id = "r",
                                       .id = "0001_a",
                                       .before = NULL,
                                       .kind = "sql",
                                       .checksum = "sha256:1"};
    AUTO(buf) struct buf sql = buf_make(4096);
    ledger_begin_sql(&claim, &sql);
    ledger_finish_sql(&claim, 12, &sql);
    assert_string_equal(sql.data,
                        "SELECT postlude.begin('orders', 'r', '0001_a', NULL, 'sql', 'sha256:1');\n"
                        "SELECT postlude.finish('orders', 'r', '0001_a', 12);\n");
}

/* One line each whatever stands in the id, and nothing of it outside its quotes. */
static void survives_hostile_ids(void **state)
{
    (void)state;
    const struct ledger_claim claim = {.plan = "o'",
                                       .run_id = "r",
                                       .id = "a\\'); drop table x; --",
                                       .before = "$$\"'",
                                       .kind = "command",
                                       .checksum = "sha256:1"};
    AUTO(buf) struct buf sql = buf_make(4096);
    ledger_begin_sql(&claim, &sql);
    ledger_finish_sql(&claim, SIZE_MAX, &sql);
    assert_string_equal(sql.data,
                        "SELECT postlude.begin('o''', 'r',  E'a\\\\''); drop table x; --', "
                        "'$$\"''', 'command', 'sha256:1');\n"
                        "SELECT postlude.finish('o''', 'r',  E'a\\\\''); drop table x; --', "
                        "18446744073709551615);\n");
}

static void finds_rows_by_id(void **state)
{
    (void)state;
    char ids[][8] = {"0001", "0001_a", "0002", "B", "a", "\xC3\xA9"};
    struct ledger_row rows[COUNT(ids)];
    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < COUNT(ids); i++) {
        rows[i].id = ids[i];
    }
    struct ledger ledger = {.rows = rows, .count = COUNT(ids)};
    for (size_t i = 0; i < COUNT(ids); i++) {
        assert_ptr_equal(ledger_find(&ledger, ids[i]), &rows[i]);
    }
    static const char *const absent[] = {"", "0000", "0001_", "0001_aa", "A", "b", "\xFF"};
    for (size_t i = 0; i < COUNT(absent); i++) {
        assert_null(ledger_find(&ledger, absent[i]));
    }
    const struct ledger empty = {0};
    assert_null(ledger_find(&empty, "a"));
    ledger_free(NULL);
}

static void knows_what_overtaking_looks_like(void **state)
{
    (void)state;
    static const char *const yes[] = {"PL001", "PL002", "23505"};
    static const char *const no[] = {"", "PL003", "PL004", "40001", "55P03", "PL00", "23503"};
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_true(ledger_is_overtaken(yes[i]));
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        assert_false(ledger_is_overtaken(no[i]));
    }
}

/* Versions rise without a gap, and no file ends our transaction or needs a search_path. */
static void brings_upgrades_in_order(void **state)
{
    (void)state;
    assert_true(ledger_upgrade_count > 0);
    for (size_t i = 0; i < ledger_upgrade_count; i++) {
        const struct ledger_upgrade *upgrade = &ledger_upgrades[i];
        assert_int_equal(upgrade->version, i + 1);
        assert_true(text_ends(upgrade->sql, ";\n"));
        assert_null(strstr(upgrade->sql, "\nCOMMIT"));
        assert_null(strstr(upgrade->sql, "\nBEGIN;"));
        assert_null(strchr(upgrade->sql, '\\'));
        for (const char *at = upgrade->sql; (at = strstr(at, "\nCREATE ")); at++) {
            const char *end = strchr(at + 1, '\n');
            const char *ours = strstr(at, "postlude");
            assert_true(ours && end && ours < end);
        }
        for (const char *at = upgrade->sql; (at = strstr(at, "LANGUAGE plpgsql ")); at++) {
            assert_true(text_starts(at, "LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"));
        }
    }
    assert_int_equal(ledger_newest_version(), ledger_upgrade_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_claim),
        cmocka_unit_test(survives_hostile_ids),
        cmocka_unit_test(finds_rows_by_id),
        cmocka_unit_test(knows_what_overtaking_looks_like),
        cmocka_unit_test(brings_upgrades_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
