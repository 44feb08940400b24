#include "aws/secrets.h"

#include <string.h>

#include "aws/advice.h"
#include "aws/blocks.h"
#include "aws/script.h"

#define ARN "arn:aws:secretsmanager:eu-west-3:210987654321:secret:ledger/migrator-Qx7LmA"

static void check_same(const char *found, const char *expected)
{
    assert_string_equal(found ? found : "", expected ? expected : "");
}

static void check_name(const struct block *block)
{
    struct aws_secret_name name = {0};
    struct error err = {0};
    const char *refused = block_get(block, "refused");
    assert_int_equal(aws_secret_name_parse(block_need(block, "text"), &name, &err), !refused);
    if (refused) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, refused));
        assert_true(*err.hint);
        return;
    }
    check_same(name.id, block_need(block, "id"));
    check_same(name.region, block_get(block, "region"));
    check_same(name.json_key, block_get(block, "key"));
    check_same(name.stage, block_get(block, "stage"));
    check_same(name.version, block_get(block, "version"));
}

static void reads_names(void **state)
{
    (void)state;
    blocks_each("secret_names.txt", check_name);
}

static void check_refusal(const struct block *block, const struct error *err)
{
    assert_int_equal(err->kind, ERROR_DENIED);
    assert_non_null(strstr(err->message, block_need(block, "refused")));
    assert_true(*err->hint);
    assert_null(strstr(err->message, "hidden"));
    assert_null(strstr(err->hint, "hidden"));
}

static void check_value(const struct block *block)
{
    AUTO(json) json_t *answer = NULL;
    AUTO(aws_secret) struct aws_secret secret = {0};
    struct error err = {0};
    const char *text = block_need(block, "answer");
    const char *key = block_get(block, "key");
    assert_true(json_read(text, strlen(text), &answer, &err));
    bool read = aws_secret_parse(answer, key ? key : "", &secret, &err);
    assert_int_equal(read, !block_get(block, "refused"));
    if (!read) {
        check_refusal(block, &err);
        return;
    }
    assert_int_equal(secret.line_end, text_same(block_get(block, "line-end"), "yes"));
    if (!secret.line_end) {
        check_same(secret_reveal(&secret.password), block_need(block, "password"));
    }
    int64_t port = 0;
    assert_true(!block_get(block, "port") ||
                text_integer(block_get(block, "port"), 1, 65535, &port));
    assert_int_equal(secret.port, port);
    check_same(secret.user, block_get(block, "user"));
    check_same(secret.host, block_get(block, "host"));
    check_same(secret.database, block_get(block, "database"));
    if (block_get(block, "version")) {
        check_same(secret.version, block_get(block, "version"));
    }
}

static void reads_values(void **state)
{
    (void)state;
    blocks_each("secret_values.txt", check_value);
}

static bool ask(struct aws *aws, struct aws_limit *limit, struct error *err)
{
    struct aws_secret_name name;
    struct aws_secret secret = {0};
    assert_true(aws_secret_name_parse(ARN ":password:AWSCURRENT:", &name, err));
    bool read = aws_secret_read(aws, &name, limit, &secret, err);
    aws_secret_clear(&secret);
    return read;
}

static void check_advice(const struct block *block)
{
    advice_check(block, ask);
}

static void advises_on_refusals(void **state)
{
    (void)state;
    blocks_each("secret_advice.txt", check_advice);
}

/* A session whose next answer is `body`. */
static struct aws scripted(struct env *env, const char *body)
{
    struct aws aws = aws_open(env);
    script_begin();
    script_answer((struct script_answer){.status = 200, .body = body});
    aws.http = script_http;
    return aws;
}

static void asks_for_one_version_in_the_region_of_the_arn(void **state)
{
    (void)state;
    char *variables[] = {(char[]){"AWS_ACCESS_KEY_ID=A"}, (char[]){"AWS_SECRET_ACCESS_KEY=s"},
                         (char[]){"AWS_REGION=us-east-1"}, NULL};
    AUTO(env) struct env *env = env_take(variables);
    AUTO(aws) struct aws aws = scripted(env, "{\"SecretString\":\"p\",\"VersionId\":\"v\"}");
    AUTO(aws_secret) struct aws_secret secret = {0};
    struct aws_limit limit = {.deadline = deadline_in(10000)};
    struct aws_secret_name name;
    struct error err;
    assert_true(aws_secret_name_parse(ARN "::AWSPENDING:v1", &name, &err));
    assert_true(aws_secret_read(&aws, &name, &limit, &secret, &err));
    assert_string_equal(secret_reveal(&secret.password), "p");
    assert_string_equal(script_asked(0)->url, "https://secretsmanager.eu-west-3.amazonaws.com/");
    assert_string_equal(script_asked(0)->body,
                        "{\"SecretId\":\"" ARN "\",\"VersionId\":\"v1\",\"VersionStage\":"
                        "\"AWSPENDING\"}");
    assert_non_null(
        strstr(script_asked(0)->headers, "X-Amz-Target: secretsmanager.GetSecretValue\n"));
    script_end();
}

static void asks_for_a_name_in_our_own_region(void **state)
{
    (void)state;
    char *variables[] = {(char[]){"AWS_ACCESS_KEY_ID=A"}, (char[]){"AWS_SECRET_ACCESS_KEY=s"},
                         (char[]){"AWS_REGION=us-east-1"}, NULL};
    AUTO(env) struct env *env = env_take(variables);
    AUTO(aws) struct aws aws = scripted(env, "{\"SecretString\":\"p\"}");
    AUTO(aws_secret) struct aws_secret secret = {0};
    struct aws_limit limit = {.deadline = deadline_in(10000)};
    struct aws_secret_name name;
    struct error err;
    assert_true(aws_secret_name_parse("ledger/migrator", &name, &err));
    assert_true(aws_secret_read(&aws, &name, &limit, &secret, &err));
    assert_string_equal(script_asked(0)->url, "https://secretsmanager.us-east-1.amazonaws.com/");
    assert_string_equal(script_asked(0)->body, "{\"SecretId\":\"ledger/migrator\"}");
    script_end();
}

static void needs_a_region(void **state)
{
    (void)state;
    char id[] = "AWS_ACCESS_KEY_ID=AKIA1";
    char key[] = "AWS_SECRET_ACCESS_KEY=x"; /* concealed in place */
    char *variables[] = {id, key, NULL};
    AUTO(env) struct env *env = env_take(variables);
    AUTO(aws) struct aws aws = aws_open(env);
    struct aws_secret secret = {0};
    struct aws_limit limit = {.deadline = deadline_in(10000)};
    struct aws_secret_name name;
    struct error err = {0};
    script_begin();
    aws.http = script_http;
    assert_true(aws_secret_name_parse("ledger/migrator", &name, &err));
    assert_false(aws_secret_read(&aws, &name, &limit, &secret, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advises_on_refusals),
        cmocka_unit_test(needs_a_region),
        cmocka_unit_test(reads_names),
        cmocka_unit_test(reads_values),
        cmocka_unit_test(asks_for_one_version_in_the_region_of_the_arn),
        cmocka_unit_test(asks_for_a_name_in_our_own_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
