/* Runs a function in a child process, for what changes or ends a process. */
#ifndef POSTLUDE_TESTS_BASE_FORKED_H
#define POSTLUDE_TESTS_BASE_FORKED_H

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Whether this is a sanitizer's build, in which running out of memory cannot be played. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* The child's exit code, or 1000 + the signal that ended it. */
static inline int forked(void (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(30); /* a child that hangs fails its test instead of the whole run */
        body();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif
