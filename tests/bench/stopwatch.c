/*
 * Runs a program and says what it took.
 *
 *   stopwatch FILE PROGRAM [ARGUMENT...]
 *
 * The program's stdin is empty; its stdout and stderr go to FILE. Prints: its exit code (128 and
 * the signal, where it was killed), nanoseconds from before the fork to its end, and the peak
 * resident memory of its largest process in KiB. It is this small since a program that is started
 * by a large one inherits the peak of that one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CANNOT_RUN = 127 };

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void become(int output, char **argv)
{
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && dup2(input, STDIN_FILENO) >= 0 &&
        dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0) {
        (void)execv(argv[0], argv);
    }
    (void)fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(CANNOT_RUN);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: stopwatch FILE PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    int output = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int64_t start = now_ns();
    pid_t pid = output < 0 ? -1 : fork();
    if (pid == 0) {
        become(output, argv + 2);
    }
    int status = 0;
    struct rusage used;
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        (void)fprintf(stderr, "stopwatch: %s\n", strerror(errno));
        return 1;
    }
    int64_t end = now_ns();
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    (void)printf("%d %jd %ld\n", code, (intmax_t)(end - start), used.ru_maxrss);
    return 0;
}
