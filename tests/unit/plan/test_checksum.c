#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/memory.h"
#include "plan/plan.h"

#include "check.h"

static void same(const char *a, const char *b)
{
    char first[7 + DIGEST_HEX_SIZE];
    char second[7 + DIGEST_HEX_SIZE];
    plan_checksum(a, strlen(a), first);
    plan_checksum(b, strlen(b), second);
    assert_string_equal(first, second);
}

static void different(const char *a, const char *b)
{
    char first[7 + DIGEST_HEX_SIZE];
    char second[7 + DIGEST_HEX_SIZE];
    plan_checksum(a, strlen(a), first);
    plan_checksum(b, strlen(b), second);
    assert_string_not_equal(first, second);
}

/* sha256sum says so too: a ledger keeps these for ever. */
static void is_sha256_of_the_text(void **state)
{
    (void)state;
    char checksum[7 + DIGEST_HEX_SIZE];
    plan_checksum("abc", 3, checksum);
    assert_string_equal(checksum,
                        "sha256:"
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    plan_checksum("", 0, checksum);
    assert_string_equal(checksum,
                        "sha256:"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /* printf 'a\n b' | sha256sum */
    plan_checksum("a\r\n b \r\n", 8, checksum);
    assert_string_equal(checksum,
                        "sha256:"
                        "91b3097f7eef76e934f5e9c4844782da8b642dc4e91aab91b77230b4b589a90b");
}

static void ignores_line_ends_and_the_tail(void **state)
{
    (void)state;
    same("select 1;\nselect 2;", "select 1;\r\nselect 2;");
    same("select 1;\nselect 2;", "select 1;\rselect 2;");
    same("a\n\nb", "a\r\rb");
    same("a\n\nb", "a\r\n\rb");
    same("select 1;", "select 1; \t\r\n\n  \n");
    same("select 1;", "\xEF\xBB\xBFselect 1;");
    same("", " \n\t\r");
    same("", "\xEF\xBB\xBF");
}

static void sees_every_other_change(void **state)
{
    (void)state;
    different("select 1;", "select 2;");
    different("select 1;", " select 1;");
    different("a \nb", "a\nb");
    different("a\n\nb", "a\nb");
    different("a\r\n\r\nb", "a\nb");
    different("a\xEF\xBB\xBF", "a");
    different("a\f", "a");
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void reads_the_text_it_digested(void **state)
{
    (void)state;
    char path[] = "/tmp/postlude-sql-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    char file[] = "1.sql";
    struct plan_migration migration = {.path = path, .file = file};
    const char *text = "\xEF\xBB\xBFselect 1;\r\n";
    write_text(path, text);
    plan_checksum(text, strlen(text), migration.checksum);

    char *got = NULL;
    size_t length = 0;
    struct error err = {0};
    assert_true(plan_read_sql(&migration, &got, &length, &err));
    assert_int_equal(length, 11);
    assert_string_equal(got, "select 1;\r\n");
    free(got);

    write_text(path, "select 1;\nselect 2;");
    assert_false(plan_read_sql(&migration, &got, &length, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.where, "1.sql");

    assert_int_equal(unlink(path), 0);
    err = (struct error){0};
    assert_false(plan_read_sql(&migration, &got, &length, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.where, "1.sql");
}

/* As large as a file may be, with line ends that change everywhere. */
static void digests_a_large_text(void **state)
{
    (void)state;
    enum { LINES = PLAN_SQL_MAX / 4 };
    AUTO(buf) struct buf dos = buf_make(PLAN_SQL_MAX);
    AUTO(buf) struct buf plain = buf_make(PLAN_SQL_MAX);
    for (size_t i = 0; i < LINES; i++) {
        buf_add(&dos, ";;\r\n", 4);
        buf_add(&plain, ";;\n", 3);
    }
    char first[7 + DIGEST_HEX_SIZE];
    char second[7 + DIGEST_HEX_SIZE];
    plan_checksum(dos.data, dos.length, first);
    plan_checksum(plain.data, plain.length, second);
    assert_string_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sha256_of_the_text),   cmocka_unit_test(ignores_line_ends_and_the_tail),
        cmocka_unit_test(sees_every_other_change), cmocka_unit_test(reads_the_text_it_digested),
        cmocka_unit_test(digests_a_large_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
