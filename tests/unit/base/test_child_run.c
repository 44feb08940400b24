#include <fcntl.h>
#include <sys/prctl.h>

#include "programs.h"

static void ends_it_at_the_deadline(void **state)
{
    (void)state;
    struct seen seen = {.text = buf_make(1000)};
    const struct child_watch watch = {.line = note, .context = &seen};
    int64_t before = clock_steady_ms();
    struct child_end end = run_limited("sleep 300 & echo $!; wait", 300, NULL, &watch);
    assert_true(clock_steady_ms() - before >= 300);
    assert_true(clock_steady_ms() - before < SOON_MS);
    assert_true(end.timed_out && !end.stopped && !end.ticked_off);
    assert_int_equal(end.signal, SIGTERM);
    assert_int_equal(end.exit_code, -1);
    assert_true(gone(seen.text.data + 2));
    /* It may end in its own way, and a stopped one hears it, too. */
    end = run_limited("trap 'echo bye; exit 3' TERM; kill -STOP $$; sleep 300 & wait", 300, NULL,
                      &watch);
    assert_true(end.timed_out);
    assert_int_equal(end.exit_code, 3);
    assert_non_null(strstr(seen.text.data, "o:bye|"));
    buf_free(&seen.text);
}

static void ends_one_that_never_falls_silent(void **state)
{
    (void)state;
    struct seen seen = {.text = buf_make(1000), .last_tick = 3};
    struct child_watch watch = {.line = note, .context = &seen};
    int64_t before = clock_steady_ms();
    assert_true(run_limited("exec yes", 300, NULL, &watch).timed_out);
    watch.tick = count_tick;
    watch.tick_ms = 50;
    assert_true(run_limited("exec yes", LONG_MS, NULL, &watch).ticked_off);
    assert_true(clock_steady_ms() - before < SOON_MS);
    buf_free(&seen.text);
}

static void kills_one_that_does_not_obey(void **state)
{
    (void)state;
    struct seen seen = {.text = buf_make(1000)};
    const struct child_watch watch = {.line = note, .context = &seen};
    int64_t before = clock_steady_ms();
    struct child_end end =
        run_limited("trap '' TERM; sleep 300 & echo $!; wait", 200, NULL, &watch);
    int64_t took = clock_steady_ms() - before;
    assert_true(took >= 200 + CHILD_GRACE_MS && took < 200 + CHILD_GRACE_MS + SOON_MS);
    assert_true(end.timed_out);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(gone(seen.text.data + 2));
    buf_free(&seen.text);
}

