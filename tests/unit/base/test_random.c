#include "base/random.h"

#include <string.h>

#include "check.h"

static void fills_all_of_it_anew(void **state)
{
    (void)state;
    unsigned char first[32] = {0};
    unsigned char second[32] = {0};
    random_fill(first, sizeof first);
    random_fill(second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    /* The chance that the last eight bytes are zero is 2^-64. */
    assert_memory_not_equal(first + 24, (unsigned char[8]){0}, 8);
}

static void stays_in_its_range_and_reaches_its_ends(void **state)
{
    (void)state;
    int seen[4] = {0};
    for (int i = 0; i < 100000; i++) {
        int64_t number = random_up_to(3);
        assert_in_range(number, 0, 3);
        seen[number]++;
    }
    assert_true(seen[0] > 20000 && seen[1] > 20000 && seen[2] > 20000);
    assert_true(random_up_to(0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_all_of_it_anew),
        cmocka_unit_test(stays_in_its_range_and_reaches_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
