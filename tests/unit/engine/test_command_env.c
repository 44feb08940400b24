#include "engine/command_env.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "check.h"

struct fixture {
    struct secret password;
    struct pg_address address;
};

static void set_up(struct fixture *fixture, const char *password)
{
    *fixture = (struct fixture){
        .address = {.host = "db.example",
                    .port = 5432,
                    .database = "orders",
                    .user = "migrator",
                    .password = &fixture->password,
                    .sslmode = "verify-full",
                    .ca_file = "/etc/ssl/certs/ca.crt"},
    };
    secret_set(&fixture->password, password);
}

/* The value of this name, which must be there once; NULL: it is not there. */
static const char *value_of(const struct command_env *made, const char *name)
{
    const char *value = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; made->variables[i]; i++) {
        assert_true(i < made->count);
        if (strncmp(made->variables[i], name, length) == 0 && made->variables[i][length] == '=') {
            assert_null(value);
            value = made->variables[i] + length + 1;
        }
    }
    return value;
}

static void gives_all_that_the_contract_names(void **state)
{
    (void)state;
    char *variables[] = {NULL};
    AUTO(env) struct env *env = env_take(variables);
    struct fixture fixture;
    set_up(&fixture, "it's a \"p@ss\" = 100%\\");
    AUTO(command_env) struct command_env made = {0};
    command_env_make(env, &fixture.address, &made);
    const char *const expected[][2] = {
        {"PGHOST", "db.example"},
        {"PGPORT", "5432"},
        {"PGDATABASE", "orders"},
        {"PGUSER", "migrator"},
        {"PGPASSWORD", "it's a \"p@ss\" = 100%\\"},
        {"PGSSLMODE", "verify-full"},
        {"PGSSLROOTCERT", "/etc/ssl/certs/ca.crt"},
        {"DB_HOST", "db.example"},
        {"DB_PORT", "5432"},
        {"DB_DATABASE", "orders"},
        {"DB_USERNAME", "migrator"},
        {"DB_PASSWORD", "it's a \"p@ss\" = 100%\\"},
        {"DATABASE_URL", "postgresql://migrator:it%27s%20a%20%22p%40ss%22%20%3D%20100%25%5C"
                         "@db.example:5432/orders?sslmode=verify-full"
                         "&sslrootcert=%2Fetc%2Fssl%2Fcerts%2Fca.crt"},
    };
    assert_int_equal(made.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_string_equal(value_of(&made, expected[i][0]), expected[i][1]);
    }
    secret_clear(&fixture.password);
}

static void keeps_the_rest_and_replaces_its_own(void **state)
{
    (void)state;
    char host[] = "PGHOST=elsewhere";
    char request[] = "POSTLUDE_EVENT={\"ResponseURL\":\"https://elsewhere/\"}";
    char url[] = "DATABASE_URL=postgresql://root:old@elsewhere/";
    char password[] = "DB_PASSWORD=old";
    char path[] = "PATH=/usr/bin:/bin";
    char empty[] = "EMPTY=";
    char equals[] = "APP_KEY=base64:a=b==";
    char longer[] = "PGHOSTS=not ours";
    char shorter[] = "DB_HOS=nor this";
    char *variables[] = {host, request, url, password, path, empty, equals, longer, shorter, NULL};
    AUTO(env) struct env *env = env_take(variables);
    env_conceal(env, "DB_PASSWORD");
    struct fixture fixture;
    set_up(&fixture, "new");
    AUTO(command_env) struct command_env made = {0};
    command_env_make(env, &fixture.address, &made);
    assert_int_equal(made.count, 5 + 13);
    assert_null(made.variables[made.count]);
    assert_string_equal(value_of(&made, "PATH"), "/usr/bin:/bin");
    assert_string_equal(value_of(&made, "EMPTY"), "");
    assert_string_equal(value_of(&made, "APP_KEY"), "base64:a=b==");
    assert_string_equal(value_of(&made, "PGHOSTS"), "not ours");
    assert_string_equal(value_of(&made, "DB_HOS"), "nor this");
    assert_string_equal(value_of(&made, "PGHOST"), "db.example");
    assert_string_equal(value_of(&made, "DB_PASSWORD"), "new");
    for (size_t i = 0; i < made.count; i++) {
        assert_null(strstr(made.variables[i], "elsewhere"));
        assert_null(strstr(made.variables[i], "old"));
    }
    command_env_free(&made);
    command_env_free(&made);
    secret_clear(&fixture.password);
}

/* A name that is too long to be read whole is left out: half of it would be another variable. */
static void leaves_out_a_name_without_end(void **state)
{
    (void)state;
    char endless[3000];
    memset(endless, 'N', sizeof endless);
    memcpy(endless + sizeof endless - 3, "=v", 3);
    char after[] = "AFTER=1";
    char *variables[] = {endless, after, NULL};
    AUTO(env) struct env *env = env_take(variables);
    struct fixture fixture;
    set_up(&fixture, "x");
    AUTO(command_env) struct command_env made = {0};
    command_env_make(env, &fixture.address, &made);
    assert_int_equal(made.count, 1 + 13);
    assert_string_equal(value_of(&made, "AFTER"), "1");
    secret_clear(&fixture.password);
}

struct url_row {
    const char *host, *user, *password, *database, *ca_file, *expected;
};

