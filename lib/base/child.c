#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child_launch.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    PATH_BYTES_MAX = 1024 * 1024,
    NOT_STARTED = 127,
};

static void reset_signals(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &standard, NULL); /* some cannot be set, nor need be */
    }
}

/* fork, with default signals, a group of its own, and an end when we end. Signals are held back
 * meanwhile: our handler, run in the copy, would tell us to stop. */
static pid_t fork_apart(void)
{
    sigset_t all;
    sigset_t none;
    sigset_t before;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        reset_signals();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(NOT_STARTED); /* we died before it could notice */
        }
        (void)setpgid(0, 0);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        return 0;
    }
    int reason = errno;
    if (pid > 0) {
        (void)setpgid(pid, pid); /* whoever comes first: the group must be there to be signalled */
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

void child_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* Above the standard ones, which may be closed in us and must not be overwritten in the child. */
static int lifted(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)close(fd);
    return above;
}

bool child_pipe(int *out_read, int *out_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    *out_read = lifted(ends[0]);
    *out_write = lifted(ends[1]);
    return *out_read >= 0 && *out_write >= 0 && fcntl(*out_read, F_SETFL, O_NONBLOCK) == 0;
}

enum step { STEP_DESCRIPTORS, STEP_DIR, STEP_SEARCH, STEP_EXECUTE, STEP_INTERPRETER };

/* What the child tells us through a pipe that a successful exec closes. */
struct refusal {
    enum step step;
    int reason;
    size_t candidate;
};

static const char *path_of(const char *const *envp)
{
    for (; *envp; envp++) {
        if (text_starts(*envp, "PATH=")) {
            return *envp + 5;
        }
    }
    return "/usr/bin:/bin";
}

/* Before the fork, since allocating after it may meet another thread's lock. */
static void find_candidates(struct child_launch *launch)
{
    const char *name = launch->spec->argv[0];
    const char *path = strchr(name, '/') ? NULL : path_of(launch->spec->envp);
    size_t capacity = 0;
    do {
        AUTO(buf) struct buf place = buf_make(PATH_BYTES_MAX);
        size_t length = path ? strcspn(path, ":") : 0;
        if (length) {
            buf_add(&place, path, length);
            buf_char(&place, '/');
        }
        buf_text(&place, name);
        launch->candidates = memory_push(launch->candidates, launch->count + 1, &capacity,
                                         sizeof *launch->candidates);
        launch->candidates[launch->count++] = buf_take(&place);
        launch->candidates[launch->count] = NULL;
        path = path && path[length] ? path + length + 1 : NULL;
    } while (path);
}

void child_launch_free(struct child_launch *launch)
{
    for (int i = 0; i < 3; i++) {
        child_close(&launch->fds[i]);
    }
    child_close(&launch->told);
    for (size_t i = 0; i < launch->count; i++) {
        free(launch->candidates[i]);
    }
    free(launch->candidates);
}

/* Descriptors of libraries are not all close-on-exec; kernels before 5.11 know no close_range for
 * it, but number from below. */
static void hide_descriptors(void)
{
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) {
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
}

/* exec wants its arrays without const, and writes to neither. */
static char *const *loose(const char *const *texts)
{
    char *const *result = NULL;
    memcpy(&result, &texts, sizeof result);
    return result;
}

/* Tries one after the other; returns only when none was run. */
static struct refusal execute(const struct child_launch *launch)
{
    struct refusal refusal = {.step = STEP_SEARCH, .reason = ENOENT};
    for (size_t i = 0; i < launch->count; i++) {
        const char *path = launch->candidates[i];
        (void)execve(path, loose(launch->spec->argv), loose(launch->spec->envp));
        int reason = errno;
        bool absent = reason == ENOENT || reason == ENOTDIR;
        if (absent && access(path, F_OK) == 0) {
            return (struct refusal){STEP_INTERPRETER, reason, i};
        }
        if (!absent) {
            refusal = (struct refusal){STEP_EXECUTE, reason, i};
        }
        if (!absent && reason != EACCES) {
            break;
        }
    }
    return refusal;
}

