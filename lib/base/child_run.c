/* Watching a program until it, and what it left behind, has ended. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/child_launch.h"

enum {
    LEFT_MS = 1000, /* for what is left of a group, after SIGTERM and after SIGKILL */
    LOOK_MS = 20,   /* how often it is looked whether anything is */
};

struct stream {
    int fd;
    bool from_stderr;
    bool in_pieces; /* the line's beginning was handed on already */
    size_t length;
    char line[CHILD_LINE_MAX];
};

static void hand_on(struct stream *stream, const struct child_watch *watch, bool whole)
{
    size_t length = stream->length;
    if (whole && length && stream->line[length - 1] == '\r') {
        length--;
    }
    stream->length = 0;
    stream->in_pieces = !whole;
    watch->line(watch->context, stream->from_stderr, stream->line, length);
}

static void feed(struct stream *stream, const struct child_watch *watch, const char *data,
                 size_t length)
{
    while (length) {
        const char *end = memchr(data, '\n', length);
        size_t left = end ? (size_t)(end - data) : length;
        size_t room = sizeof stream->line - stream->length;
        size_t taken = left < room ? left : room;
        memcpy(stream->line + stream->length, data, taken);
        stream->length += taken;
        data += taken;
        length -= taken;
        if (end && taken == left) {
            data++;
            length--;
            if (stream->length || !stream->in_pieces) {
                hand_on(stream, watch, true);
            }
            stream->in_pieces = false;
        } else if (stream->length == sizeof stream->line) {
            hand_on(stream, watch, false);
        }
    }
}

/* What is there, up to max bytes; returns how many. At its end the stream is closed. */
static size_t read_some(struct stream *stream, const struct child_watch *watch, size_t max)
{
    char chunk[16384];
    ssize_t got = read(stream->fd, chunk, max < sizeof chunk ? max : sizeof chunk);
    if (got > 0) {
        feed(stream, watch, chunk, (size_t)got);
        return (size_t)got;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        child_close(&stream->fd);
    }
    return 0;
}

/* What it wrote is in the pipe by now. No more than that is read: others may go on writing. */
static void drain(struct stream *stream, const struct child_watch *watch)
{
    int there = 0;
    if (stream->fd >= 0 && ioctl(stream->fd, FIONREAD, &there) == 0) {
        for (size_t left = there > 0 ? (size_t)there : 0; left;) {
            size_t got = read_some(stream, watch, left);
            left = got ? left - got : 0;
        }
    }
    if (stream->length) {
        hand_on(stream, watch, true);
    }
}

/* A pipe that SIGCHLD writes to, and orphans that come to us wherever we stand in the tree, so that
 * it is the same in a container with an init of its own. */
struct vigil {
    struct sigaction action;
    sigset_t mask;
    int adopts;
};

static int news[2] = {-1, -1};

static void on_child(int number)
{
    (void)number;
    int saved = errno;
    ssize_t ignored = write(news[1], "!", 1);
    (void)ignored;
    errno = saved;
}

static void keep_vigil(struct vigil *vigil)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigaction(SIGCHLD, &action, &vigil->action);
    (void)sigprocmask(SIG_UNBLOCK, &child, &vigil->mask);
    (void)prctl(PR_GET_CHILD_SUBREAPER, &vigil->adopts);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void end_vigil(const struct vigil *vigil)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, vigil->adopts);
    (void)sigprocmask(SIG_SETMASK, &vigil->mask, NULL);
    (void)sigaction(SIGCHLD, &vigil->action, NULL);
}

struct run {
    const struct child_watch *watch;
    struct deadline deadline;
    const struct stop *stop;
    pid_t pid;
    struct stream streams[2];
    struct deadline next_tick;
    struct deadline kill_at; /* once it was told to end */
    bool told_to_end, ended;
    struct child_end end;
};

static void reap(struct run *run)
{
    char bytes[64];
    while (read(news[0], bytes, sizeof bytes) > 0) {
    }
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        if (pid == run->pid) {
            run->ended = true;
            run->end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            run->end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        }
    }
}

static enum wait_result attend(struct run *run, struct deadline until, const struct stop *stop)
{
    struct wait_source sources[] = {
        {.fd = news[0], .what = WAIT_READ},
        {.fd = run->streams[0].fd, .what = WAIT_READ},
        {.fd = run->streams[1].fd, .what = WAIT_READ},
    };
    enum wait_result result = wait_any(sources, COUNT(sources), until, stop);
    for (size_t i = 0; i < COUNT(run->streams); i++) {
        if (sources[i + 1].ready) {
            (void)read_some(&run->streams[i], run->watch, SIZE_MAX);
        }
    }
    reap(run);
    return result;
}

