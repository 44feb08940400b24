#include "base/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"
#include "forked.h"

enum { LONG_MS = 60000, SOON_MS = 4000 };

/* What a program wrote, "o:line|" and "e:line|"; and what is done at each tick. */
struct seen {
    struct buf text;
    size_t longest;
    int ticks;
    int last_tick; /* the one that says no; 0: none */
};

static void note(void *context, bool from_stderr, const char *line, size_t length)
{
    struct seen *seen = context;
    buf_text(&seen->text, from_stderr ? "e:" : "o:");
    buf_add(&seen->text, line, length);
    buf_char(&seen->text, '|');
    seen->longest = length > seen->longest ? length : seen->longest;
}

static bool count_tick(void *context)
{
    struct seen *seen = context;
    return ++seen->ticks != seen->last_tick;
}

static const char *const plain_envp[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};

static bool run(const struct child_spec *spec, int64_t ms, struct seen *seen, struct child_end *end,
                struct error *err)
{
    const struct child_watch watch = {.line = note, .context = seen};
    return child_run(spec, deadline_in(ms), NULL, &watch, end, err);
}

/* A shell's script, to its end; returns what it wrote. */
static char *written(const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct child_spec spec = {.argv = argv, .envp = plain_envp};
    struct seen seen = {.text = buf_make(16 * 1024 * 1024)};
    struct child_end end;
    struct error err = {0};
    bool ok = run(&spec, LONG_MS, &seen, &end, &err);
    assert_string_equal(err.message, "");
    assert_true(ok);
    assert_int_equal(end.exit_code, 0);
    return buf_take(&seen.text);
}

static void check_written(const char *script, const char *expected)
{
    AUTO(text) char *got = written(script);
    assert_string_equal(got, expected);
}

/* The shell under a limit of time, with this watch. */
static struct child_end run_limited(const char *script, int64_t ms, const struct stop *stop,
                                    const struct child_watch *watch)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct child_spec spec = {.argv = argv, .envp = plain_envp};
    struct child_end end;
    struct error err;
    assert_true(child_run(&spec, deadline_in(ms), stop, watch, &end, &err));
    return end;
}

static bool gone(const char *pid_text)
{
    pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
    assert_true(pid > 1);
    return kill(pid, 0) != 0;
}

static void tells_how_it_ended(void **state)
{
    (void)state;
    struct seen seen = {.text = buf_make(1000)};
    const struct child_watch watch = {.line = note, .context = &seen};
    struct child_end end = run_limited("exit 0", LONG_MS, NULL, &watch);
    assert_int_equal(end.exit_code, 0);
    assert_int_equal(end.signal, 0);
    end = run_limited("exit 42", LONG_MS, NULL, &watch);
    assert_int_equal(end.exit_code, 42);
    assert_false(end.stopped || end.timed_out || end.ticked_off);
    end = run_limited("kill -9 $$", LONG_MS, NULL, &watch);
    assert_int_equal(end.exit_code, -1);
    assert_int_equal(end.signal, SIGKILL);
    assert_false(end.stopped || end.timed_out || end.ticked_off);
    buf_free(&seen.text);
}

static void hands_on_lines(void **state)
{
    (void)state;
    check_written("exit 0", "");
    check_written("echo a; echo; echo b", "o:a|o:|o:b|");
    check_written("printf a; sleep 0.1; printf 'b\\nrest'", "o:ab|o:rest|");
    check_written("printf 'a\\r\\n\\r\\nb\\rc\\r\\n'", "o:a|o:|o:b\rc|");
    check_written("echo a; sleep 0.1; echo b >&2; sleep 0.1; echo c", "o:a|e:b|o:c|");
    check_written("printf 'a\\303(\\033'", "o:a\303(\033|");
    const char *const argv[] = {"printf", "a\\0b\\n", NULL};
    const struct child_spec spec = {.argv = argv, .envp = plain_envp};
    struct seen seen = {.text = buf_make(1000)};
    struct child_end end;
    struct error err;
    assert_true(run(&spec, LONG_MS, &seen, &end, &err));
    assert_int_equal(seen.text.length, 6);
    assert_memory_equal(seen.text.data, "o:a\0b|", 6);
    buf_free(&seen.text);
}

