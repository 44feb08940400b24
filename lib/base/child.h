/*
 * Programs that we start, and calls that we make in a copy of ourselves.
 *
 * The only place that forks. A program runs in its own process group, reads nothing, and writes
 * into pipes; it ends with the deadline, with a stop, and with us. In a container we are process 1:
 * whatever orphan the program leaves is ours to reap.
 */
#ifndef POSTLUDE_BASE_CHILD_H
#define POSTLUDE_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/stop.h"
#include "base/wait.h"

enum {
    CHILD_LINE_MAX = 8192, /* bytes of one call of `line` */
    CHILD_GRACE_MS = 8000, /* from SIGTERM to SIGKILL */
};

struct child_spec {
    /* NULL-terminated. Without a slash, argv[0] is looked up in the PATH of envp, and in /usr/bin
     * and /bin when that has none. */
    const char *const *argv;
    const char *const *envp; /* the whole environment, "NAME=value", NULL-terminated */
    const char *dir;         /* where it runs, and what a relative argv[0] is relative to;
                                NULL: where we are */
};

struct child_watch {
    /* A line of its stdout or stderr without its end (LF or CR LF), the bytes as they came, not
     * NUL-terminated. A longer line comes in pieces of exactly CHILD_LINE_MAX bytes and a rest;
     * what it wrote after its last line end is a line too. */
    void (*line)(void *context, bool from_stderr, const char *line, size_t length);
    /* Called each tick_ms, first after tick_ms, while the program runs and until it is told to end;
     * false: end it. NULL: none. */
    bool (*tick)(void *context);
    int64_t tick_ms;
    void *context;
};

struct child_end {
    /* Why it was told to end: one of them, or none when it ended by itself. */
    bool timed_out, stopped, ticked_off;
    int exit_code; /* -1: ended by a signal, or never started */
    int signal;    /* 0: none */
};

/* Runs a program to its end. The deadline, stop (may be NULL) and a tick that says so end it:
 * SIGTERM to its group, SIGKILL CHILD_GRACE_MS later. When the deadline has passed or stop was
 * asked already, it is not started. Once it has ended, what is left of its group is ended too,
 * SIGTERM and SIGKILL a second later; what was written until then is read, but a process that left
 * the group and holds the pipes open is not waited for. It starts with default signal handling, an
 * empty mask, /dev/null as stdin and no other descriptor of ours, and is killed when we die (its
 * own children are not). Any other child of this process that ends meanwhile is reaped. Not to be
 * called from a tick. ERROR_INVALID   the program was not found or cannot be executed, or dir
 * cannot be entered; the message names it ERROR_INTERNAL  no process or pipe to be had */
MUST_CHECK bool child_run(const struct child_spec *spec, struct deadline deadline,
                          const struct stop *stop, const struct child_watch *watch,
                          struct child_end *out_end, struct error *err);

/* Calls body(context) in a forked copy of this process, for a library's function that blocks and
 * knows no deadline; what it changes in memory is lost with the copy. True: it returned true in
 * time. Otherwise it returned false, died, or was killed at the deadline, or there was no process
 * to be had. Always reaped; may be called from a tick. */
bool child_call(bool (*body)(void *context), void *context, struct deadline deadline);

#endif
