#include "aws/fault.h"

#include "aws/blocks.h"

static const struct {
    const char *name;
    enum aws_verdict verdict;
} verdict_names[] = {
    {"final", AWS_FINAL}, {"retry", AWS_RETRY}, {"refresh", AWS_REFRESH}, {"clock", AWS_CLOCK}};

static enum aws_verdict verdict_named(const char *name)
{
    for (size_t i = 0; i < COUNT(verdict_names); i++) {
        if (strcmp(verdict_names[i].name, name) == 0) {
            return verdict_names[i].verdict;
        }
    }
    fail_msg("no such verdict: %s", name);
    return AWS_FINAL;
}

static void check_same(const char *found, const char *expected)
{
    assert_string_equal(found, expected ? expected : "");
}

static void check_fault(const struct block *block)
{
    int64_t status = 0;
    assert_true(text_integer(block_need(block, "status"), 100, 599, &status));
    AUTO(aws_http)
    struct aws_http_response response = {.status = (int)status, .body = buf_make(65536)};
    block_lines(block, "body", &response.body);
    struct aws_fault fault;
    aws_fault_read(&response, &fault);
    assert_int_equal(fault.status, status);
    check_same(fault.code, block_get(block, "code"));
    check_same(fault.message, block_get(block, "message"));
    check_same(fault.request_id, block_get(block, "request"));
    assert_int_equal(aws_fault_judge(&fault), verdict_named(block_need(block, "verdict")));
}

static void reads_and_judges_refusals(void **state)
{
    (void)state;
    blocks_each("faults.txt", check_fault);
}

static void reads_nothing_from_nothing(void **state)
{
    (void)state;
    const struct aws_http_response response = {.status = 500};
    struct aws_fault fault;
    aws_fault_read(&response, &fault);
    assert_string_equal(fault.code, "");
    assert_int_equal(aws_fault_judge(&fault), AWS_RETRY);
}

static void escapes_the_header_with_the_request_s_id(void **state)
{
    (void)state;
    const struct aws_http_response response = {.status = 400, .request_id = "\x1b[2J\xc2\x9b"};
    struct aws_fault fault;
    aws_fault_read(&response, &fault);
    assert_string_equal(fault.request_id, "\\x1b[2J\\u009b");
}

static void conceals_a_secret_wherever_it_is_repeated(void **state)
{
    (void)state;
    struct aws_fault fault = {.code = "Bad-IQoJb3JpZ2luX2",
                              .message = "you sent IQoJb3JpZ2luX2VjEA",
                              .request_id = "IQoJb3JpZ2lu"};
    aws_fault_conceal(&fault, "IQoJb3JpZ2luX2VjEAEaCWV1");
    assert_string_equal(fault.code, "Bad-");
    assert_string_equal(fault.message, "you sent ");
    assert_string_equal(fault.request_id, "");
    fault = (struct aws_fault){.message = "no key for b3JpZ2luX2VjEAEa"};
    aws_fault_conceal(&fault, "IQoJb3JpZ2luX2VjEAEaCWV1");
    assert_string_equal(fault.message, "no key for ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_nothing_from_nothing),
        cmocka_unit_test(reads_and_judges_refusals),
        cmocka_unit_test(escapes_the_header_with_the_request_s_id),
        cmocka_unit_test(conceals_a_secret_wherever_it_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
