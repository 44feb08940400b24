/* Whether the plan wants to run on this trigger. Pure; no connection is made before it said yes. */
#ifndef POSTLUDE_ENGINE_ADMIT_H
#define POSTLUDE_ENGINE_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "plan/plan.h"
#include "trigger/trigger.h"

enum admit_verdict {
    ADMIT_RUN,
    ADMIT_IGNORE,
};

/* rules: expanded (plan/plan.h). ADMIT_IGNORE: *why gets one line that says why this event is none
 * of ours. ERROR_REFUSED: of a pipeline, stage, account, region or age that the plan does not
 * admit, or a request that is malformed. A CloudFormation request, which has none of
 * these, is held against none of them. */
MUST_CHECK bool engine_admit(const struct trigger *trigger, const struct plan_trigger *rules,
                             int64_t now_ms, enum admit_verdict *out_verdict, struct buf *why,
                             struct error *err);

#endif
