#include "base/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "forked.h"

static void gives_what_is_set(void **state)
{
    (void)state;
    char a[] = "A=1";
    char empty[] = "EMPTY=";
    char equals[] = "EQ=a=b";
    char again[] = "A=2";
    char odd[] = "NOEQUALS";
    char *variables[] = {a, empty, equals, again, odd, NULL};
    AUTO(env) struct env *env = env_take(variables);
    assert_string_equal(env_get(env, "A"), "1");
    assert_string_equal(env_get(env, "EQ"), "a=b");
    assert_string_equal(env_get(env, "EMPTY"), "");
    assert_null(env_value(env, "EMPTY"));
    assert_string_equal(env_value(env, "A"), "1");
    assert_null(env_get(env, "EMPT"));
    assert_null(env_get(env, "AA"));
    assert_null(env_get(env, "NOEQUALS"));
    assert_null(env_get(env, ""));
}

static void sees_prefixes(void **state)
{
    (void)state;
    char empty[] = "POSTLUDE_EVENT_ID=";
    char *variables[] = {empty, NULL};
    AUTO(env) struct env *env = env_take(variables);
    assert_true(env_any(env, "POSTLUDE_EVENT"));
    assert_false(env_any(env, "POSTLUDE_EVENT_IDS"));
    assert_false(env_any(env, "OSTLUDE"));
}

static void an_empty_environment(void **state)
{
    (void)state;
    char *variables[] = {NULL};
    AUTO(env) struct env *env = env_take(variables);
    assert_null(env_get(env, "A"));
    assert_false(env_any(env, ""));
    env_conceal(env, "A");
    env_withdraw(env, "A");
    env_free(NULL);
}

static void copies_outlive_the_original(void **state)
{
    (void)state;
    char a[] = "A=secret";
    char b[] = "B=other";
    char again[] = "A=second";
    char *variables[] = {a, b, again, NULL};
    AUTO(env) struct env *env = env_take(variables);
    env_conceal(env, "A");
    assert_string_equal(a, "A=      ");
    assert_string_equal(again, "A=      ");
    assert_string_equal(b, "B=other");
    assert_string_equal(env_get(env, "A"), "secret");
}

/* What another process of the same user can read of this one. */
static bool environ_shows(const char *text)
{
    AUTO(buf) struct buf block = buf_make(1 << 20);
    struct error err;
    if (!file_read("/proc/self/environ", &block, &err)) {
        _exit(90);
    }
    return memmem(block.data, block.length, text, strlen(text)) != NULL;
}

static void conceal_and_withdraw(void)
{
    AUTO(env) struct env *env = env_take(environ);
    if (!environ_shows("hunter2") || !environ_shows("PGHOST=somewhere")) {
        _exit(91);
    }
    env_conceal(env, "DB_PASSWORD");
    if (environ_shows("hunter2")) {
        _exit(92);
    }
    if (!environ_shows("KEPT=kept") || strcmp(env_get(env, "DB_PASSWORD"), "hunter2") != 0) {
        _exit(93);
    }
    env_conceal_secrets(env);
    if (environ_shows("pr0xy") ||
        strcmp(getenv("HTTPS_PROXY"), "http://user:pr0xy@proxy:3128") != 0 ||
        strcmp(getenv("all_proxy"), "user:pr0xy@proxy:3128") != 0 ||
        strcmp(env_get(env, "ORDERS_URL"), "postgres://user:pr0xy@db/orders") != 0) {
        _exit(98);
    }
    env_withdraw(env, "PG");
    if (getenv("PGHOST") || getenv("PGPORT") || !getenv("KEPT")) {
        _exit(94);
    }
    if (strcmp(env_get(env, "PGHOST"), "somewhere") != 0) {
        _exit(95);
    }
    env_conceal(env, "PGHOST");
    if (environ_shows("somewhere")) {
        _exit(96);
    }
}

static const char *program;

/* A fresh program, since only one's own start fills /proc/self/environ. */
static void start_afresh(void)
{
    char name[] = "test_env";
    char verb[] = "conceal";
    char password[] = "DB_PASSWORD=hunter2";
    char host[] = "PGHOST=somewhere";
    char port[] = "PGPORT=5432";
    char kept[] = "KEPT=kept";
    char *arguments[] = {name, verb, NULL};
    char proxy[] = "HTTPS_PROXY=http://user:pr0xy@proxy:3128";
    char bare[] = "all_proxy=user:pr0xy@proxy:3128";
    char url[] = "ORDERS_URL=postgres://user:pr0xy@db/orders";
    char nameless[] = "=http://user@host";
    char *variables[] = {password, host, port, kept, proxy, bare, url, nameless, NULL};
    (void)execve(program, arguments, variables);
    _exit(97);
}

static void the_process_shows_it_no_more(void **state)
{
    (void)state;
    assert_int_equal(forked(start_afresh), 0);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 2 && strcmp(argv[1], "conceal") == 0) {
        conceal_and_withdraw();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_is_set),
        cmocka_unit_test(sees_prefixes),
        cmocka_unit_test(an_empty_environment),
        cmocka_unit_test(copies_outlive_the_original),
        cmocka_unit_test(the_process_shows_it_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