static void cuts_long_lines(void **state)
{
    (void)state;
    static const size_t sizes[] = {8191, 8192, 8193, 16384, 20000};
    static const size_t pieces[] = {1, 1, 2, 2, 3};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (int late = 0; late < 2; late++) {
            char script[200];
            (void)snprintf(script, sizeof script,
                           "head -c %zu /dev/zero | tr '\\0' x; %s echo; echo end", sizes[i],
                           late ? "sleep 0.1;" : "");
            AUTO(text) char *got = written(script);
            assert_int_equal(strlen(got), sizes[i] + 3 * pieces[i] + 6);
            assert_string_equal(got + strlen(got) - 6, "o:end|");
            assert_int_equal(strcspn(got, "|"), 2 + (sizes[i] < 8192 ? sizes[i] : 8192));
        }
    }
}

static void reads_everything(void **state)
{
    (void)state;
    AUTO(text)
    char *got = written("head -c 3000000 /dev/zero | tr '\\0' '\\n'; "
                        "head -c 1000000 /dev/zero | tr '\\0' '\\n' >&2");
    size_t out = 0;
    size_t from_stderr = 0;
    for (const char *at = got; *at; at++) {
        out += *at == 'o';
        from_stderr += *at == 'e';
    }
    assert_int_equal(out, 3000000);
    assert_int_equal(from_stderr, 1000000);
}

static void gives_only_what_was_given(void **state)
{
    (void)state;
    const char *const argv[] = {"env", NULL};
    const char *const envp[] = {"A=1", "PATH=/nowhere::/usr/bin:/bin", "B=", NULL};
    const struct child_spec spec = {.argv = argv, .envp = envp, .dir = "/"};
    struct seen seen = {.text = buf_make(1000)};
    struct child_end end;
    struct error err;
    assert_true(run(&spec, LONG_MS, &seen, &end, &err));
    assert_string_equal(seen.text.data, "o:A=1|o:PATH=/nowhere::/usr/bin:/bin|o:B=|");
    buf_free(&seen.text);
    check_written("cat; readlink /proc/self/fd/0", "o:/dev/null|");
}

static void runs_where_it_is_told(void **state)
{
    (void)state;
    const char *const argv[] = {"./pwd", NULL};
    const char *const nothing[] = {NULL};
    struct child_spec spec = {.argv = argv, .envp = nothing, .dir = "/usr/bin"};
    struct seen seen = {.text = buf_make(1000)};
    struct child_end end;
    struct error err;
    assert_true(run(&spec, LONG_MS, &seen, &end, &err));
    const char *const found[] = {"pwd", NULL};
    spec = (struct child_spec){.argv = found, .envp = nothing, .dir = "/"};
    assert_true(run(&spec, LONG_MS, &seen, &end, &err));
    assert_string_equal(seen.text.data, "o:/usr/bin|o:/|");
    buf_free(&seen.text);
}

