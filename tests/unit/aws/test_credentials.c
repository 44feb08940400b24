#include "aws/credentials.h"

#include <stdio.h>
#include <unistd.h>

#include "aws/blocks.h"
#include "aws/script.h"
#include "aws/session.h"
#include "base/clock.h"

#define ANSWER(expiration)                                                                         \
    "{\"RoleArn\":\"arn:aws:iam::210987654321:role/r\",\"AccessKeyId\":\"ASIA1\","                 \
    "\"SecretAccessKey\":\"s/e+c\",\"Token\":\"t/o+k==\",\"Expiration\":\"" expiration "\"}"

static const char lasting[] = ANSWER("2131-03-14T15:20:11Z");

/* A session whose environment is the variables given, up to NULL; originals stay writable. */
struct fixture {
    char *variables[8];
    struct env *env;
    struct aws aws;
    struct aws_limit limit;
    struct error err;
};

static void open_fixture(struct fixture *fixture, const char *const *variables)
{
    memset(fixture, 0, sizeof *fixture);
    for (size_t i = 0; variables[i]; i++) {
        fixture->variables[i] = memory_text(variables[i]);
    }
    fixture->env = env_take(fixture->variables);
    fixture->aws = aws_open(fixture->env);
    fixture->aws.http = script_http;
    fixture->aws.pause_ms = 1;
    fixture->limit = (struct aws_limit){.deadline = deadline_in(5000)};
    script_begin();
}

static void close_fixture(struct fixture *fixture)
{
    script_end();
    aws_close(&fixture->aws);
    env_free(fixture->env);
    for (size_t i = 0; fixture->variables[i]; i++) {
        free(fixture->variables[i]);
    }
}

#define OPEN(...) open_fixture(&f, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static bool ready(struct fixture *fixture)
{
    return aws_credentials_ready(&fixture->aws, &fixture->limit, &fixture->err);
}

static void check_refused(struct fixture *fixture, enum error_kind kind, const char *words)
{
    assert_false(ready(fixture));
    assert_int_equal(fixture->err.kind, kind);
    if (!strstr(fixture->err.message, words)) {
        fail_msg("\"%s\" lacks \"%s\"", fixture->err.message, words);
    }
    assert_true(*fixture->err.hint);
}

static void says_what_it_looked_for(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_EC2_METADATA_DISABLED=true");
    check_refused(&f, ERROR_DENIED, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    assert_non_null(strstr(f.err.hint, "taskRoleArn"));
    close_fixture(&f);
}

static void refuses_half_of_a_key(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_ACCESS_KEY_ID=AKIA1");
    check_refused(&f, ERROR_DENIED, "AWS_SECRET_ACCESS_KEY is not");
    close_fixture(&f);
    OPEN("AWS_SECRET_ACCESS_KEY=s", "AWS_ACCESS_KEY_ID=");
    check_refused(&f, ERROR_DENIED, "AWS_ACCESS_KEY_ID is not");
    close_fixture(&f);
}

static void refuses_keys_with_line_ends(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_ACCESS_KEY_ID=AKIA1", "AWS_SECRET_ACCESS_KEY=hidden\n");
    check_refused(&f, ERROR_DENIED, "AWS_SECRET_ACCESS_KEY has a blank, a line end");
    assert_null(strstr(f.err.message, "hidden"));
    close_fixture(&f);
    OPEN("AWS_ACCESS_KEY_ID=AKIA 1", "AWS_SECRET_ACCESS_KEY=s");
    check_refused(&f, ERROR_DENIED, "AWS_ACCESS_KEY_ID has");
    close_fixture(&f);
    OPEN("AWS_ACCESS_KEY_ID=AKIA1", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=a\r\nX: y");
    check_refused(&f, ERROR_DENIED, "AWS_SESSION_TOKEN has");
    close_fixture(&f);
}

static void reads_and_conceals_variables(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_ACCESS_KEY_ID=AKIA1", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/not/asked");
    assert_true(ready(&f));
    assert_string_equal(f.aws.credentials.access_key_id, "AKIA1");
    assert_string_equal(secret_reveal(&f.aws.credentials.secret_key), "secret");
    assert_string_equal(secret_reveal(&f.aws.credentials.session_token), "token");
    assert_string_equal(f.variables[1], "AWS_SECRET_ACCESS_KEY=      ");
    assert_string_equal(f.variables[2], "AWS_SESSION_TOKEN=     ");
    assert_true(ready(&f));
    close_fixture(&f);
}

static void asks_the_relative_uri_first(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x",
         "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/y",
         "AWS_CONTAINER_AUTHORIZATION_TOKEN=auth");
    script_answer((struct script_answer){.status = 200, .body = lasting});
    assert_true(ready(&f));
    assert_string_equal(script_asked(0)->url, "http://169.254.170.2/v2/credentials/x");
    assert_string_equal(script_asked(0)->headers,
                        "Accept: application/json\nAuthorization: auth\n");
    assert_string_equal(f.variables[2], "AWS_CONTAINER_AUTHORIZATION_TOKEN=    ");
    assert_string_equal(f.aws.credentials.access_key_id, "ASIA1");
    assert_string_equal(secret_reveal(&f.aws.credentials.session_token), "t/o+k==");
    assert_true(f.aws.credentials.expires_ms > clock_wall_ms());
    close_fixture(&f);
}

