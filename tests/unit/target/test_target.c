/* Plans whose login comes from AWS, with a script in AWS's place. */
#include "target/target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/script.h"
#include "base/clock.h"
#include "check.h"

#define ARN "arn:aws:secretsmanager:eu-west-3:210987654321:secret:ledger/migrator-Qx7LmA"
#define VALUE(version, json) "{\"VersionId\":\"" version "\",\"SecretString\":\"" json "\"}"
#define LOGIN(user, password)                                                                      \
    "{\\\"username\\\":\\\"" user "\\\",\\\"password\\\":\\\"" password "\\\"}"
#define PROXY "Ledger.proxy-c9abcdefgh12.eu-west-3.rds.amazonaws.com"

struct fixture {
    struct env *env;
    struct aws aws;
    struct plan *plan;
    struct target *target;
    struct pg_address address;
    struct error err;
};

static char *variables[5];

static void write_plan(const char *path, const char *database)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "version: 1\nplan: orders\ndatabase: {%s}\nmigrations: []\n", database);
    assert_int_equal(fclose(file), 0);
}

/* Whether a target of a plan with this database could be opened. */
static bool try_begin(struct fixture *fixture, const char *database)
{
    static const char *const texts[] = {"AWS_ACCESS_KEY_ID=AKIDPORTAGEEXAMPLE01",
                                        "AWS_SECRET_ACCESS_KEY=k3yM4t3rial", "AWS_REGION=us-east-1",
                                        "P=pw"};
    char path[] = "/tmp/postlude-target-XXXXXX";
    AUTO(findings) struct findings findings = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    write_plan(path, database);
    for (size_t i = 0; i < COUNT(texts); i++) {
        variables[i] = memory_text(texts[i]);
    }
    *fixture = (struct fixture){.env = env_take(variables)};
    fixture->aws = aws_open(fixture->env);
    fixture->aws.http = script_http;
    script_begin();
    fixture->plan = plan_load(path, &findings);
    (void)unlink(path);
    assert_int_equal(findings.errors, 0);
    return target_open(fixture->plan, fixture->env, &fixture->aws, &fixture->target, &fixture->err);
}

static void begin(struct fixture *fixture, const char *database)
{
    assert_true(try_begin(fixture, database));
}

static void end(struct fixture *fixture)
{
    script_end();
    target_close(fixture->target);
    plan_free(fixture->plan);
    aws_close(&fixture->aws);
    env_free(fixture->env);
    for (size_t i = 0; variables[i]; i++) {
        free(variables[i]);
        variables[i] = NULL;
    }
}

static bool ask(struct fixture *fixture, const struct error *refused, int refusals)
{
    const struct pg_asking asking = {
        .refused = refused, .refusals = refusals, .deadline = deadline_in(10000)};
    return target_address(fixture->target, &asking, &fixture->address, &fixture->err);
}

static struct error refusal(const char *code)
{
    struct error err = {0};
    error_set(&err, ERROR_DENIED, "password authentication failed for user \"migrator\"");
    error_code(&err, "%s", code);
    return err;
}

static void answer(const char *body)
{
    script_answer((struct script_answer){.status = 200, .body = body});
}

static const char *password_of(const struct fixture *fixture)
{
    return secret_reveal(fixture->address.password);
}

/* Of a failure. */
static void check_error(const struct fixture *fixture, enum error_kind kind, const char *message,
                        const char *hint)
{
    print_message("%s: %s\n  %s\n", fixture->err.where, fixture->err.message, fixture->err.hint);
    assert_int_equal(fixture->err.kind, kind);
    assert_non_null(strstr(fixture->err.message, message));
    assert_non_null(strstr(fixture->err.hint, hint));
    assert_null(strstr(fixture->err.message, "hidden"));
    assert_null(strstr(fixture->err.hint, "hidden"));
}

