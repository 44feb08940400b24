#include "aws/limit.h"

#include <stddef.h>

static void heed(struct aws_limit *limit)
{
    limit->stop = NULL;
    limit->stopped = true;
    limit->deadline = deadline_min(limit->deadline, deadline_in(limit->grace_ms));
}

bool aws_limit_check(struct aws_limit *limit)
{
    if (stop_asked(limit->stop)) {
        heed(limit);
    }
    return !deadline_passed(limit->deadline);
}

bool aws_limit_pause(struct aws_limit *limit, int64_t ms)
{
    struct deadline until = deadline_in(ms);
    enum wait_result result =
        wait_fd(-1, WAIT_READ, deadline_min(until, limit->deadline), limit->stop);
    if (result == WAIT_STOPPED) {
        heed(limit);
        result = wait_fd(-1, WAIT_READ, deadline_min(until, limit->deadline), NULL);
    }
    return result == WAIT_TIMEOUT && deadline_passed(until);
}

bool aws_limit_error(const struct aws_limit *limit, const char *doing, struct error *err)
{
    const char *why = limit->stopped ? "told to stop" : "out of time";
    error_set(err, ERROR_INTERRUPTED, "%s while %s", why, doing);
    return limit->stopped ? error_code(err, "%s", AWS_STOPPED) : false;
}
