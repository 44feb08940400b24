#include "base/stop.h"

#include <signal.h>

#include "base/clock.h"
#include "base/wait.h"
#include "forked.h"

static struct stop install(void)
{
    struct stop stop = {.fd = -1};
    struct error err;
    if (!stop_install(&stop, &err)) {
        _exit(90);
    }
    if (stop_asked(&stop) || stop_ends_ms(&stop) != 0) {
        _exit(91);
    }
    return stop;
}

static void one_signal(int number)
{
    struct stop stop = install();
    (void)raise(number);
    /* It stays asked, however often one looks. */
    for (int i = 0; i < 3; i++) {
        if (!stop_asked(&stop) ||
            wait_fd(-1, WAIT_READ, deadline_in(5000), &stop) != WAIT_STOPPED) {
            _exit(92);
        }
    }
    unsigned left = alarm(0);
    _exit(left >= 24 && left <= 25 ? 0 : 93);
}

static void one_term(void)
{
    one_signal(SIGTERM);
}

static void one_int(void)
{
    one_signal(SIGINT);
}

/* The end is 25 s after the signal, not after the question. */
static void tells_its_end(void)
{
    struct stop stop = install();
    struct stop another = {.fd = 0};
    int64_t before = clock_steady_ms();
    (void)raise(SIGTERM);
    int64_t after = clock_steady_ms();
    if (wait_fd(-1, WAIT_READ, deadline_in(50), NULL) != WAIT_TIMEOUT) {
        _exit(96);
    }
    int64_t ends = stop_ends_ms(&stop);
    bool right = ends >= before + 25000 && ends <= after + 25000;
    bool others = stop_ends_ms(NULL) == 0 && stop_ends_ms(&another) == 0;
    _exit(right && others && deadline_of_stop(&stop).at_ms == ends ? 0 : 97);
}

static void two_terms(void)
{
    (void)install();
    (void)raise(SIGTERM);
    (void)raise(SIGTERM);
    _exit(94);
}

static void term_and_int(void)
{
    (void)install();
    (void)raise(SIGTERM);
    (void)raise(SIGINT);
    _exit(94);
}

static void out_of_grace(void)
{
    (void)install();
    (void)raise(SIGTERM);
    (void)raise(SIGALRM);
    _exit(94);
}

static void broken_pipe(void)
{
    (void)install();
    (void)raise(SIGPIPE);
}

/* The signal comes while the process waits. */
static void interrupted_wait(void)
{
    struct stop stop = install();
    pid_t waiting = getpid();
    if (fork() == 0) {
        (void)usleep(100000);
        (void)kill(waiting, SIGTERM);
        _exit(0);
    }
    _exit(wait_fd(-1, WAIT_READ, deadline_in(20000), &stop) == WAIT_STOPPED ? 0 : 95);
}

static void a_first_signal_asks(void **state)
{
    (void)state;
    assert_int_equal(forked(one_term), 0);
    assert_int_equal(forked(one_int), 0);
    assert_int_equal(forked(interrupted_wait), 0);
}

static void says_when_it_ends(void **state)
{
    (void)state;
    assert_int_equal(forked(tells_its_end), 0);
    assert_true(deadline_of_stop(NULL).at_ms == INT64_MAX);
    assert_true(deadline_of_stop(&(struct stop){.fd = -1}).at_ms == INT64_MAX);
}

static void a_second_one_ends(void **state)
{
    (void)state;
    assert_int_equal(forked(two_terms), 7);
    assert_int_equal(forked(term_and_int), 7);
    assert_int_equal(forked(out_of_grace), 7);
}

static void a_broken_pipe_is_no_signal(void **state)
{
    (void)state;
    assert_int_equal(forked(broken_pipe), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_signal_asks),
        cmocka_unit_test(says_when_it_ends),
        cmocka_unit_test(a_second_one_ends),
        cmocka_unit_test(a_broken_pipe_is_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