static void a_password_is_refused_for_good(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct error refused = refusal("28P01");
    begin(&fixture, "host: db, name: orders, user: migrator, password: '${P}'");
    assert_true(ask(&fixture, NULL, 0));
    assert_string_equal(password_of(&fixture), "pw");
    assert_string_equal(fixture.address.host, "db");
    assert_int_equal(fixture.address.port, 5432);
    assert_string_equal(fixture.address.sslmode, "verify-full");
    assert_false(ask(&fixture, &refused, 1));
    assert_memory_equal(&fixture.err, &refused, sizeof refused);
    end(&fixture);
}

static void a_secret_is_read_once(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "host: proxy, name: orders, secret: '" ARN "'");
    answer(VALUE("v1",
                 "{\\\"username\\\":\\\"migrator\\\",\\\"password\\\":\\\"p1\\\",\\\"host\\\":"
                 "\\\"db.internal\\\",\\\"port\\\":6543,\\\"dbname\\\":\\\"other\\\"}"));
    for (int i = 0; i < 3; i++) {
        assert_true(ask(&fixture, NULL, 0));
        assert_string_equal(fixture.address.user, "migrator");
        assert_string_equal(password_of(&fixture), "p1");
        /* The plan's own, and the port that goes with a proxy. */
        assert_string_equal(fixture.address.host, "proxy");
        assert_string_equal(fixture.address.database, "orders");
        assert_int_equal(fixture.address.port, 5432);
    }
    end(&fixture);
}

static void a_secret_says_what_the_plan_does_not(void **state)
{
    (void)state;
    static const struct {
        const char *database, *user, *host;
        int port;
    } rows[] = {
        {"secret: '" ARN "'", "migrator", "db.internal", 6543},
        {"secret: '" ARN "', port: 7000", "migrator", "db.internal", 7000},
        {"secret: '" ARN "', port: 5432", "migrator", "db.internal", 5432},
        {"secret: '" ARN "', host: DB.Internal", "migrator", "DB.Internal", 6543},
        {"secret: '" ARN "', host: proxy", "migrator", "proxy", 5432},
        {"secret: '" ARN "', user: other", "other", "db.internal", 6543},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].database);
        answer(VALUE(
            "v1", "{\\\"username\\\":\\\"migrator\\\",\\\"password\\\":\\\"p1\\\",\\\"host\\\":"
                  "\\\"db.internal\\\",\\\"port\\\":\\\"6543\\\",\\\"dbname\\\":\\\"orders\\\"}"));
        assert_true(ask(&fixture, NULL, 0));
        assert_string_equal(fixture.address.user, rows[i].user);
        assert_string_equal(fixture.address.host, rows[i].host);
        assert_int_equal(fixture.address.port, rows[i].port);
        assert_string_equal(fixture.address.database, "orders");
        end(&fixture);
    }
}

static void what_nobody_says_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *database, *value, *message;
    } rows[] = {
        {"secret: x", VALUE("v", LOGIN("u", "hidden")), "\"database.host\" is missing"},
        {"secret: x, host: h", VALUE("v", LOGIN("u", "hidden")), "\"database.name\" is missing"},
        {"secret: x, host: h, name: n", VALUE("v", "hidden"), "\"database.user\" is missing"},
        {"secret: x, name: n",
         VALUE("v",
               "{\\\"username\\\":\\\"u\\\",\\\"password\\\":\\\"hidden\\\",\\\"host\\\":\\\"a "
               "b\\\"}"),
         "the secret's \"host\" is not one host name"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].database);
        answer(rows[i].value);
        assert_false(ask(&fixture, NULL, 0));
        check_error(&fixture, ERROR_INVALID, rows[i].message, "");
        assert_true(*fixture.err.hint);
        end(&fixture);
    }
}

