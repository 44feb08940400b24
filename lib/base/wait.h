/*
 * Deadlines, and the one place that waits.
 *
 * Everything that may take time gets a deadline; nothing sleeps and nothing blocks otherwise, so
 * that a signal to stop is noticed wherever the program is (base/stop.h).
 */
#ifndef POSTLUDE_BASE_WAIT_H
#define POSTLUDE_BASE_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/stop.h"

struct deadline {
    int64_t at_ms; /* on the steady clock (base/clock.h) */
};

struct deadline deadline_in(int64_t ms); /* INT64_MAX: never */
/* The earlier of two. */
struct deadline deadline_min(struct deadline a, struct deadline b);
int64_t deadline_left_ms(struct deadline deadline); /* never negative */
bool deadline_passed(struct deadline deadline);
/* The moment at which a process that was told to stop ends by itself (base/stop.h), and never when
 * it was not told, or when `stop` (may be NULL) is not the one that the signals ask. What is still
 * to be recorded and sent has to be done before it. */
struct deadline deadline_of_stop(const struct stop *stop);

enum wait_for {
    WAIT_READ = 1,
    WAIT_WRITE = 2,
    WAIT_BOTH = 3,
};

enum wait_result {
    WAIT_READY,
    WAIT_TIMEOUT,
    WAIT_STOPPED,
};

/* Waits until fd is ready, the deadline has passed, or stop (may be NULL) was asked, which wins.
 * fd -1 only waits. An error on fd counts as ready: the next call on it says what it is. A fd that
 * is ready is reported even when the deadline has passed, so that what already arrived is read; a
 * loop over a peer that never falls silent asks deadline_passed itself. */
MUST_CHECK enum wait_result wait_fd(int fd, enum wait_for what, struct deadline deadline,
                                    const struct stop *stop);

/* One of several to wait for. */
struct wait_source {
    int fd; /* -1: never ready */
    enum wait_for what;
    bool ready; /* written by wait_any, whatever it returns */
};
enum { WAIT_SOURCES_MAX = 4 };

/* wait_fd for up to WAIT_SOURCES_MAX descriptors at once: WAIT_READY when any of them is. */
MUST_CHECK enum wait_result wait_any(struct wait_source *sources, size_t count,
                                     struct deadline deadline, const struct stop *stop);

/* Lets ms pass, or less when the deadline comes first. False: stop was asked. */
MUST_CHECK bool wait_pause(int64_t ms, struct deadline deadline, const struct stop *stop);

#endif
