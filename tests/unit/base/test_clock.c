#include "base/clock.h"

#include <inttypes.h>
#include <time.h>

#include "lines.h"

static void parse_line(const char *input, size_t length, const char *expected, const char *place)
{
    (void)length;
    char got[32] = "no";
    int64_t value = 42;
    if (clock_parse(input, &value)) {
        (void)snprintf(got, sizeof got, "%" PRId64, value);
    } else if (value != 42) {
        fail_msg("%s: written although it failed", place);
    }
    lines_same(got, expected, place);
}

static void parses_rfc_3339(void **state)
{
    (void)state;
    lines_run("clock_parse.txt", parse_line);
    int64_t value = 42;
    assert_false(clock_parse("", &value));
}

static void formats(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_format(INT64_C(1931246813120), text);
    assert_string_equal(text, "2031-03-14T09:26:53.120Z");
    clock_format_basic(INT64_C(1931246813120), text);
    assert_string_equal(text, "20310314T092653Z");
    clock_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    clock_format_basic(-1, text);
    assert_string_equal(text, "19691231T235959Z");
    clock_format(INT64_C(-62135596800000), text);
    assert_string_equal(text, "0001-01-01T00:00:00.000Z");
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "292278994-08-17T07:12:55.807Z");
}

/* Every day of 800 years, at a moment that moves through the day. */
static void a_round_trip_changes_nothing(void **state)
{
    (void)state;
    int64_t first = INT64_C(-62135596800000);
    for (int64_t day = 219000; day < 511000; day++) {
        int64_t moment = first + day * 86400000 + day * 7919 % 86400000;
        char text[CLOCK_TEXT_SIZE];
        clock_format(moment, text);
        int64_t back = 0;
        assert_true(clock_parse(text, &back));
        assert_true(back == moment);
        assert_int_equal(strlen(text), 24);
    }
}

static void the_clocks_run(void **state)
{
    (void)state;
    int64_t wall = clock_wall_ms();
    assert_true(wall / 1000 - (int64_t)time(NULL) <= 1);
    assert_true((int64_t)time(NULL) - wall / 1000 <= 1);
    int64_t before = clock_steady_ms();
    struct timespec nap = {.tv_nsec = 20000000};
    (void)nanosleep(&nap, NULL);
    int64_t passed = clock_steady_ms() - before;
    assert_true(passed >= 19 && passed < 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_rfc_3339),
        cmocka_unit_test(formats),
        cmocka_unit_test(a_round_trip_changes_nothing),
        cmocka_unit_test(the_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
