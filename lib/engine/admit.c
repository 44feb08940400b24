#include "engine/admit.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* AWS takes a request whose clock is off by so much. */
enum { AHEAD_MS = 5 * 60 * 1000, DAY_MS = 24 * 60 * 60 * 1000 };

static void show(struct buf *out, const char *text)
{
    text_escape(out, text ? text : "", text ? strlen(text) : 0);
}

static bool listed(const struct plan_list *list, const char *value)
{
    for (size_t i = 0; i < list->count; i++) {
        if (text_matches(list->items[i].text, value)) {
            return true;
        }
    }
    return false;
}

static void show_list(struct buf *out, const struct plan_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_text(out, i ? ", " : "");
        show(out, list->items[i].text);
    }
}

/* One rule: what it is called, where it stands, what the event has. */
static bool admits(const char *what, const struct plan_list *list, const char *value,
                   const char *variable, struct error *err)
{
    if (!list->present) {
        return true;
    }
    if (text_empty(value)) {
        error_set(err, ERROR_REFUSED, "the event names no %s, and the plan admits certain %ss only",
                  what, what);
        return error_hint(err, "Let the rule pass %s.", variable);
    }
    if (listed(list, value)) {
        return true;
    }
    AUTO(buf) struct buf shown = buf_make(256);
    AUTO(buf) struct buf rules = buf_make(512);
    show(&shown, value);
    show_list(&rules, list);
    error_set(err, ERROR_REFUSED, "the plan does not admit %s \"%s\"", what, shown.data);
    return error_hint(err,
                      "The plan's trigger.%ss admits: %s. Add it there, or narrow the EventBridge "
                      "rule so that it does not start this task.",
                      what, rules.data);
}

static void show_age(struct buf *out, int64_t ms)
{
    if (ms >= 2 * DAY_MS) {
        buf_format(out, "%" PRId64 " days", ms / DAY_MS);
    } else {
        text_show_duration(out, ms);
    }
}

static bool without_time(const struct trigger *trigger, struct error *err)
{
    error_set(err, ERROR_REFUSED, "the event has no time, and the plan has a trigger.max_age");
    return error_hint(err, trigger->kind == TRIGGER_SCHEDULE
                               ? "Let the schedule pass POSTLUDE_SCHEDULED_TIME."
                               : "Let the rule pass POSTLUDE_EVENT_TIME.");
}

/* Clocks differ by a little; by more, nobody knows how old the event is. */
static bool from_the_future(const char *time, int64_t ahead_ms, struct error *err)
{
    AUTO(buf) struct buf shown = buf_make(64);
    show_age(&shown, ahead_ms);
    error_set(err, ERROR_REFUSED,
              "the event is of %s, %s from now, so that its age for trigger.max_age is not known",
              time, shown.data);
    return error_hint(err, "Check this machine's clock, and where the event's time comes from.");
}

static bool too_old(const char *time, int64_t age_ms, int64_t most_ms, struct error *err)
{
    AUTO(buf) struct buf shown = buf_make(64);
    AUTO(buf) struct buf limit = buf_make(64);
    show_age(&shown, age_ms);
    show_age(&limit, most_ms);
    error_set(err, ERROR_REFUSED, "the event is of %s, %s ago, and trigger.max_age is %s", time,
              shown.data, limit.data);
    return error_hint(err, "It was delivered late. What it would have applied is applied by the "
                           "next event, the schedule, or a run by hand with --reason.");
}

static bool young_enough(const struct trigger *trigger, const struct plan_trigger *rules,
                         int64_t now_ms, struct error *err)
{
    if (rules->max_age_ms < 0) {
        return true;
    }
    if (trigger->time_ms < 0) {
        return without_time(trigger, err);
    }
    char time[CLOCK_TEXT_SIZE];
    clock_format(trigger->time_ms, time);
    int64_t age = now_ms - trigger->time_ms;
    if (age < -AHEAD_MS) {
        return from_the_future(time, -age, err);
    }
    return age <= rules->max_age_ms || too_old(time, age, rules->max_age_ms, err);
}

static bool admits_stage(const struct trigger *trigger, const struct plan_trigger *rules,
                         struct error *err)
{
    if (!rules->stages.present) {
        AUTO(buf) struct buf shown = buf_make(256);
        show(&shown, trigger->stage);
        error_set(err, ERROR_REFUSED, "the plan lists no stages, so stage \"%s\" does not start it",
                  shown.data);
        return error_hint(err, "Add trigger.stages to the plan to run on a stage's SUCCEEDED, or "
                               "let the rule match \"CodePipeline Pipeline Execution State "
                               "Change\" only.");
    }
    return admits("stage", &rules->stages, trigger->stage, "POSTLUDE_EVENT_STAGE", err);
}

static bool admits_pipeline(const struct trigger *trigger, const struct plan_trigger *rules,
                            int64_t now_ms, struct error *err)
{
    return admits("pipeline", &rules->pipelines, trigger->pipeline, "POSTLUDE_EVENT_PIPELINE",
                  err) &&
           (trigger->kind != TRIGGER_STAGE || admits_stage(trigger, rules, err)) &&
           admits("account", &rules->accounts, trigger->account, "POSTLUDE_EVENT_ACCOUNT", err) &&
           admits("region", &rules->regions, trigger->region, "POSTLUDE_EVENT_REGION", err) &&
           young_enough(trigger, rules, now_ms, err);
}

bool engine_admit(const struct trigger *trigger, const struct plan_trigger *rules, int64_t now_ms,
                  enum admit_verdict *out_verdict, struct buf *why, struct error *err)
{
    if (trigger->request && trigger->request->wrong.kind != ERROR_NONE) {
        *err = trigger->request->wrong;
        return false;
    }
    if (trigger->ignored) {
        buf_text(why, trigger->ignored);
        *out_verdict = ADMIT_IGNORE;
        return true;
    }
    if (trigger->kind == TRIGGER_CODEPIPELINE && rules->stages.present) {
        buf_text(why, "the plan runs on the SUCCEEDED of stage ");
        show_list(why, &rules->stages);
        buf_text(why, ", not on the whole pipeline's");
        *out_verdict = ADMIT_IGNORE;
        return true;
    }
    bool of_pipeline = trigger->kind == TRIGGER_CODEPIPELINE || trigger->kind == TRIGGER_STAGE;
    if (of_pipeline && !admits_pipeline(trigger, rules, now_ms, err)) {
        return false;
    }
    if (trigger->kind == TRIGGER_SCHEDULE && !young_enough(trigger, rules, now_ms, err)) {
        return false;
    }
    *out_verdict = ADMIT_RUN;
    return true;
}