static void a_secret_is_read_again_after_a_refusal(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct error refused = refusal("28P01");
    begin(&fixture, "host: proxy, name: orders, secret: '" ARN "'");
    answer(VALUE("v1", LOGIN("migrator", "p1")));
    answer(VALUE("v2", LOGIN("migrator_clone", "p2")));
    assert_true(ask(&fixture, NULL, 0));
    assert_true(ask(&fixture, &refused, 1));
    assert_string_equal(password_of(&fixture), "p2");
    assert_string_equal(fixture.address.user, "migrator_clone");
    assert_false(ask(&fixture, &refused, 2));
    check_error(&fixture, ERROR_DENIED, "password authentication failed",
                "what it says now is refused, too (version v2)");
    assert_string_equal(fixture.err.code, "28P01");
    /* It is kept, for the next connection. */
    assert_true(ask(&fixture, NULL, 0));
    assert_string_equal(password_of(&fixture), "p2");
    end(&fixture);
}

static void a_secret_that_stays_is_refused_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct error refused = refusal("28P01");
    begin(&fixture, "host: proxy, name: orders, user: migrator, secret: '" ARN "'");
    answer(VALUE("v1", LOGIN("other", "hidden\\\\n")));
    answer(VALUE("v1", LOGIN("other", "hidden\\\\n")));
    assert_true(ask(&fixture, NULL, 0));
    assert_false(ask(&fixture, &refused, 1));
    check_error(&fixture, ERROR_DENIED, "password authentication failed", "the same as before");
    assert_non_null(strstr(fixture.err.hint, "secret of user \"other\""));
    end(&fixture);
}

