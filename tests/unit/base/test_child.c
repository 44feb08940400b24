#include "base/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "programs.h"

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
        cmocka_unit_test(calls_in_a_copy),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
