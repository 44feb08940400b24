#include "base/memory.h"

#include <stdint.h>
#include <string.h>

#include "forked.h"

static void new_memory_is_zeroed(void **state)
{
    (void)state;
    unsigned char *fresh = memory_new(100, 7);
    for (size_t i = 0; i < 700; i++) {
        assert_int_equal(fresh[i], 0);
    }
    free(fresh);
    free(memory_new(0, 0));
    free(memory_new(0, 8));
}

static void arrays_grow_by_doubling(void **state)
{
    (void)state;
    int *numbers = NULL;
    size_t capacity = 0;
    int moves = 0;
    for (size_t count = 0; count < 1000; count++) {
        size_t before = capacity;
        numbers = memory_push(numbers, count, &capacity, sizeof *numbers);
        assert_true(count < capacity);
        moves += capacity != before;
        numbers[count] = (int)count;
    }
    assert_int_equal(moves, 8);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(numbers[i], i);
    }
    free(numbers);
}

static void texts_are_copied(void **state)
{
    (void)state;
    assert_null(memory_text(NULL));
    AUTO(text) char *whole = memory_text("whole");
    assert_string_equal(whole, "whole");
    AUTO(text) char *part = memory_text_n("whole", 3);
    assert_string_equal(part, "who");
    AUTO(text) char *with_nul = memory_text_n("a\0b", 3);
    assert_memory_equal(with_nul, "a\0b", 4);
    AUTO(text) char *nothing = memory_text_n(NULL, 0);
    assert_string_equal(nothing, "");
}

static void taking_leaves_null_behind(void **state)
{
    (void)state;
    AUTO(text) char *mine = memory_text("mine");
    AUTO(text) char *yours = TAKE(mine);
    assert_null(mine);
    assert_string_equal(yours, "mine");
}

static volatile size_t too_many = SIZE_MAX / 2;

static void ask_for_too_much(void)
{
    free(memory_new(too_many, 1));
}

static void overflow_the_product(void)
{
    free(memory_new(too_many, 8));
}

static void grow_too_much(void)
{
    free(memory_grow(NULL, too_many, 8));
}

static void running_out_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(forked(memory_die), 10);
    if (SANITIZED) {
        return;
    }
    assert_int_equal(forked(ask_for_too_much), 10);
    assert_int_equal(forked(overflow_the_product), 10);
    assert_int_equal(forked(grow_too_much), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(arrays_grow_by_doubling),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(taking_leaves_null_behind),
        cmocka_unit_test(running_out_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
