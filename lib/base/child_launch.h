/*
 * The start of a program, for child_run only: find it, fork, exec, and hear why that failed.
 * A launch is made by {.spec, .fds = {-1, -1, -1}, .told = -1}, and freed by child_launch_free.
 */
#ifndef POSTLUDE_BASE_CHILD_LAUNCH_H
#define POSTLUDE_BASE_CHILD_LAUNCH_H

#include <sys/types.h>

#include "base/child.h"

struct child_launch {
    const struct child_spec *spec;
    int fds[3];        /* what it gets; the caller sets stdout and stderr */
    char **candidates; /* the paths to try */
    size_t count;
    int told; /* a pipe that a successful exec closes, and another fills */
};

/* A pipe that no exec passes on, and whose reading end does not block; false: errno says why. */
MUST_CHECK bool child_pipe(int *out_read, int *out_write);
/* Closes *fd, if it is not -1, and sets it to -1. */
void child_close(int *fd);

/* The new process, or -1, and errno says why. The fds are closed in us. */
MUST_CHECK pid_t child_start(struct child_launch *launch);
/* Once it has ended: whether it could not become the program; err says why. */
bool child_refused(const struct child_launch *launch, struct error *err);
void child_launch_free(struct child_launch *launch);

#endif
