/* Runs programs, and keeps what they wrote. */
#ifndef POSTLUDE_TESTS_BASE_PROGRAMS_H
#define POSTLUDE_TESTS_BASE_PROGRAMS_H

#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "base/child.h"
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

static inline void note(void *context, bool from_stderr, const char *line, size_t length)
{
    struct seen *seen = context;
    buf_text(&seen->text, from_stderr ? "e:" : "o:");
    buf_add(&seen->text, line, length);
    buf_char(&seen->text, '|');
    seen->longest = length > seen->longest ? length : seen->longest;
}

static inline bool count_tick(void *context)
{
    struct seen *seen = context;
    return ++seen->ticks != seen->last_tick;
}

static const char *const plain_envp[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};

static inline bool run(const struct child_spec *spec, int64_t ms, struct seen *seen,
                       struct child_end *end, struct error *err)
{
    const struct child_watch watch = {.line = note, .context = seen};
    return child_run(spec, deadline_in(ms), NULL, &watch, end, err);
}

/* A shell's script, to its end; returns what it wrote. */
static inline char *written(const char *script)
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

static inline void check_written(const char *script, const char *expected)
{
    AUTO(text) char *got = written(script);
    assert_string_equal(got, expected);
}

/* The shell under a limit of time, with this watch. */
static inline struct child_end run_limited(const char *script, int64_t ms, const struct stop *stop,
                                           const struct child_watch *watch)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct child_spec spec = {.argv = argv, .envp = plain_envp};
    struct child_end end;
    struct error err;
    assert_true(child_run(&spec, deadline_in(ms), stop, watch, &end, &err));
    return end;
}

static inline bool gone(const char *pid_text)
{
    pid_t pid = (pid_t)strtol(pid_text, NULL, 10);
    assert_true(pid > 1);
    return kill(pid, 0) != 0;
}

static inline bool answer(void *context)
{
    return *(const bool *)context;
}

#endif