static char folder[] = "/tmp/postlude-test-child-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void check_refused(const char *name, const char *dir, const char *message)
{
    const char *const argv[] = {name, NULL};
    const struct child_spec spec = {.argv = argv, .envp = plain_envp, .dir = dir};
    struct seen seen = {.text = buf_make(1000)};
    struct child_end end = {.exit_code = 77};
    struct error err = {0};
    assert_false(run(&spec, LONG_MS, &seen, &end, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message, message);
    assert_int_equal(end.exit_code, 77);
    assert_string_equal(seen.text.data, "");
    buf_free(&seen.text);
}

static void write_script(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void names_what_cannot_be_started(void **state)
{
    (void)state;
    check_refused("no-such-program", NULL, "the program \"no-such-program\" was not found");
    check_refused("/no/such", NULL, "the program \"/no/such\" was not found");
    check_refused("/etc/passwd", NULL,
                  "the program \"/etc/passwd\" cannot be executed: Permission denied");
    check_refused("ls", "/no/where",
                  "the folder \"/no/where\" cannot be entered: No such file or directory");
    check_refused("ls", "/etc/passwd",
                  "the folder \"/etc/passwd\" cannot be entered: Not a directory");
    char path[100];
    char message[300];
    (void)snprintf(path, sizeof path, "%s/script", folder);
    write_script(path, "#!/no/bash\n", 0700);
    (void)snprintf(message, sizeof message, "the interpreter of the program \"%s\" does not exist",
                   path);
    check_refused(path, NULL, message);
    write_script(path, "echo\n", 0700);
    (void)snprintf(message, sizeof message,
                   "the program \"%s\" cannot be executed: Exec format error", path);
    check_refused(path, NULL, message);
    assert_int_equal(unlink(path), 0);
}

static bool answer(void *context)
{
    return *(const bool *)context;
}

/* Ours ignores SIGPIPE, has a handler for SIGTERM and holds back signals; descriptors are open. */
static void odd_parent(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t some;
    (void)sigemptyset(&some);
    (void)sigaddset(&some, SIGUSR1);
    (void)sigaddset(&some, SIGCHLD);
    if (sigaction(SIGPIPE, &ignore, NULL) || sigaction(SIGCHLD, &ignore, NULL) ||
        sigprocmask(SIG_BLOCK, &some, NULL)) {
        _exit(80);
    }
    (void)dup2(STDOUT_FILENO, 50);
    check_written("cat /proc/self/status | grep -E 'Sig(Blk|Ign|Cgt)'",
                  "o:SigBlk:\t0000000000000000|o:SigIgn:\t0000000000000000|"
                  "o:SigCgt:\t0000000000000000|");
    check_written("ls /proc/self/fd", "o:0|o:1|o:2|o:3|"); /* 3 is of ls itself */
    check_written("set -- $(cat /proc/$$/stat); test $1 = $5 && echo own group", "o:own group|");
    bool yes = true;
    assert_true(child_call(answer, &yes, deadline_in(LONG_MS)));
    struct sigaction now;
    sigset_t mask;
    (void)sigaction(SIGCHLD, NULL, &now);
    (void)sigprocmask(SIG_BLOCK, NULL, &mask);
    int adopts = -1;
    (void)prctl(PR_GET_CHILD_SUBREAPER, &adopts);
    _exit(now.sa_handler == SIG_IGN && sigismember(&mask, SIGCHLD) == 1 && adopts == 0 ? 0 : 81);
}

/* Pipes that are given the numbers of closed standard streams. */
static void bare_parent(void)
{
    int kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    for (int closed = 1; closed < 8; closed++) {
        for (int fd = 0; fd < 3; fd++) {
            (void)dup2(kept, fd);
        }
        for (int fd = 0; fd < 3; fd++) {
            if (closed & 1 << fd) {
                (void)close(fd);
            }
        }
        AUTO(text) char *got = written("echo a; sleep 0.1; echo b >&2; cat");
        if (strcmp(got, "o:a|e:b|") != 0) {
            _exit(80 + closed);
        }
    }
    _exit(0);
}

static void starts_clean(void **state)
{
    (void)state;
    assert_int_equal(forked(odd_parent), 0);
    assert_int_equal(forked(bare_parent), 0);
}

static void leaves_no_descriptor_open(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    check_written("echo", "o:|");
    check_refused("no-such-program", NULL, "the program \"no-such-program\" was not found");
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(after, before + 1);
    (void)close(before);
    (void)close(after);
}

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

static bool sleep_long(void *context)
{
    (void)context;
    (void)sleep(300);
    return true;
}

static bool die(void *context)
{
    (void)context;
    (void)raise(SIGTERM);
    return true;
}

static bool survive_a_broken_pipe(void *context)
{
    (void)context;
    (void)raise(SIGPIPE);
    return true;
}

static void calls_in_a_copy(void **state)
{
    (void)state;
    bool yes = true;
    bool no = false;
    int64_t before = clock_steady_ms();
    assert_true(child_call(answer, &yes, deadline_in(LONG_MS)));
    assert_false(child_call(answer, &no, deadline_in(LONG_MS)));
    assert_false(child_call(die, NULL, deadline_in(LONG_MS)));
    assert_true(child_call(survive_a_broken_pipe, NULL, deadline_in(LONG_MS)));
    assert_false(child_call(sleep_long, NULL, deadline_in(200)));
    assert_true(clock_steady_ms() - before >= 200);
    assert_true(clock_steady_ms() - before < SOON_MS);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
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
        cmocka_unit_test(tells_how_it_ended),
        cmocka_unit_test(hands_on_lines),
        cmocka_unit_test(cuts_long_lines),
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(gives_only_what_was_given),
        cmocka_unit_test(runs_where_it_is_told),
        cmocka_unit_test(names_what_cannot_be_started),
        cmocka_unit_test(starts_clean),
        cmocka_unit_test(leaves_no_descriptor_open),
        cmocka_unit_test(ends_it_at_the_deadline),
        cmocka_unit_test(ends_one_that_never_falls_silent),
        cmocka_unit_test(kills_one_that_does_not_obey),
        cmocka_unit_test(ends_it_when_told_to_stop),
        cmocka_unit_test(ticks),
        cmocka_unit_test(ends_what_is_left_of_its_group),
        cmocka_unit_test(does_not_wait_for_a_daemon),
        cmocka_unit_test(reaps_orphans),
        cmocka_unit_test(dies_with_us),
        cmocka_unit_test(calls_in_a_copy),
        cmocka_unit_test(calls_in_a_tick),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
