#include <string.h>

#include "base/text.h"
#include "trigger/claim.h"

static bool any(const struct claim *claim, enum claim_field a, enum claim_field b)
{
    return !text_empty(claim->text[a]) || !text_empty(claim->text[b]);
}

/* Variables of a rule that passes neither detail-type nor source. */
static enum claim_topic inferred(const struct claim *claim)
{
    bool pipeline =
        any(claim, CLAIM_PIPELINE, CLAIM_EXECUTION_ID) || any(claim, CLAIM_STATE, CLAIM_STAGE);
    if (!pipeline && any(claim, CLAIM_SCHEDULE, CLAIM_SCHEDULED_TIME)) {
        return CLAIM_ABOUT_SCHEDULE;
    }
    return text_empty(claim->text[CLAIM_STAGE]) ? CLAIM_ABOUT_PIPELINE : CLAIM_ABOUT_STAGE;
}

static enum claim_topic by_type(const char *type)
{
    static const struct {
        const char *type;
        enum claim_topic topic;
    } types[] = {
        {"CodePipeline Pipeline Execution State Change", CLAIM_ABOUT_PIPELINE},
        {"CodePipeline Stage Execution State Change", CLAIM_ABOUT_STAGE},
        {"CodePipeline Action Execution State Change", CLAIM_ABOUT_ACTION},
        {"Scheduled Event", CLAIM_ABOUT_SCHEDULE},
    };
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcmp(type, types[i].type) == 0) {
            return types[i].topic;
        }
    }
    return CLAIM_ABOUT_OTHERS;
}

enum claim_topic trigger_claim_topic(const struct claim *claim)
{
    const char *source = claim->text[CLAIM_SOURCE];
    const char *type = claim->text[CLAIM_DETAIL_TYPE];
    bool sourced = !text_empty(source);
    bool from_pipeline = text_same(source, "aws.codepipeline");
    bool from_schedule = text_same(source, "aws.events") || text_same(source, "aws.scheduler");
    if (sourced && !from_pipeline && !from_schedule) {
        return CLAIM_ABOUT_OTHERS;
    }
    enum claim_topic topic = !text_empty(type) ? by_type(type)
                             : from_schedule   ? CLAIM_ABOUT_SCHEDULE
                                               : inferred(claim);
    bool fits = topic == CLAIM_ABOUT_SCHEDULE ? !from_pipeline : !from_schedule;
    return fits ? topic : CLAIM_ABOUT_OTHERS;
}

/* A task definition may declare the variables of an event empty, for a schedule that fills in only
 * its own two. */
static bool only_schedule(const struct claim *claim)
{
    return !any(claim, CLAIM_DETAIL_TYPE, CLAIM_SOURCE) && inferred(claim) == CLAIM_ABOUT_SCHEDULE;
}

bool trigger_claim_check_topic(const struct claim *claim, struct error *err)
{
    if (!claim->scalars || only_schedule(claim)) {
        return true;
    }
    /* Without it the SUCCEEDED of an action, in the middle of a deploy, looks like the pipeline's.
     */
    const char *source = claim->text[CLAIM_SOURCE];
    bool needed = claim->text[CLAIM_DETAIL_TYPE] || text_empty(source) ||
                  strcmp(source, "aws.codepipeline") == 0;
    return (!needed || trigger_claim_require(claim, CLAIM_DETAIL_TYPE, err)) &&
           (!claim->text[CLAIM_SOURCE] || trigger_claim_require(claim, CLAIM_SOURCE, err));
}