_Noreturn static void become(const struct child_launch *launch, int tell)
{
    struct refusal refusal = {.step = STEP_DESCRIPTORS};
    bool ready = true;
    for (int fd = 0; fd < 3; fd++) {
        ready = ready && dup2(launch->fds[fd], fd) == fd;
    }
    if (!ready) {
        refusal.reason = errno;
    } else if (launch->spec->dir && chdir(launch->spec->dir) != 0) {
        refusal = (struct refusal){.step = STEP_DIR, .reason = errno};
    } else {
        hide_descriptors();
        refusal = execute(launch);
    }
    ssize_t ignored = write(tell, &refusal, sizeof refusal);
    (void)ignored;
    _exit(NOT_STARTED);
}

static bool explain(const struct child_launch *launch, const struct refusal *refusal,
                    struct error *err)
{
    const char *name = launch->spec->argv[0];
    const char *path = launch->candidates[refusal->candidate];
    const char *why = strerror(refusal->reason);
    switch (refusal->step) {
    case STEP_DESCRIPTORS:
        return error_set(err, ERROR_INTERNAL, "could not start \"%s\": %s", name, why);
    case STEP_DIR:
        return error_set(err, ERROR_INVALID, "the folder \"%s\" cannot be entered: %s",
                         launch->spec->dir, why);
    case STEP_SEARCH:
        error_set(err, ERROR_INVALID, "the program \"%s\" was not found", name);
        return error_hint(err, "It must be in this image, and its folder in PATH, or its path "
                               "must be given in full.");
    case STEP_EXECUTE:
        error_set(err, ERROR_INVALID, "the program \"%s\" cannot be executed: %s", path, why);
        return error_hint(err, "It needs to be executable for this user, and a script to begin "
                               "with #! and its interpreter.");
    case STEP_INTERPRETER:
        error_set(err, ERROR_INVALID, "the interpreter of the program \"%s\" does not exist", path);
        return error_hint(err, "What the script's first line or the program's loader names must "
                               "be in this image; a first line that ends in CR LF names a file "
                               "that is not there.");
    }
    return false;
}

/* The standard streams are closed in us, so that the pipes end with the program. */
pid_t child_start(struct child_launch *launch)
{
    int tell = -1;
    find_candidates(launch);
    launch->fds[0] = lifted(open("/dev/null", O_RDONLY | O_CLOEXEC));
    bool ready = launch->fds[0] >= 0 && child_pipe(&launch->told, &tell);
    pid_t pid = ready ? fork_apart() : -1;
    if (pid == 0) {
        become(launch, tell);
    }
    int reason = errno;
    child_close(&tell);
    for (int i = 0; i < 3; i++) {
        child_close(&launch->fds[i]);
    }
    errno = reason;
    return pid;
}

bool child_refused(const struct child_launch *launch, struct error *err)
{
    struct refusal refusal = {0};
    ssize_t got = read(launch->told, &refusal, sizeof refusal);
    return got == sizeof refusal && !explain(launch, &refusal, err);
}

/* The copy holds the writing end of a pipe until it ends, however it ends. Its answer comes through
 * the pipe as well: where whoever started us has SIGCHLD ignored, there is no exit status. */
bool child_call(bool (*body)(void *context), void *context, struct deadline deadline)
{
    int ends[2] = {-1, -1};
    pid_t pid = child_pipe(&ends[0], &ends[1]) ? fork_apart() : -1;
    if (pid == 0) {
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        (void)sigaction(SIGPIPE, &ignore, NULL); /* as everywhere in this program */
        _exit(body(context) && write(ends[1], "y", 1) == 1 ? 0 : 1);
    }
    child_close(&ends[1]);
    char answer = 0;
    if (pid > 0) {
        if (wait_fd(ends[0], WAIT_READ, deadline, NULL) == WAIT_READY) {
            ssize_t ignored = read(ends[0], &answer, 1); /* none when it died */
            (void)ignored;
        }
        (void)kill(pid, SIGKILL); /* it has nothing left to do */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    child_close(&ends[0]);
    return answer == 'y';
}