static void a_secret_that_cannot_be_read_names_itself(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct error refused = refusal("28P01");
    begin(&fixture, "host: proxy, name: orders, secret: '" ARN ":pw::'");
    script_answer((struct script_answer){
        .status = 400, .body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}"});
    assert_false(ask(&fixture, NULL, 0));
    check_error(&fixture, ERROR_DENIED,
                "secret \"" ARN "\" could not be used: ", "secretsmanager:GetSecretValue on " ARN);
    assert_string_equal(fixture.err.code, "AccessDeniedException");
    assert_non_null(strstr(fixture.err.where, ":3:"));
    answer(VALUE("v1", LOGIN("u", "hidden")));
    assert_false(ask(&fixture, NULL, 0));
    check_error(&fixture, ERROR_DENIED, "its keys are: username, password", ":KEY::");
    answer(VALUE("v1", "{\\\"username\\\":\\\"u\\\",\\\"pw\\\":\\\"hidden\\\"}"));
    assert_true(ask(&fixture, NULL, 0));
    script_answer((struct script_answer){
        .status = 400, .body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}"});
    assert_false(ask(&fixture, &refused, 1));
    check_error(&fixture, ERROR_DENIED, "could not be read anew after its password was refused",
                "secretsmanager:GetSecretValue");
    end(&fixture);
}

static void out_of_time_can_be_tried_again(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "host: proxy, name: orders, secret: '" ARN "'");
    script_answer((struct script_answer){.error = ERROR_INTERRUPTED});
    assert_false(ask(&fixture, NULL, 0));
    check_error(&fixture, ERROR_UNREACHABLE, "could not be used",
                "com.amazonaws.eu-west-3.secretsmanager");
    assert_string_equal(fixture.err.code, "timeout");
    end(&fixture);
}

static void told_to_stop_is_told_so(void **state)
{
    (void)state;
    struct fixture fixture;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    const struct stop stop = {.fd = ends[0]};
    const struct pg_asking asking = {.deadline = deadline_in(10000), .stop = &stop};
    begin(&fixture, "host: proxy, name: orders, secret: '" ARN "'");
    fixture.aws.http = aws_http_curl;
    assert_false(target_address(fixture.target, &asking, &fixture.address, &fixture.err));
    check_error(&fixture, ERROR_INTERRUPTED, "told to stop", "");
    assert_string_equal(fixture.err.hint, "");
    assert_string_equal(fixture.err.code, "");
    end(&fixture);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_secret_that_is_none_is_found_at_once(void **state)
{
    (void)state;
    struct fixture fixture;
    char members[512];
    (void)snprintf(members, sizeof members, "host: h, secret: 's:k:%0300d'", 0);
    assert_false(try_begin(&fixture, members));
    check_error(&fixture, ERROR_INVALID, "\"database.secret\": not the name", "ARN");
    assert_non_null(strstr(fixture.err.where, ":3:"));
    end(&fixture);
}

static void a_token_is_signed_for_each_connection(void **state)
{
    (void)state;
    struct fixture fixture;
    char first[2048];
    begin(&fixture, "host: " PROXY ", name: orders, user: 'a b', iam: true");
    assert_true(ask(&fixture, NULL, 0));
    text_copy(first, sizeof first, password_of(&fixture));
    print_message("%s\n", first);
    assert_true(text_starts(first, PROXY ":5432/?Action=connect&DBUser=a%20b&X-Amz-Algorithm="));
    /* The database's region, and not our own. */
    assert_non_null(strstr(first, "%2Feu-west-3%2Frds-db%2Faws4_request"));
    fixture.aws.skew_ms = 3600000;
    assert_true(ask(&fixture, NULL, 0));
    assert_string_not_equal(password_of(&fixture), first);
    end(&fixture);
}

static void a_token_for_another_name_is_of_our_region(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct error refused = refusal("28P01");
    begin(&fixture, "host: db.example, port: 6543, name: orders, user: u, iam: true");
    assert_true(ask(&fixture, NULL, 0));
    assert_true(text_starts(password_of(&fixture), "db.example:6543/?"));
    assert_non_null(strstr(password_of(&fixture), "%2Fus-east-1%2Frds-db%2Faws4_request"));
    /* Keys that never change are not read again. */
    assert_false(ask(&fixture, &refused, 1));
    check_error(&fixture, ERROR_DENIED, "password authentication failed", "an alias (CNAME)");
    assert_non_null(strstr(fixture.err.hint, "rds-db:connect on arn:aws:rds-db:us-east-1:ACCOUNT:"
                                             "dbuser:RESOURCE/u "));
    assert_non_null(strstr(fixture.err.hint, "GRANT rds_iam"));
    assert_non_null(strstr(fixture.err.hint, "prx-"));
    assert_non_null(strstr(fixture.err.hint, "clock"));
    end(&fixture);
}

static int found;

/* Credentials for an hour, each time others. */
static bool find(struct aws *aws, struct aws_limit *limit, struct aws_credentials *out_credentials,
                 struct error *err)
{
    (void)aws;
    (void)limit;
    (void)err;
    *out_credentials = (struct aws_credentials){.expires_ms = clock_wall_ms() + 3600000};
    (void)snprintf(out_credentials->access_key_id, sizeof out_credentials->access_key_id, "ASIA%d",
                   ++found);
    secret_set(&out_credentials->secret_key, "k3y");
    secret_set(&out_credentials->session_token, "session");
    return true;
}

static void credentials_that_were_withdrawn_are_read_again(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct error refused = refusal("28000");
    begin(&fixture, "host: " PROXY ", name: orders, user: u, iam: true");
    fixture.aws.find = find;
    assert_true(ask(&fixture, NULL, 0));
    assert_non_null(strstr(password_of(&fixture), "ASIA1"));
    assert_true(ask(&fixture, NULL, 0));
    assert_non_null(strstr(password_of(&fixture), "ASIA1"));
    assert_true(ask(&fixture, &refused, 1));
    assert_non_null(strstr(password_of(&fixture), "ASIA2"));
    assert_false(ask(&fixture, &refused, 2));
    end(&fixture);
}

static void what_the_server_says_itself_is_not_explained_away(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error refused = {0};
    error_set(&refused, ERROR_DENIED, "the server refuses user \"u\": role \"u\" does not exist");
    error_code(&refused, "28000");
    error_hint(&refused, "its own");
    begin(&fixture, "host: " PROXY ", name: orders, user: u, iam: true");
    assert_true(ask(&fixture, NULL, 0));
    assert_false(ask(&fixture, &refused, 1));
    assert_string_equal(fixture.err.hint, "its own");
    end(&fixture);
}

static void no_credentials_are_told_as_such(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "host: " PROXY ", name: orders, user: u, iam: true");
    fixture.aws.find = NULL;
    assert_false(ask(&fixture, NULL, 0));
    check_error(&fixture, fixture.err.kind, "no token could be signed", "");
    assert_non_null(strstr(fixture.err.where, ":3:"));
    end(&fixture);
}

static void a_host_is_read_once_from_parameter_store(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "host: 'ssm:/orders/host', name: orders, user: u, password: '${P}'");
    answer("{\"Parameter\":{\"Value\":\"db.example\\n\"}}");
    for (int i = 0; i < 2; i++) {
        assert_true(ask(&fixture, NULL, 0));
        assert_string_equal(fixture.address.host, "db.example");
        assert_string_equal(password_of(&fixture), "pw");
    }
    assert_string_equal(script_asked(0)->url, "https://ssm.us-east-1.amazonaws.com/");
    end(&fixture);
}

