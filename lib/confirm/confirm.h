/*
 * Whether what an event says is so: the plan's trigger.verify, by asking CodePipeline itself.
 *
 * Contract, sections 3 and 4. Asked are GetPipelineExecution and ListPipelineExecutions, in the
 * event's region, as ourselves or as trigger.assume_role. CodePipeline's answers lag behind its own
 * events: what is not so yet is asked again for a minute before the event is refused. The database
 * is not contacted before.
 */
#ifndef POSTLUDE_CONFIRM_CONFIRM_H
#define POSTLUDE_CONFIRM_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/codepipeline.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/wait.h"
#include "plan/plan.h"
#include "trigger/trigger.h"

/* Borrowed for the call; a zeroed patience or pause stands for its default. */
struct confirm_request {
    const struct trigger *trigger;    /* admitted */
    const struct plan_trigger *rules; /* expanded */
    const char *run_id;               /* CloudTrail shows it where a role is assumed */
    const struct stop *stop;
    struct deadline deadline; /* of the run */
    int64_t patience_ms;      /* 60000: how long is asked at most */
    int64_t pause_ms;         /* 1000: the first pause, which doubles up to 8 times that */
};

struct confirm_answer {
    char revision[AWS_EXECUTION_REVISION_SIZE]; /* aws/codepipeline.h; "" = not told */
};

/* Whether the plan wants this event confirmed: only those of pipelines and stages can be. */
bool confirm_wanted(const struct trigger *trigger, const struct plan_trigger *rules);

/* True: the execution, and of a stage's event the stage, did succeed; with the version of the
 * pipeline that the event names; it is no rollback; and no newer one has succeeded since (but for
 * pipelines whose executions run in parallel). ERROR_REFUSED: it is not so, or nobody could say so:
 * AWS denied the question or did not answer in time; code is AWS's then ("timeout", "unanswered"),
 * and the hint names what is missing; it is "unconfirmed" when CodePipeline says otherwise, and ""
 * when the event could not even be asked about. ERROR_INVALID: a variable is wrong;
 * ERROR_INTERRUPTED: told to stop, or the run is out of time. */
MUST_CHECK bool confirm_event(struct aws *aws, const struct confirm_request *request,
                              struct confirm_answer *out_answer, struct error *err);

#endif
