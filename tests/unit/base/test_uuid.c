#include "base/uuid.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"

enum { MANY = 2000 };

static void has_the_shape_of_version_7(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        char id[UUID_TEXT_SIZE];
        uuid_make(id);
        assert_int_equal(strlen(id), UUID_TEXT_SIZE - 1);
        assert_int_equal(strspn(id, "0123456789abcdef-"), UUID_TEXT_SIZE - 1);
        assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
        assert_int_equal(id[14], '7');
        assert_non_null(strchr("89ab", id[19]));
    }
}

static void begins_with_the_time(void **state)
{
    (void)state;
    int64_t before = clock_wall_ms();
    char id[UUID_TEXT_SIZE];
    uuid_make(id);
    int64_t after = clock_wall_ms();
    char digits[13];
    memcpy(digits, id, 8);
    memcpy(digits + 8, id + 9, 4);
    digits[12] = '\0';
    int64_t made = (int64_t)strtoull(digits, NULL, 16);
    assert_true(made >= before && made <= after);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void none_comes_twice(void **state)
{
    (void)state;
    static char ids[MANY][UUID_TEXT_SIZE];
    for (int i = 0; i < MANY; i++) {
        uuid_make(ids[i]);
    }
    qsort(ids, MANY, sizeof ids[0], by_text);
    for (int i = 1; i < MANY; i++) {
        assert_string_not_equal(ids[i - 1], ids[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_shape_of_version_7),
        cmocka_unit_test(begins_with_the_time),
        cmocka_unit_test(none_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
