#include "base/wait.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"

struct deadline deadline_in(int64_t ms)
{
    struct deadline deadline = {0};
    if (__builtin_add_overflow(clock_steady_ms(), ms, &deadline.at_ms)) {
        deadline.at_ms = ms < 0 ? 0 : INT64_MAX;
    }
    return deadline;
}

struct deadline deadline_min(struct deadline a, struct deadline b)
{
    return a.at_ms < b.at_ms ? a : b;
}

int64_t deadline_left_ms(struct deadline deadline)
{
    int64_t left = deadline.at_ms - clock_steady_ms();
    return left > 0 ? left : 0;
}

bool deadline_passed(struct deadline deadline)
{
    return deadline_left_ms(deadline) == 0;
}

struct deadline deadline_of_stop(const struct stop *stop)
{
    struct deadline never = {.at_ms = INT64_MAX};
    int64_t at_ms = stop_ends_ms(stop);
    return at_ms ? (struct deadline){.at_ms = at_ms} : never;
}

static short events_of(enum wait_for what)
{
    int events = (what & WAIT_READ ? POLLIN : 0) | (what & WAIT_WRITE ? POLLOUT : 0);
    return (short)events;
}

/* What poll needs of the sources, behind the stop's own row; and what it said, back. */
static void watch(const struct wait_source *sources, size_t count, struct pollfd *out_watched)
{
    for (size_t i = 0; i < count; i++) {
        out_watched[i] = (struct pollfd){.fd = sources[i].fd, .events = events_of(sources[i].what)};
    }
}

static void mark(struct wait_source *sources, size_t count, const struct pollfd *watched)
{
    for (size_t i = 0; i < count; i++) {
        sources[i].ready = watched[i].revents != 0;
    }
}

enum wait_result wait_any(struct wait_source *sources, size_t count, struct deadline deadline,
                          const struct stop *stop)
{
    assert(count <= WAIT_SOURCES_MAX);
    struct pollfd watched[1 + WAIT_SOURCES_MAX] = {
        {.fd = stop ? stop->fd : -1, .events = POLLIN},
    };
    watch(sources, count, watched + 1);
    for (;;) {
        int64_t left = deadline_left_ms(deadline);
        int ready = poll(watched, 1 + count, left > INT_MAX ? INT_MAX : (int)left);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        mark(sources, count, watched + 1);
        if (ready > 0 && watched[0].revents) {
            return WAIT_STOPPED;
        }
        if (ready != 0) {
            return WAIT_READY;
        }
        if (deadline_passed(deadline)) {
            return WAIT_TIMEOUT;
        }
    }
}

enum wait_result wait_fd(int fd, enum wait_for what, struct deadline deadline,
                         const struct stop *stop)
{
    struct wait_source source = {.fd = fd, .what = what};
    return wait_any(&source, 1, deadline, stop);
}

bool wait_pause(int64_t ms, struct deadline deadline, const struct stop *stop)
{
    return wait_fd(-1, WAIT_READ, deadline_min(deadline, deadline_in(ms)), stop) != WAIT_STOPPED;
}