static void asks_without_a_token(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=https://elsewhere.example/y");
    script_answer((struct script_answer){.status = 200, .body = lasting});
    assert_true(ready(&f));
    assert_string_equal(script_asked(0)->headers, "Accept: application/json\n");
    close_fixture(&f);
}

static void refuses_addresses_it_must_not_ask(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/y");
    check_refused(&f, ERROR_DENIED, "plain http is refused");
    close_fixture(&f);
    OPEN("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@evil.example/");
    check_refused(&f, ERROR_DENIED, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: does not begin");
    close_fixture(&f);
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=localhost");
    check_refused(&f, ERROR_DENIED, "AWS_CONTAINER_CREDENTIALS_FULL_URI: not a usable URL");
    close_fixture(&f);
}

/* Writes text to a file of its own and returns "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=path". */
static char *token_file(const char *text)
{
    static const char name[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=";
    char path[] = "/tmp/postlude-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    AUTO(buf) struct buf variable = buf_make(256);
    buf_format(&variable, "%s%s", name, path);
    return buf_take(&variable);
}

static void check_token_file(const char *text, const char *expected_headers)
{
    struct fixture f;
    AUTO(text) char *variable = token_file(text);
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/y", variable,
         "AWS_CONTAINER_AUTHORIZATION_TOKEN=other");
    if (expected_headers) {
        script_answer((struct script_answer){.status = 200, .body = lasting});
        assert_true(ready(&f));
        assert_string_equal(script_asked(0)->headers, expected_headers);
    } else {
        check_refused(&f, ERROR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: the token has");
    }
    close_fixture(&f);
    assert_int_equal(unlink(strchr(variable, '=') + 1), 0);
}

static void takes_the_token_of_a_file(void **state)
{
    (void)state;
    check_token_file("a\nb", NULL);
    check_token_file("a\rb\n", NULL);
    check_token_file("a\n\n", NULL);
    check_token_file("auth", "Accept: application/json\nAuthorization: auth\n");
    check_token_file("auth\n", "Accept: application/json\nAuthorization: auth\n");
    check_token_file("auth\r\n", "Accept: application/json\nAuthorization: auth\n");
}

/* Somebody renews the file; nobody tells us. */
static void put_token(const char *variable, const char *text)
{
    FILE *file = fopen(strchr(variable, '=') + 1, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void reads_token_files_anew_each_time(void **state)
{
    (void)state;
    struct fixture f;
    AUTO(text) char *variable = token_file("first");
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/y", variable);
    for (size_t i = 0; i < 2; i++) {
        script_answer((struct script_answer){.status = 200, .body = lasting});
        put_token(variable, i ? "second" : "first");
        assert_true(ready(&f));
        assert_non_null(strstr(script_asked(i)->headers, i ? ": second\n" : ": first\n"));
        aws_credentials_forget(&f.aws);
    }
    close_fixture(&f);

    AUTO(buf) struct buf identity = buf_make(4096);
    buf_format(&identity, "AWS_WEB_IDENTITY_TOKEN_FILE=%s", strchr(variable, '=') + 1);
    OPEN(identity.data, "AWS_ROLE_ARN=arn:aws:iam::210987654321:role/r", "AWS_REGION=eu-west-3");
    for (size_t i = 0; i < 2; i++) {
        script_answer((struct script_answer){
            .status = 200,
            .body = "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>"
                    "<SessionToken>t</SessionToken><Expiration>2131-03-14T15:20:11Z</Expiration>"});
        put_token(variable, i ? "second" : "first");
        assert_true(ready(&f));
        assert_true(text_ends(script_asked(i)->body,
                              i ? "&WebIdentityToken=second" : "&WebIdentityToken=first"));
        aws_credentials_forget(&f.aws);
    }
    close_fixture(&f);
    assert_int_equal(unlink(strchr(variable, '=') + 1), 0);
}

static void refuses_tokens_that_would_be_headers(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/y",
         "AWS_CONTAINER_AUTHORIZATION_TOKEN=a\r\nX-Evil: 1");
    check_refused(&f, ERROR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN: the token has");
    assert_null(strstr(f.err.message, "Evil"));
    close_fixture(&f);
    OPEN("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/y",
         "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/nowhere");
    check_refused(&f, ERROR_DENIED, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE:");
    close_fixture(&f);
}

static void asks_three_times(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x");
    script_answer((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"});
    script_answer((struct script_answer){.status = 404, .body = "{}"});
    script_answer((struct script_answer){.status = 200, .body = lasting});
    assert_true(ready(&f));
    close_fixture(&f);
    OPEN("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x");
    script_answer((struct script_answer){.status = 200, .body = "<html>"});
    script_answer((struct script_answer){.status = 200, .body = "{\"AccessKeyId\":\"A\"}"});
    script_answer((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"});
    check_refused(&f, ERROR_UNREACHABLE, "no AWS credentials from the container endpoint");
    close_fixture(&f);
}

static void ends_with_its_limit(void **state)
{
    (void)state;
    struct fixture f;
    OPEN("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x");
    f.aws.pause_ms = 10000;
    f.limit.deadline = deadline_in(30);
    script_answer((struct script_answer){.status = 500, .body = ""});
    assert_false(ready(&f));
    assert_int_equal(f.err.kind, ERROR_INTERRUPTED);
    close_fixture(&f);
}

static void check_answer(const struct block *block)
{
    struct aws_credentials found = {0};
    struct error err = {0};
    const char *text = block_need(block, "answer");
    const char *refused = block_get(block, "refused");
    bool read = aws_credentials_parse("it", text, strlen(text), &found, &err);
    assert_int_equal(read, refused == NULL);
    if (refused) {
        assert_int_equal(err.kind, ERROR_UNREACHABLE);
        assert_non_null(strstr(err.message, refused));
        assert_null(strstr(err.message, "hidden"));
    } else {
        assert_string_equal(found.access_key_id, block_need(block, "id"));
        assert_string_equal(secret_reveal(&found.secret_key), "hidden");
    }
    aws_credentials_clear(&found);
}

static void reads_answers(void **state)
{
    (void)state;
    blocks_each("container_answers.txt", check_answer);
}

/* Credentials held that last for ms, and an endpoint to ask for new ones. */
static void open_held(struct fixture *fixture, int64_t ms)
{
    open_fixture(fixture, (const char *const[]){"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x", NULL});
    text_copy(fixture->aws.credentials.access_key_id, sizeof fixture->aws.credentials.access_key_id,
              "OLD");
    fixture->aws.credentials.expires_ms = clock_wall_ms() + ms;
}

static void refreshes_before_they_run_out(void **state)
{
    (void)state;
    struct fixture f;
    open_held(&f, 960000);
    assert_true(ready(&f));
    assert_string_equal(f.aws.credentials.access_key_id, "OLD");
    close_fixture(&f);
    open_held(&f, 840000);
    script_answer((struct script_answer){.status = 200, .body = lasting});
    assert_true(ready(&f));
    assert_string_equal(f.aws.credentials.access_key_id, "ASIA1");
    close_fixture(&f);
    open_held(&f, 300000);
    script_answers((struct script_answer){.status = 500, .body = ""}, 3);
    assert_true(ready(&f));
    assert_string_equal(f.aws.credentials.access_key_id, "OLD");
    close_fixture(&f);
    open_held(&f, 30000);
    script_answers((struct script_answer){.status = 500, .body = ""}, 3);
    check_refused(&f, ERROR_UNREACHABLE, "HTTP status 500");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_looked_for),
        cmocka_unit_test(refuses_half_of_a_key),
        cmocka_unit_test(refuses_keys_with_line_ends),
        cmocka_unit_test(refuses_addresses_it_must_not_ask),
        cmocka_unit_test(refuses_tokens_that_would_be_headers),
        cmocka_unit_test(ends_with_its_limit),
        cmocka_unit_test(asks_three_times),
        cmocka_unit_test(reads_and_conceals_variables),
        cmocka_unit_test(asks_the_relative_uri_first),
        cmocka_unit_test(asks_without_a_token),
        cmocka_unit_test(takes_the_token_of_a_file),
        cmocka_unit_test(reads_token_files_anew_each_time),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(refreshes_before_they_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
