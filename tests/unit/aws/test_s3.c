#include "aws/s3.h"

#include "aws/blocks.h"

static void check_host(const struct block *block)
{
    const char *host = block_need(block, "host");
    assert_int_equal(aws_s3_host(host, block_get(block, "region")), !block_get(block, "no"));
}

static void knows_its_hosts(void **state)
{
    (void)state;
    blocks_each("s3_hosts.txt", check_host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(knows_its_hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
