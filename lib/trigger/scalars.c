#include "base/memory.h"
#include "base/text.h"
#include "trigger/claim.h"

bool trigger_claim_from_scalars(const struct trigger_input *input, struct claim *claim,
                                struct error *err)
{
    const char *const given[CLAIM_FIELDS] = {
        [CLAIM_DETAIL_TYPE] = input->detail_type,
        [CLAIM_SOURCE] = input->source,
        [CLAIM_ID] = input->id,
        [CLAIM_TIME] = input->time,
        [CLAIM_ACCOUNT] = input->account,
        [CLAIM_REGION] = input->region,
        [CLAIM_PIPELINE] = input->pipeline,
        [CLAIM_EXECUTION_ID] = input->execution_id,
        [CLAIM_STATE] = input->state,
        [CLAIM_ATTEMPT] = input->attempt,
        [CLAIM_VERSION] = input->version,
        [CLAIM_STAGE] = input->stage,
        [CLAIM_SCHEDULE] = input->schedule_arn,
        [CLAIM_SCHEDULED_TIME] = input->scheduled_time,
    };
    claim->scalars = true;
    claim->origin = "";
    bool anything = false;
    for (size_t i = 0; i < CLAIM_FIELDS; i++) {
        claim->text[i] = memory_text(given[i]);
        anything = anything || !text_empty(given[i]);
    }
    if (anything) {
        return true;
    }
    trigger_claim_refuse(claim, err,
                         "every POSTLUDE_EVENT_* and POSTLUDE_SCHEDULE* variable is empty");
    return error_hint(err, "The paths in InputPathsMap of the rule's InputTransformer do not match "
                           "the event: EventBridge writes an empty value for a path that the event "
                           "does not have. For a run by hand leave these variables unset.");
}