static void a_parameter_that_is_no_host_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {
        "", "db.example:5432", "a,b", "postgres://u@h/d", "/var/run/x", "a b", "a\\u0001"};
    for (size_t i = 0; i < COUNT(values); i++) {
        struct fixture fixture;
        char body[256];
        begin(&fixture, "host: 'ssm:/orders/host', name: orders, user: u, password: '${P}'");
        (void)snprintf(body, sizeof body, "{\"Parameter\":{\"Value\":\"%s\"}}", values[i]);
        answer(body);
        assert_false(ask(&fixture, NULL, 0));
        check_error(&fixture, ERROR_INVALID, "parameter \"/orders/host\" is not one host name",
                    strchr(values[i], ':') && !strchr(values[i], '/') ? "database.port" : "alone");
        end(&fixture);
    }
}

static void a_parameter_that_cannot_be_read_names_itself(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "host: 'ssm:/orders/host', name: orders, user: u, password: '${P}'");
    script_answer(
        (struct script_answer){.status = 400, .body = "{\"__type\":\"ParameterNotFound\"}"});
    assert_false(ask(&fixture, NULL, 0));
    check_error(&fixture, ERROR_DENIED, "parameter \"/orders/host\" could not be read: ",
                "Parameter Store in us-east-1 has no /orders/host");
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_refused_for_good),
        cmocka_unit_test(what_nobody_says_is_an_error),
        cmocka_unit_test(a_secret_that_stays_is_refused_at_once),
        cmocka_unit_test(a_secret_that_cannot_be_read_names_itself),
        cmocka_unit_test(out_of_time_can_be_tried_again),
        cmocka_unit_test(told_to_stop_is_told_so),
        cmocka_unit_test(a_secret_that_is_none_is_found_at_once),
        cmocka_unit_test(a_secret_is_read_once),
        cmocka_unit_test(a_secret_says_what_the_plan_does_not),
        cmocka_unit_test(a_secret_is_read_again_after_a_refusal),
        cmocka_unit_test(a_token_for_another_name_is_of_our_region),
        cmocka_unit_test(what_the_server_says_itself_is_not_explained_away),
        cmocka_unit_test(no_credentials_are_told_as_such),
        cmocka_unit_test(a_token_is_signed_for_each_connection),
        cmocka_unit_test(credentials_that_were_withdrawn_are_read_again),
        cmocka_unit_test(a_parameter_that_is_no_host_is_refused),
        cmocka_unit_test(a_parameter_that_cannot_be_read_names_itself),
        cmocka_unit_test(a_host_is_read_once_from_parameter_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
