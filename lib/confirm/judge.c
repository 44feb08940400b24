#include "confirm/judge.h"

#include <inttypes.h>
#include <string.h>

#include "aws/endpoint.h"
#include "base/clock.h"
#include "base/text.h"

#define BY_HAND "a run by hand with --reason applies what is pending"

static bool lacks(const char *what, const char *variable, struct error *err)
{
    error_set(err, ERROR_REFUSED, "the event has no %s, and the plan has trigger.verify", what);
    return error_hint(err, "Let the rule pass %s.", variable);
}

/* arn:aws:iam::210987654321:role/name */
static bool is_of_account(const char *role, const char *account)
{
    const char *found = strstr(role, ":iam::");
    return found && strncmp(found + 6, account, strlen(account)) == 0;
}

bool confirm_judge_event(const struct trigger *trigger, const char *role, struct error *err)
{
    if (text_empty(trigger->region)) {
        return lacks("region", "POSTLUDE_EVENT_REGION", err);
    }
    if (trigger->version < 0) {
        return lacks("version", "POSTLUDE_EVENT_VERSION", err);
    }
    if (!role || text_empty(trigger->account) || is_of_account(role, trigger->account)) {
        return true;
    }
    error_set(err, ERROR_REFUSED,
              "the event is of account %s, and trigger.assume_role is a role of another one",
              trigger->account);
    return error_hint(err,
                      "%s can ask about pipelines of its own account only. Limit "
                      "trigger.accounts to it, or name a role of the event's account.",
                      role);
}

static bool of_stage(const struct trigger *trigger)
{
    return trigger->kind == TRIGGER_STAGE;
}

static enum confirm_verdict another(const struct aws_execution *execution, struct error *err)
{
    error_set(err, ERROR_REFUSED, "CodePipeline answered about execution %s of pipeline %s",
              execution->id, execution->pipeline);
    error_hint(err, "Something between this task and CodePipeline gives answers to other "
                    "questions: look for a proxy or a cache.");
    return CONFIRM_FALSE;
}

static enum confirm_verdict rolled_back(const struct trigger *trigger, struct error *err)
{
    error_set(err, ERROR_REFUSED, "execution %s of pipeline %s is a rollback",
              trigger->execution_id, trigger->pipeline);
    error_hint(
        err,
        "It brought an earlier version of the application back, for which no migration "
        "is due; nothing in postlude goes down. If migrations are wanted all the same, " BY_HAND
        ".");
    return CONFIRM_FALSE;
}

static enum confirm_verdict of_other_version(const struct trigger *trigger, int64_t version,
                                             struct error *err)
{
    if (version < 0) {
        error_set(err, ERROR_REFUSED, "CodePipeline does not tell the version of execution %s",
                  trigger->execution_id);
    } else {
        error_set(err, ERROR_REFUSED,
                  "execution %s is of version %" PRId64 " of pipeline %s, and the event says "
                  "%" PRId64,
                  trigger->execution_id, version, trigger->pipeline, trigger->version);
    }
    error_hint(err, "The event is not the one that CodePipeline sent: look at who and what starts "
                    "this task, the rule's InputTransformer first.");
    return CONFIRM_FALSE;
}

static enum confirm_verdict in_state(const struct trigger *trigger,
                                     const struct aws_execution *execution, struct error *err)
{
    bool going = strcmp(execution->status, "InProgress") == 0;
    error_set(err, ERROR_REFUSED, "execution %s of pipeline %s is %s, not Succeeded",
              trigger->execution_id, trigger->pipeline,
              *execution->status ? execution->status : "in a state not told");
    if (going) {
        error_hint(err, "As long as the pipeline has not ended, nothing is due: its own SUCCEEDED "
                        "starts a run. Where it has (\"aws codepipeline get-pipeline-execution\" "
                        "tells), " BY_HAND ".");
        return CONFIRM_LATER;
    }
    error_hint(err, "The event says SUCCEEDED and CodePipeline does not: look at who and what "
                    "starts this task. If the code was deployed all the same, " BY_HAND ".");
    return CONFIRM_FALSE;
}