static void ends_it_when_told_to_stop(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const struct stop stop = {.fd = ends[0]};
    struct seen seen = {.text = buf_make(1000)};
    const struct child_watch watch = {.line = note, .context = &seen};
    pid_t asking = fork();
    if (asking == 0) {
        (void)usleep(200000);
        _exit(write(ends[1], "!", 1) != 1);
    }
    int64_t before = clock_steady_ms();
    struct child_end end = run_limited("echo on; exec sleep 300", LONG_MS, &stop, &watch);
    assert_true(clock_steady_ms() - before < SOON_MS);
    assert_true(end.stopped && !end.timed_out && !end.ticked_off);
    assert_int_equal(end.signal, SIGTERM);
    /* Once asked, nothing is started; nor once time is over. */
    end = run_limited("echo never", LONG_MS, &stop, &watch);
    assert_true(end.stopped);
    assert_int_equal(end.exit_code, -1);
    end = run_limited("echo never", 0, NULL, &watch);
    assert_true(end.timed_out && !end.stopped);
    assert_int_equal(end.exit_code, -1);
    assert_string_equal(seen.text.data, "o:on|");
    buf_free(&seen.text);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void ticks(void **state)
{
    (void)state;
    struct seen seen = {.text = buf_make(1000)};
    struct child_watch watch = {.line = note, .tick = count_tick, .tick_ms = 100, .context = &seen};
    struct child_end end = run_limited("sleep 0.55", LONG_MS, NULL, &watch);
    assert_int_equal(end.exit_code, 0);
    assert_true(seen.ticks >= 2 && seen.ticks <= 5);
    seen.ticks = 0;
    seen.last_tick = 3;
    end = run_limited("trap 'sleep 0.5; exit 0' TERM; sleep 300 & wait", LONG_MS, NULL, &watch);
    assert_true(end.ticked_off && !end.timed_out && !end.stopped);
    assert_int_equal(end.exit_code, 0);
    assert_int_equal(seen.ticks, 3);
    watch.tick_ms = LONG_MS;
    seen.ticks = 0;
    (void)run_limited("exit 0", LONG_MS, NULL, &watch);
    assert_int_equal(seen.ticks, 0);
    buf_free(&seen.text);
}

static void ends_what_is_left_of_its_group(void **state)
{
    (void)state;
    int64_t before = clock_steady_ms();
    AUTO(text) char *polite = written("sleep 300 & echo $!");
    assert_true(gone(polite + 2));
    assert_true(clock_steady_ms() - before < 900);
    AUTO(text)
    char *rude = written("(trap '' TERM; echo rude >&2; sleep 300) & sleep 0.2; echo $!");
    assert_true(gone(strstr(rude, "o:") + 2));
    AUTO(text)
    char *last = written("(trap 'echo last; exit' TERM; echo on; sleep 300 & wait) & sleep 0.2");
    assert_string_equal(last, "o:on|o:last|");
    assert_true(clock_steady_ms() - before < SOON_MS);
}

static void does_not_wait_for_a_daemon(void **state)
{
    (void)state;
    int64_t before = clock_steady_ms();
    AUTO(text) char *quiet = written("setsid sleep 300 & sleep 0.2; echo $!");
    pid_t pid = (pid_t)strtol(quiet + 2, NULL, 10);
    assert_int_equal(kill(pid, SIGKILL), 0);
    AUTO(text)
    char *loud = written("setsid sh -c 'while echo x; do sleep 0.001; done' 2>/dev/null & "
                         "sleep 0.2; echo pid $! >&2");
    const char *said = strstr(loud, "e:pid ");
    assert_non_null(said);
    pid = (pid_t)strtol(said + 6, NULL, 10);
    (void)kill(pid, SIGKILL); /* it has met the closed pipe */
    assert_true(clock_steady_ms() - before < SOON_MS);
    while (waitpid(-1, NULL, 0) > 0) {
    }
}

static void reaps_orphans(void **state)
{
    (void)state;
    check_written("setsid sh -c 'sleep 0.1 & sleep 0.1 & exit 0' & sleep 0.5; echo", "o:|");
    int status = 0;
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
}

static int told[2];

static void tell_pid(void *context, bool from_stderr, const char *line, size_t length)
{
    (void)context;
    (void)from_stderr;
    ssize_t ignored = write(told[1], line, length);
    (void)ignored;
}

static void dies_with_us(void **state)
{
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    pid_t us = fork();
    if (us == 0) {
        const struct child_watch watch = {.line = tell_pid};
        (void)run_limited("echo $$; exec sleep 300", LONG_MS, NULL, &watch);
        _exit(0);
    }
    char text[32] = "";
    assert_true(read(told[0], text, sizeof text - 1) > 0);
    pid_t program = (pid_t)strtol(text, NULL, 10);
    assert_int_equal(kill(us, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(us, &status, 0), us);
    assert_int_equal(waitpid(program, &status, 0), program);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    (void)close(told[0]);
    (void)close(told[1]);
}

static bool call_in_a_tick(void *context)
{
    bool yes = true;
    return child_call(answer, &yes, deadline_in(LONG_MS)) && count_tick(context);
}

static void calls_in_a_tick(void **state)
{
    (void)state;
    struct seen seen = {.text = buf_make(1000)};
    const struct child_watch watch = {
        .line = note, .tick = call_in_a_tick, .tick_ms = 20, .context = &seen};
    struct child_end end = run_limited("sleep 0.3; exit 5", LONG_MS, NULL, &watch);
    assert_int_equal(end.exit_code, 5);
    assert_true(seen.ticks > 2);
    buf_free(&seen.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_it_at_the_deadline),
        cmocka_unit_test(ends_one_that_never_falls_silent),
        cmocka_unit_test(kills_one_that_does_not_obey),
        cmocka_unit_test(ends_it_when_told_to_stop),
        cmocka_unit_test(ticks),
        cmocka_unit_test(ends_what_is_left_of_its_group),
        cmocka_unit_test(does_not_wait_for_a_daemon),
        cmocka_unit_test(reaps_orphans),
        cmocka_unit_test(dies_with_us),
        cmocka_unit_test(calls_in_a_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
