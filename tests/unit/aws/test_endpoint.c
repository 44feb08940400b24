#include "aws/endpoint.h"

#include "aws/blocks.h"
#include "base/memory.h"

static struct env *env_of(const struct block *block)
{
    char *variables[8] = {0};
    for (size_t i = 0; block_nth(block, "env", i); i++) {
        assert_true(i < 7);
        variables[i] = memory_text(block_nth(block, "env", i));
    }
    struct env *env = env_take(variables);
    for (size_t i = 0; variables[i]; i++) {
        free(variables[i]);
    }
    return env;
}

static void check_endpoint(const struct block *block)
{
    AUTO(env) struct env *env = env_of(block);
    struct aws_endpoint endpoint;
    struct error err = {0};
    const char *refused = block_get(block, "refused");
    bool found = aws_endpoint_find(env, AWS_SNS, block_need(block, "region"), &endpoint, &err);
    assert_int_equal(found, refused == NULL);
    if (refused) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, refused));
        return;
    }
    assert_string_equal(endpoint.url, block_need(block, "url"));
    assert_string_equal(endpoint.region, block_need(block, "region"));
    assert_string_equal(endpoint.signing_name, "sns");
    assert_true(text_same(endpoint.variable, block_get(block, "variable")));
}

static void finds_endpoints(void **state)
{
    (void)state;
    blocks_each("endpoints.txt", check_endpoint);
}

static void check_arn(const struct block *block)
{
    struct aws_arn arn;
    struct error err = {0};
    const char *refused = block_get(block, "refused");
    assert_int_equal(aws_arn_parse(block_need(block, "arn"), &arn, &err), refused == NULL);
    if (refused) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, refused));
        assert_true(*err.hint);
        return;
    }
    AUTO(buf) struct buf parts = buf_make(2048);
    buf_format(&parts, "%s|%s|%s|%s|%s", arn.partition, arn.service, arn.region, arn.account,
               arn.resource);
    assert_string_equal(parts.data, block_need(block, "parts"));
}

static void reads_and_refuses_arns(void **state)
{
    (void)state;
    blocks_each("arns.txt", check_arn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_refuses_arns),
        cmocka_unit_test(finds_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
