/*
 * How long a call to AWS may take, and what being told to stop does to it.
 *
 * A report has to go out even when the run was told to stop, while reading credentials for a
 * connection need not be finished: being told to stop cuts what is left to grace_ms, and 0 gives up
 * at once. A limit is used up as it goes: it is passed by pointer and shared by all parts of a
 * call.
 */
#ifndef POSTLUDE_AWS_LIMIT_H
#define POSTLUDE_AWS_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/wait.h"

struct aws_limit {
    struct deadline deadline;
    const struct stop *stop; /* NULL: nobody can ask, or the stop was heeded already */
    int64_t grace_ms;
    bool stopped; /* the stop was heeded: deadline is what it left */
};

/* Looks whether a stop was asked and, the first time, cuts the deadline. Returns whether time is
 * left. */
MUST_CHECK bool aws_limit_check(struct aws_limit *limit);

/* Waits for ms, or as long as the limit allows. Returns whether all of ms went by. */
MUST_CHECK bool aws_limit_pause(struct aws_limit *limit, int64_t ms);

/* The code of what ended because the run was told to stop: nothing needs mending then. */
#define AWS_STOPPED "stopped"

/* Says that the limit is used up: ERROR_INTERRUPTED, naming what was being done. */
bool aws_limit_error(const struct aws_limit *limit, const char *doing, struct error *err);

#endif
