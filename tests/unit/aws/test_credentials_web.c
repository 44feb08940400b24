#include "aws/chain.h"

static void holds_its_cases(void **state)
{
    (void)state;
    blocks_each("credentials_web.txt", chain_check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holds_its_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
