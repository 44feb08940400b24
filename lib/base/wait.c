#include "base/wait.h"

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

static short events_of(enum wait_for what)
{
    int events = (what & WAIT_READ ? POLLIN : 0) | (what & WAIT_WRITE ? POLLOUT : 0);
    return (short)events;
}

enum wait_result wait_fd(int fd, enum wait_for what, struct deadline deadline,
                         const struct stop *stop)
{
    struct pollfd watched[2] = {
        {.fd = stop ? stop->fd : -1, .events = POLLIN},
        {.fd = fd, .events = events_of(what)},
    };
    for (;;) {
        int64_t left = deadline_left_ms(deadline);
        int ready = poll(watched, 2, left > INT_MAX ? INT_MAX : (int)left);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
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

bool wait_pause(int64_t ms, struct deadline deadline, const struct stop *stop)
{
    return wait_fd(-1, WAIT_READ, deadline_min(deadline, deadline_in(ms)), stop) != WAIT_STOPPED;
}
