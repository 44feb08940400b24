/* What CodePipeline's answers say about an event. Pure. Not for other rooms. */
#ifndef POSTLUDE_CONFIRM_JUDGE_H
#define POSTLUDE_CONFIRM_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/codepipeline.h"
#include "base/attr.h"
#include "base/error.h"
#include "trigger/trigger.h"

enum confirm_verdict {
    CONFIRM_TRUE,
    CONFIRM_LATER, /* not yet: the same question may have another answer in a moment */
    CONFIRM_FALSE,
};

/* Beyond so many newer executions nobody looks. */
enum { CONFIRM_ROWS_MAX = 4 * AWS_EXECUTIONS_PAGE };

struct confirm_list {
    struct aws_execution_row rows[CONFIRM_ROWS_MAX];
    size_t count;
    bool whole; /* there are no further ones */
};

/* Each writes err, ERROR_REFUSED, unless the verdict is CONFIRM_TRUE. */

/* That the event has what is needed to ask, and to hold against the answer. role is the plan's, or
 * NULL. */
MUST_CHECK bool confirm_judge_event(const struct trigger *trigger, const char *role,
                                    struct error *err);

/* The execution itself. A stage succeeds while its execution is still in progress, and what comes
 * after the stage may have failed since: confirm_needs_stage tells whether the stage has to be
 * looked for. */
MUST_CHECK enum confirm_verdict confirm_judge_execution(const struct trigger *trigger,
                                                        const struct aws_execution *execution,
                                                        struct error *err);
bool confirm_needs_stage(const struct trigger *trigger, const struct aws_execution *execution);

/* Whether the execution is among those that succeeded in the event's stage. */
MUST_CHECK enum confirm_verdict confirm_judge_stage(const struct trigger *trigger,
                                                    const struct confirm_list *list,
                                                    struct error *err);

/* Whether none that succeeded is newer. */
MUST_CHECK enum confirm_verdict confirm_judge_newer(const struct trigger *trigger,
                                                    const struct confirm_list *list,
                                                    struct error *err);

#endif
