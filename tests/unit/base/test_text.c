#include "base/text.h"

#include <string.h>

#include "check.h"

static void cuts_between_characters(void **state)
{
    (void)state;
    assert_int_equal(text_cut("a\xc3\xa9", 3, 2), 1);
    assert_int_equal(text_cut("a\xc3\xa9", 3, 3), 3);
    assert_int_equal(text_cut("abc", 3, 9), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