/* False when nothing is left of the group. */
static bool signal_group(const struct run *run, int number)
{
    bool there = kill(-run->pid, number) == 0 || errno == EPERM;
    (void)kill(-run->pid, SIGCONT); /* a stopped process does not hear SIGTERM */
    return there;
}

static bool tick(struct run *run)
{
    if (!deadline_passed(run->next_tick)) {
        return true;
    }
    run->next_tick = deadline_in(run->watch->tick_ms);
    return run->watch->tick(run->watch->context);
}

/* Whether it is to end, and if so, why. */
static bool is_over(struct run *run, bool stopped)
{
    run->end.stopped = stopped;
    run->end.timed_out = !stopped && deadline_passed(run->deadline);
    run->end.ticked_off = !stopped && !run->end.timed_out && !tick(run);
    return run->end.stopped || run->end.timed_out || run->end.ticked_off;
}

static void see_to_its_end(struct run *run)
{
    while (!run->ended) {
        struct deadline until =
            run->told_to_end ? run->kill_at : deadline_min(run->deadline, run->next_tick);
        enum wait_result result = attend(run, until, run->told_to_end ? NULL : run->stop);
        if (run->ended) {
            return;
        }
        if (!run->told_to_end && is_over(run, result == WAIT_STOPPED)) {
            run->told_to_end = true;
            run->kill_at = deadline_in(CHILD_GRACE_MS);
            (void)signal_group(run, SIGTERM);
        } else if (run->told_to_end && deadline_passed(run->kill_at)) {
            run->kill_at = deadline_in(INT64_MAX);
            (void)signal_group(run, SIGKILL);
        }
    }
}

/* Ends what is left of its group. */
static void sweep(struct run *run)
{
    static const int numbers[] = {SIGTERM, SIGKILL};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct deadline until = deadline_in(LEFT_MS);
        for (bool left = signal_group(run, numbers[i]); left && !deadline_passed(until);
             left = kill(-run->pid, 0) == 0 || errno == EPERM) {
            (void)attend(run, deadline_min(until, deadline_in(LOOK_MS)), NULL);
        }
    }
}

/* Once everything is open. */
static bool run_watched(struct run *run, struct child_launch *launch, struct error *err)
{
    struct vigil vigil = {0};
    keep_vigil(&vigil);
    run->pid = child_start(launch);
    int reason = errno;
    if (run->pid > 0) {
        see_to_its_end(run);
        sweep(run);
        drain(&run->streams[0], run->watch);
        drain(&run->streams[1], run->watch);
    }
    end_vigil(&vigil);
    if (run->pid < 0) {
        return error_set(err, ERROR_INTERNAL, "could not start a process: %s", strerror(reason));
    }
    return !child_refused(launch, err);
}

static bool run_program(struct run *run, const struct child_spec *spec, struct error *err)
{
    struct child_launch launch = {.spec = spec, .fds = {-1, -1, -1}, .told = -1};
    bool ready = true;
    for (int i = 0; i < 2; i++) {
        ready = ready && child_pipe(&run->streams[i].fd, &launch.fds[i + 1]);
    }
    ready = ready && child_pipe(&news[0], &news[1]) && fcntl(news[1], F_SETFL, O_NONBLOCK) == 0;
    bool ok = ready ? run_watched(run, &launch, err)
                    : error_set(err, ERROR_INTERNAL, "could not make a pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        child_close(&news[i]);
        child_close(&run->streams[i].fd);
    }
    child_launch_free(&launch);
    return ok;
}

bool child_run(const struct child_spec *spec, struct deadline deadline, const struct stop *stop,
               const struct child_watch *watch, struct child_end *out_end, struct error *err)
{
    struct run run = {.watch = watch, .deadline = deadline, .stop = stop};
    run.streams[0].fd = run.streams[1].fd = -1;
    run.streams[1].from_stderr = true;
    run.next_tick = deadline_in(watch->tick ? watch->tick_ms : INT64_MAX);
    run.end.exit_code = -1;
    run.end.stopped = stop_asked(stop);
    run.end.timed_out = !run.end.stopped && deadline_passed(deadline);
    if (!run.end.stopped && !run.end.timed_out && !run_program(&run, spec, err)) {
        return false;
    }
    *out_end = run.end;
    return true;
}
