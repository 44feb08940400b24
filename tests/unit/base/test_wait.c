#include "base/wait.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"

static int ends[2];
static int stop_ends[2];

static int open_pipes(void **state)
{
    (void)state;
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) || pipe2(stop_ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipes(void **state)
{
    (void)state;
    (void)close(ends[0]);
    (void)close(stop_ends[0]);
    (void)close(stop_ends[1]);
    return ends[1] >= 0 ? close(ends[1]) : 0;
}

static void send_byte(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
}

static void deadlines(void **state)
{
    (void)state;
    struct deadline soon = deadline_in(1000);
    struct deadline later = deadline_in(100000);
    struct deadline gone = deadline_in(-5);
    assert_true(deadline_left_ms(soon) > 0 && deadline_left_ms(soon) <= 1000);
    assert_false(deadline_passed(soon));
    assert_true(deadline_passed(gone));
    assert_int_equal(deadline_left_ms(gone), 0);
    assert_true(deadline_passed(deadline_in(0)));
    assert_true(deadline_min(soon, later).at_ms == soon.at_ms);
    assert_true(deadline_min(later, soon).at_ms == soon.at_ms);
    assert_false(deadline_passed(deadline_in(INT64_MAX)));
    assert_true(deadline_passed(deadline_in(INT64_MIN)));
}

static void times_out_not_early_and_not_late(void **state)
{
    (void)state;
    for (int ms = 0; ms < 60; ms += 20) {
        int64_t before = clock_steady_ms();
        assert_int_equal(wait_fd(-1, WAIT_BOTH, deadline_in(ms), NULL), WAIT_TIMEOUT);
        int64_t took = clock_steady_ms() - before;
        assert_true(took >= ms && took < ms + 2000);
    }
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(10), NULL), WAIT_TIMEOUT);
    struct stop nobody = {.fd = -1};
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(10), &nobody), WAIT_TIMEOUT);
}

static void sees_what_it_was_asked_for(void **state)
{
    (void)state;
    assert_int_equal(wait_fd(ends[1], WAIT_WRITE, deadline_in(5000), NULL), WAIT_READY);
    assert_int_equal(wait_fd(ends[1], WAIT_BOTH, deadline_in(5000), NULL), WAIT_READY);
    assert_int_equal(wait_fd(ends[1], WAIT_READ, deadline_in(10), NULL), WAIT_TIMEOUT);
    send_byte(ends[1]);
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(5000), NULL), WAIT_READY);
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(0), NULL), WAIT_READY);
}

static void an_error_counts_as_ready(void **state)
{
    (void)state;
    (void)close(ends[1]);
    ends[1] = -1;
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(5000), NULL), WAIT_READY);
    assert_int_equal(wait_fd(999, WAIT_READ, deadline_in(5000), NULL), WAIT_READY);
}

static void says_which_of_several(void **state)
{
    (void)state;
    struct stop stop = {.fd = stop_ends[0]};
    struct wait_source sources[] = {
        {.fd = -1, .what = WAIT_READ, .ready = true},
        {.fd = ends[0], .what = WAIT_READ, .ready = true},
        {.fd = ends[1], .what = WAIT_READ, .ready = true},
        {.fd = stop_ends[0], .what = WAIT_READ, .ready = true},
    };
    assert_int_equal(wait_any(sources, 4, deadline_in(10), &stop), WAIT_TIMEOUT);
    assert_false(sources[0].ready || sources[1].ready || sources[2].ready || sources[3].ready);
    sources[2].what = WAIT_WRITE;
    assert_int_equal(wait_any(sources, 4, deadline_in(5000), &stop), WAIT_READY);
    assert_false(sources[0].ready || sources[1].ready || sources[3].ready);
    assert_true(sources[2].ready);
    send_byte(ends[1]);
    assert_int_equal(wait_any(sources, 4, deadline_in(5000), &stop), WAIT_READY);
    assert_true(sources[1].ready && sources[2].ready);
    assert_int_equal(wait_any(sources, 1, deadline_in(10), &stop), WAIT_TIMEOUT);
    send_byte(stop_ends[1]);
    assert_int_equal(wait_any(sources, 4, deadline_in(5000), &stop), WAIT_STOPPED);
    assert_true(sources[1].ready && sources[3].ready);
}

static void stop_wins(void **state)
{
    (void)state;
    struct stop stop = {.fd = stop_ends[0]};
    send_byte(ends[1]);
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(5000), &stop), WAIT_READY);
    assert_false(stop_asked(&stop));
    send_byte(stop_ends[1]);
    assert_true(stop_asked(&stop));
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(5000), &stop), WAIT_STOPPED);
    assert_int_equal(wait_fd(ends[0], WAIT_READ, deadline_in(0), &stop), WAIT_STOPPED);
    assert_int_equal(wait_fd(-1, WAIT_READ, deadline_in(5000), &stop), WAIT_STOPPED);
    assert_false(stop_asked(NULL));
}

static volatile sig_atomic_t rings;

static void ring(int number)
{
    (void)number;
    rings = rings + 1;
}

/* Signals that come all the time neither end the waiting nor lengthen it. */
static void signals_do_not_disturb(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ring};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval often = {.it_interval = {.tv_usec = 5000}, .it_value = {.tv_usec = 5000}};
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    int64_t before = clock_steady_ms();
    enum wait_result result = wait_fd(ends[0], WAIT_READ, deadline_in(100), NULL);
    int64_t took = clock_steady_ms() - before;
    struct itimerval never = {0};
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(result, WAIT_TIMEOUT);
    assert_true(took >= 100 && took < 2000);
    assert_true(rings > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines),
        cmocka_unit_test_setup_teardown(times_out_not_early_and_not_late, open_pipes, close_pipes),
        cmocka_unit_test_setup_teardown(sees_what_it_was_asked_for, open_pipes, close_pipes),
        cmocka_unit_test_setup_teardown(an_error_counts_as_ready, open_pipes, close_pipes),
        cmocka_unit_test_setup_teardown(says_which_of_several, open_pipes, close_pipes),
        cmocka_unit_test_setup_teardown(stop_wins, open_pipes, close_pipes),
        cmocka_unit_test_setup_teardown(signals_do_not_disturb, open_pipes, close_pipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