enum confirm_verdict confirm_judge_execution(const struct trigger *trigger,
                                             const struct aws_execution *execution,
                                             struct error *err)
{
    if (!text_same(execution->id, trigger->execution_id) ||
        !text_same(execution->pipeline, trigger->pipeline)) {
        return another(execution, err);
    }
    if (execution->rollback) {
        return rolled_back(trigger, err);
    }
    if (execution->version != trigger->version) {
        return of_other_version(trigger, execution->version, err);
    }
    if (of_stage(trigger) || strcmp(execution->status, "Succeeded") == 0) {
        return CONFIRM_TRUE;
    }
    return in_state(trigger, execution, err);
}

bool confirm_needs_stage(const struct trigger *trigger, const struct aws_execution *execution)
{
    return of_stage(trigger) && strcmp(execution->status, "Succeeded") != 0 &&
           strcmp(execution->status, "InProgress") != 0;
}

/* Where the event's execution stands in the list; its count when it does not. */
static size_t place_of(const struct trigger *trigger, const struct confirm_list *list)
{
    size_t i = 0;
    while (i < list->count && !text_same(list->rows[i].id, trigger->execution_id)) {
        i++;
    }
    return i;
}

enum confirm_verdict confirm_judge_stage(const struct trigger *trigger,
                                         const struct confirm_list *list, struct error *err)
{
    if (place_of(trigger, list) < list->count) {
        return CONFIRM_TRUE;
    }
    error_set(err, ERROR_REFUSED,
              "execution %s ended badly, and is not among those of pipeline %s that succeeded in "
              "stage %s",
              trigger->execution_id, trigger->pipeline, trigger->stage);
    error_hint(err, "CodePipeline lists those of the pipeline's present version only. If the stage "
                    "did deploy the code, " BY_HAND ".");
    return CONFIRM_LATER;
}

/* By when they began where both say so, else, or at the same moment, by their order, newest first.
 */
static bool is_newer(const struct confirm_list *list, size_t at, size_t than)
{
    int64_t began = list->rows[at].started_ms;
    int64_t ours = than < list->count ? list->rows[than].started_ms : -1;
    return began >= 0 && ours >= 0 && began != ours ? began > ours : at < than;
}

static enum confirm_verdict overtaken(const struct trigger *trigger,
                                      const struct aws_execution_row *newer, struct error *err)
{
    char began[CLOCK_TEXT_SIZE] = "";
    if (newer->started_ms >= 0) {
        clock_format(newer->started_ms, began);
    }
    error_set(err, ERROR_REFUSED,
              "execution %s of pipeline %s%s%s%s has Succeeded, and is newer than %s", newer->id,
              trigger->pipeline, *began ? " (begun at " : "", began, *began ? ")" : "",
              trigger->execution_id);
    error_hint(
        err,
        "This event came late: what is to be applied is what the newer execution "
        "brought, and its own event does that. If that one was lost, the schedule or " BY_HAND ".");
    return CONFIRM_FALSE;
}

static enum confirm_verdict not_listed(const struct trigger *trigger,
                                       const struct confirm_list *list, struct error *err)
{
    if (list->whole || list->count == 0) {
        error_set(err, ERROR_REFUSED,
                  "CodePipeline does not list execution %s among those of pipeline %s",
                  trigger->execution_id, trigger->pipeline);
        error_hint(err, "Look for it with \"aws codepipeline list-pipeline-executions\".");
        return CONFIRM_LATER;
    }
    error_set(err, ERROR_REFUSED, "%zu executions of pipeline %s are newer than %s", list->count,
              trigger->pipeline, trigger->execution_id);
    error_hint(err, "This event came very late. Where nothing newer was deployed, " BY_HAND ".");
    return CONFIRM_FALSE;
}

enum confirm_verdict confirm_judge_newer(const struct trigger *trigger,
                                         const struct confirm_list *list, struct error *err)
{
    size_t ours = place_of(trigger, list);
    bool unknown = ours == list->count && list->whole;
    for (size_t i = 0; i < list->count && !unknown; i++) {
        if (strcmp(list->rows[i].status, "Succeeded") == 0 && is_newer(list, i, ours)) {
            return overtaken(trigger, &list->rows[i], err);
        }
    }
    return ours < list->count ? CONFIRM_TRUE : not_listed(trigger, list, err);
}