static void quotes_the_url(void **state)
{
    (void)state;
    const struct url_row rows[] = {
        {"127.0.0.1", "u", "p", "d", NULL, "postgresql://u:p@127.0.0.1:5432/d?sslmode=require"},
        {"127.0.0.1", "u", "p", "d", "", "postgresql://u:p@127.0.0.1:5432/d?sslmode=require"},
        {"::1", "u", "p", "d", NULL, "postgresql://u:p@[::1]:5432/d?sslmode=require"},
        {"fe80::1%eth0", "u", "p", "d", NULL,
         "postgresql://u:p@[fe80::1%25eth0]:5432/d?sslmode=require"},
        {"/var/run/postgresql", "u", "p", "d", NULL,
         "postgresql://u:p@%2Fvar%2Frun%2Fpostgresql:5432/d?sslmode=require"},
        {"h", "a@b", ":/?#[]@!$&'()*+,;=% ", "d/e?f", "/a b&c=d",
         "postgresql://a%40b:%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25%20"
         "@h:5432/d%2Fe%3Ff?sslmode=require&sslrootcert=%2Fa%20b%26c%3Dd"},
        {"h", "u", "-._~AZaz09", "d", NULL, "postgresql://u:-._~AZaz09@h:5432/d?sslmode=require"},
        {"h", "u", "é\n\x7f", "d", NULL, "postgresql://u:%C3%A9%0A%7F@h:5432/d?sslmode=require"},
        {"h", "u", NULL, "d", NULL, "postgresql://u:@h:5432/d?sslmode=require"},
    };
    char *variables[] = {NULL};
    AUTO(env) struct env *env = env_take(variables);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture fixture;
        set_up(&fixture, rows[i].password);
        fixture.address.host = rows[i].host;
        fixture.address.user = rows[i].user;
        fixture.address.database = rows[i].database;
        fixture.address.ca_file = rows[i].ca_file;
        fixture.address.sslmode = "require";
        AUTO(command_env) struct command_env made = {0};
        command_env_make(env, &fixture.address, &made);
        assert_string_equal(value_of(&made, "DATABASE_URL"), rows[i].expected);
        assert_string_equal(value_of(&made, "PGPASSWORD"),
                            rows[i].password ? rows[i].password : "");
        const char *ca_file = value_of(&made, "PGSSLROOTCERT");
        assert_string_equal(ca_file ? ca_file : "", rows[i].ca_file ? rows[i].ca_file : "");
        secret_clear(&fixture.password);
    }
}

static void assert_masked(const char *password, const char *line, const char *expected)
{
    struct fixture fixture;
    set_up(&fixture, password);
    AUTO(buf) struct buf out = buf_make(4096);
    command_mask(fixture.address.password, line, strlen(line), &out);
    assert_string_equal(out.data, expected);
    secret_clear(&fixture.password);
}

static void masks_every_spelling(void **state)
{
    (void)state;
    const char *const rows[][3] = {
        {"s3cret", "", ""},
        {"s3cret", "nothing here", "nothing here"},
        {"s3cret", "s3cret", "***"},
        {"s3cret", "at the end s3cret", "at the end ***"},
        {"s3cret", "s3crets3cret and s3cret.", "****** and ***."},
        {"s3cret", "cut s3cre", "cut s3cre"},
        {"aab", "aaab", "a***"},
        {"p@ss/w", "as it is: p@ss/w", "as it is: ***"},
        {"p@ss/w", "postgresql://u:p%40ss%2Fw@h/", "postgresql://u:***@h/"},
        {"p@ss/w", "postgresql://u:p%40ss%2fw@h/", "postgresql://u:***@h/"},
        {"say \"x\" \\", "{\"p\":\"say \\\"x\\\" \\\\\"}", "{\"p\":\"***\\\\\"}"},
        {"say \"x\" \\", "raw say \"x\" \\", "raw ***\\"},
        {"say \"x\" \\", "say%20%22x%22%20%5C", "***"},
        {"50%", "50%25 and 50%", "*** and ***"},
        {"pässwörd", "der pässwörd, p%C3%A4ssw%C3%B6rd", "der ***, ***"},
        {"", "an empty one hides nothing", "an empty one hides nothing"},
        {NULL, "nor does none", "nor does none"},
        {"***", "*** ***", "*** ***"},
        {"100", "%d 100 %s", "%d *** %s"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_masked(rows[i][0], rows[i][1], rows[i][2]);
    }
}

/* A line is bytes: NUL and broken UTF-8 go through. */
static void masks_in_any_bytes(void **state)
{
    (void)state;
    static const char line[] = "\xFF\0key\0\xC3key";
    struct fixture fixture;
    set_up(&fixture, "key");
    AUTO(buf) struct buf out = buf_make(4096);
    command_mask(fixture.address.password, line, sizeof line - 1, &out);
    static const char expected[] = "\xFF\0***\0\xC3***";
    assert_int_equal(out.length, sizeof expected - 1);
    assert_memory_equal(out.data, expected, sizeof expected);
    /* What stands behind the line is no part of it. */
    buf_truncate(&out, 0);
    command_mask(fixture.address.password, "a key", 4, &out);
    assert_string_equal(out.data, "a ke");
    secret_clear(&fixture.password);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_all_that_the_contract_names),
        cmocka_unit_test(keeps_the_rest_and_replaces_its_own),
        cmocka_unit_test(leaves_out_a_name_without_end),
        cmocka_unit_test(quotes_the_url),
        cmocka_unit_test(masks_every_spelling),
        cmocka_unit_test(masks_in_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
