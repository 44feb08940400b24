#include "base/secret.h"

#include <string.h>

#include "check.h"

static void unset_reveals_nothing(void **state)
{
    (void)state;
    AUTO(secret) struct secret secret = {0};
    assert_false(secret_is_set(&secret));
    assert_string_equal(secret_reveal(&secret), "");
    secret_set(&secret, NULL);
    assert_false(secret_is_set(&secret));
    secret_set(&secret, "");
    assert_false(secret_is_set(&secret));
}

static void holds_a_copy(void **state)
{
    (void)state;
    char given[] = "hunter2";
    AUTO(secret) struct secret secret = {0};
    secret_set(&secret, given);
    memset(given, 'x', 7);
    assert_true(secret_is_set(&secret));
    assert_string_equal(secret_reveal(&secret), "hunter2");
    secret_set(&secret, secret_reveal(&secret));
    assert_string_equal(secret_reveal(&secret), "hunter2");
}

static void clears_twice(void **state)
{
    (void)state;
    struct secret secret = {0};
    secret_set(&secret, "hunter2");
    secret_clear(&secret);
    assert_false(secret_is_set(&secret));
    assert_string_equal(secret_reveal(&secret), "");
    secret_clear(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unset_reveals_nothing),
        cmocka_unit_test(holds_a_copy),
        cmocka_unit_test(clears_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
