#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { GRACE_SECONDS = 25, EXIT_INTERRUPTED = 7 };

static int asked_pipe[2] = {-1, -1};
static volatile sig_atomic_t asked;
static _Atomic int64_t ends_ms; /* lock-free, and so fit for a handler */

static void on_signal(int number)
{
    if (asked || number == SIGALRM) {
        _exit(EXIT_INTERRUPTED);
    }
    asked = 1;
    int saved = errno;
    ends_ms = clock_steady_ms() + GRACE_SECONDS * 1000;
    ssize_t ignored = write(asked_pipe[1], "!", 1);
    (void)ignored;
    (void)alarm(GRACE_SECONDS);
    errno = saved;
}

bool stop_install(struct stop *out_stop, struct error *err)
{
    if (pipe2(asked_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return error_set(err, ERROR_INTERNAL, "could not make a pipe: %s", strerror(errno));
    }
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigfillset(&action.sa_mask); /* a second signal comes after the first was noted */
    if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGALRM, &action, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return error_set(err, ERROR_INTERNAL, "could not install a signal handler: %s",
                         strerror(errno));
    }
    *out_stop = (struct stop){.fd = asked_pipe[0]};
    return true;
}

bool stop_asked(const struct stop *stop)
{
    if (!stop || stop->fd < 0) {
        return false;
    }
    struct pollfd watched = {.fd = stop->fd, .events = POLLIN};
    return poll(&watched, 1, 0) > 0;
}

int64_t stop_ends_ms(const struct stop *stop)
{
    return stop && stop->fd >= 0 && stop->fd == asked_pipe[0] ? ends_ms : 0;
}
