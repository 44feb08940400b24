#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "plan/plan.h"

#include "check.h"

static char folder[] = "/tmp/postlude-files-XXXXXX";

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int enter_folder(void **state)
{
    (void)state;
    return !mkdtemp(folder) || chdir(folder) != 0;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return chdir("/") != 0 || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}

/* The digest is of ids and checksums: neither options nor the place of the files change it. */
static void digests_the_migrations(void **state)
{
    (void)state;
    write_file("1.sql", "abc");
    write_file("plan.yaml", "migrations: [1.sql]");
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = plan_load("plan.yaml", &findings);
    assert_non_null(plan);
    static const char digested[] =
        "1\0sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
    char wanted[DIGEST_HEX_SIZE];
    digest_sha256_hex(digested, sizeof digested - 1, wanted);
    assert_string_equal(plan->digest + 7, wanted);
    assert_memory_equal(plan->digest, "sha256:", 7);
    assert_string_equal(plan->migrations[0].path, "./1.sql");
}

static void digest_of(const char *migrations, char out_digest[7 + DIGEST_HEX_SIZE])
{
    write_file("plan.yaml", migrations);
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = plan_load("plan.yaml", &findings);
    assert_non_null(plan);
    (void)snprintf(out_digest, 7 + DIGEST_HEX_SIZE, "%s", plan->digest);
}

/* No two of these say the same, however their bytes stand in a row. */
static void digests_commands(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "migrations: []",
        "migrations: [{id: a, command: [x]}]",
        "migrations: [{id: b, command: [x]}]",
        "migrations: [{id: a, command: [x, '']}]",
        "migrations: [{id: a, command: [x, y]}]",
        "migrations: [{id: a, command: [x y]}]",
        "migrations: [{id: a, command: [x]}, {id: b, command: [y]}]",
        "migrations: [{id: b, command: [y]}, {id: a, command: [x]}]",
        "migrations: [{id: a, command: [x, \"\\nb\", \"command:1\", y]}]",
    };
    char digests[COUNT(lists)][7 + DIGEST_HEX_SIZE];
    for (size_t i = 0; i < COUNT(lists); i++) {
        digest_of(lists[i], digests[i]);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(digests[i], digests[j]);
        }
    }
    char again[7 + DIGEST_HEX_SIZE];
    digest_of("migrations: [{id: a, command: [x], when: every, dir: /a, timeout: 1s}]", again);
    assert_string_equal(again, digests[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_the_migrations),
        cmocka_unit_test(digests_commands),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
