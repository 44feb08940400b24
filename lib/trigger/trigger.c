#include "trigger/trigger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "trigger/claim.h"
#include "trigger/request.h"

enum { REASON_CHARACTERS = 500, SHOWN_MAX = 200, LINE_MAX_BYTES = 4096 };

void trigger_free(struct trigger *trigger)
{
    if (!trigger) {
        return;
    }
    char *texts[] = {trigger->ignored, trigger->event_id, trigger->account,
                     trigger->region,  trigger->pipeline, trigger->stage,
                     trigger->state,   trigger->schedule, trigger->execution_id,
                     trigger->reason,  trigger->by,       trigger->scheduled_time};
    for (size_t i = 0; i < COUNT(texts); i++) {
        free(texts[i]);
    }
    trigger_request_free(trigger->request);
    free(trigger);
}

const char *trigger_name(enum trigger_kind kind)
{
    switch (kind) {
    case TRIGGER_MANUAL:
        return "manual";
    case TRIGGER_CODEPIPELINE:
        return "codepipeline";
    case TRIGGER_STAGE:
        return "codepipeline-stage";
    case TRIGGER_SCHEDULE:
        return "schedule";
    case TRIGGER_CLOUDFORMATION:
        return "cloudformation";
    case TRIGGER_OTHER:
        return "other";
    }
    return "other";
}

/* The field, where it is there and what it should be; an event to be ignored may have others. */
static char *believed(const struct claim *claim, enum claim_field field)
{
    struct error unused;
    const char *text = claim->text[field];
    return !text_empty(text) && trigger_claim_check(claim, field, &unused) ? memory_text(text)
                                                                           : NULL;
}

static void fill(const struct claim *claim, struct trigger *trigger)
{
    trigger->event_id = believed(claim, CLAIM_ID);
    trigger->account = believed(claim, CLAIM_ACCOUNT);
    trigger->region = believed(claim, CLAIM_REGION);
    trigger->pipeline = believed(claim, CLAIM_PIPELINE);
    trigger->execution_id = believed(claim, CLAIM_EXECUTION_ID);
    trigger->state = believed(claim, CLAIM_STATE);
    trigger->stage = believed(claim, CLAIM_STAGE);
    AUTO(text) char *attempt = believed(claim, CLAIM_ATTEMPT);
    AUTO(text) char *version = believed(claim, CLAIM_VERSION);
    AUTO(text) char *time = believed(claim, CLAIM_TIME);
    if (!attempt || !trigger_claim_number(attempt, &trigger->attempt) || trigger->attempt == 0) {
        trigger->attempt = 1; /* notification forms write 0.0 for the first */
    }
    if (!version || !trigger_claim_number(version, &trigger->version)) {
        trigger->version = -1;
    }
    if (!time || !clock_parse(time, &trigger->time_ms)) {
        trigger->time_ms = -1;
    }
}

static void ignore(struct trigger *trigger, struct buf *why)
{
    trigger->kind = TRIGGER_OTHER;
    trigger->ignored = buf_take(why);
}

static void ignore_others(const struct claim *claim, struct trigger *trigger)
{
    const char *source = claim->text[CLAIM_SOURCE];
    const char *type = claim->text[CLAIM_DETAIL_TYPE];
    AUTO(buf) struct buf why = buf_make(LINE_MAX_BYTES);
    buf_text(&why, "an event ");
    if (type) {
        trigger_claim_show(&why, type);
    }
    buf_text(&why, source ? type ? " of " : "of " : "");
    text_escape_cut(&why, source, SHOWN_MAX);
    buf_text(&why, " starts no migrations");
    ignore(trigger, &why);
}

static void subject(const struct claim *claim, enum claim_topic topic, struct buf *out)
{
    if (topic == CLAIM_ABOUT_ACTION) {
        buf_text(out, "an action of ");
    } else if (topic == CLAIM_ABOUT_STAGE) {
        buf_text(out, "stage ");
        text_escape_cut(out, claim->text[CLAIM_STAGE], SHOWN_MAX);
        buf_text(out, " of ");
    }
    const char *pipeline = claim->text[CLAIM_PIPELINE];
    buf_text(out, "pipeline ");
    text_escape_cut(out, pipeline ? pipeline : "(not named)", SHOWN_MAX);
}

static void ignore_state(const struct claim *claim, enum claim_topic topic, struct trigger *trigger)
{
    const char *state = claim->text[CLAIM_STATE];
    AUTO(buf) struct buf why = buf_make(LINE_MAX_BYTES);
    subject(claim, topic, &why);
    buf_text(&why, " is ");
    text_escape_cut(&why, text_empty(state) ? "in a state not told" : state, SHOWN_MAX);
    buf_text(&why, topic == CLAIM_ABOUT_ACTION ? ", and actions start no migrations"
                                               : ", and only SUCCEEDED starts migrations");
    ignore(trigger, &why);
}

static bool check_all(const struct claim *claim, const enum claim_field *fields, size_t count,
                      struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!trigger_claim_check(claim, fields[i], err)) {
            return false;
        }
    }
    return true;
}

static bool judge_execution(const struct claim *claim, enum claim_topic topic,
                            struct trigger *trigger, struct error *err)
{
    static const enum claim_field all[] = {
        CLAIM_PIPELINE, CLAIM_EXECUTION_ID, CLAIM_STAGE, CLAIM_ATTEMPT, CLAIM_VERSION,
        CLAIM_ACCOUNT,  CLAIM_REGION,       CLAIM_ID,    CLAIM_TIME,
    };
    if (!trigger_claim_require(claim, CLAIM_STATE, err) ||
        !trigger_claim_check(claim, CLAIM_STATE, err)) {
        return false;
    }
    if (strcmp(claim->text[CLAIM_STATE], "SUCCEEDED") != 0) {
        ignore_state(claim, topic, trigger);
        return true;
    }
    trigger->kind = topic == CLAIM_ABOUT_STAGE ? TRIGGER_STAGE : TRIGGER_CODEPIPELINE;
    return trigger_claim_require(claim, CLAIM_PIPELINE, err) &&
           trigger_claim_require(claim, CLAIM_EXECUTION_ID, err) &&
           (topic != CLAIM_ABOUT_STAGE || trigger_claim_require(claim, CLAIM_STAGE, err)) &&
           check_all(claim, all, COUNT(all), err);
}

/* Two spellings of one moment are one key: UTC, whole seconds where it has no others. */
static char *moment(const struct claim *claim, enum claim_field field)
{
    static const char whole[] = ".000Z";
    int64_t wall_ms = 0;
    char text[CLOCK_TEXT_SIZE];
    AUTO(text) char *given = believed(claim, field);
    if (!given || !clock_parse(given, &wall_ms)) {
        return NULL;
    }
    clock_format(wall_ms, text);
    if (text_ends(text, whole)) {
        text_copy(strstr(text, whole), sizeof whole, "Z");
    }
    return memory_text(text);
}

static bool judge_schedule(const struct claim *claim, struct trigger *trigger, struct error *err)
{
    static const enum claim_field all[] = {
        CLAIM_SCHEDULE, CLAIM_SCHEDULED_TIME, CLAIM_ACCOUNT, CLAIM_REGION, CLAIM_ID, CLAIM_TIME,
    };
    if (!check_all(claim, all, COUNT(all), err)) {
        return false;
    }
    trigger->kind = TRIGGER_SCHEDULE;
    trigger->schedule = believed(claim, CLAIM_SCHEDULE);
    trigger->scheduled_time = moment(claim, CLAIM_SCHEDULED_TIME);
    if (!trigger->scheduled_time) {
        trigger->scheduled_time = moment(claim, CLAIM_TIME);
    }
    if (trigger->time_ms < 0 && trigger->scheduled_time &&
        !clock_parse(trigger->scheduled_time, &trigger->time_ms)) {
        trigger->time_ms = -1;
    }
    return true;
}

static bool judge(const struct claim *claim, struct trigger *trigger, struct error *err)
{
    if (!trigger_claim_check_expanded(claim, err) || !trigger_claim_check_topic(claim, err)) {
        return false;
    }
    fill(claim, trigger);
    enum claim_topic topic = trigger_claim_topic(claim);
    switch (topic) {
    case CLAIM_ABOUT_PIPELINE:
    case CLAIM_ABOUT_STAGE:
        return judge_execution(claim, topic, trigger, err);
    case CLAIM_ABOUT_ACTION:
        ignore_state(claim, topic, trigger);
        return true;
    case CLAIM_ABOUT_SCHEDULE:
        return judge_schedule(claim, trigger, err);
    case CLAIM_ABOUT_OTHERS:
        ignore_others(claim, trigger);
        return true;
    }
    return false;
}

static void take_request(struct claim *claim, struct trigger *trigger)
{
    fill(claim, trigger);
    trigger->kind = TRIGGER_CLOUDFORMATION;
    trigger->request = TAKE(claim->request);
    if (trigger->request->type == TRIGGER_REQUEST_DELETE) {
        trigger->ignored = memory_text("deleting the custom resource runs no migrations, and "
                                       "takes none back");
    }
}

static bool blank(const char *text)
{
    return !text || !text[strspn(text, " \t\r\n")];
}

/* The first REASON_CHARACTERS characters; NULL for nothing but blanks. */
static char *short_text(const char *text)
{
    if (blank(text)) {
        return NULL;
    }
    size_t length = strlen(text);
    size_t at = 0;
    for (size_t count = 0; at < length && count < REASON_CHARACTERS; count++) {
        size_t size = text_sequence(text + at, length - at);
        at += size ? size : 1;
    }
    return memory_text_n(text, at);
}

static bool by_hand(const struct trigger_input *input, struct trigger *trigger, struct error *err)
{
    trigger->kind = TRIGGER_MANUAL;
    trigger->attempt = 1;
    trigger->version = -1;
    trigger->time_ms = -1;
    if (!input->on_ecs || trigger->reason) {
        return true;
    }
    error_set(err, ERROR_REFUSED, "this task was given neither an event nor a reason");
    return error_hint(
        err, "A task that a rule without InputTransformer started looks exactly like this: have "
             "the rule pass the event's fields as POSTLUDE_EVENT_PIPELINE, "
             "POSTLUDE_EVENT_EXECUTION_ID, POSTLUDE_EVENT_STATE and so on. To run it by hand, say "
             "why with --reason TEXT or POSTLUDE_REASON.");
}

static bool by_event(const struct trigger_input *input, struct trigger *trigger, struct error *err)
{
    AUTO(claim) struct claim claim = {0};
    bool read = input->event ? trigger_claim_from_json(input, &claim, err)
                             : trigger_claim_from_scalars(input, &claim, err);
    if (read && claim.request) {
        take_request(&claim, trigger);
        return true;
    }
    return read && judge(&claim, trigger, err);
}

bool trigger_read(const struct trigger_input *input, struct trigger **out_trigger,
                  struct error *err)
{
    AUTO(trigger) struct trigger *trigger = memory_new(1, sizeof *trigger);
    trigger->reason = short_text(input->reason);
    trigger->by = short_text(input->by);
    bool event = input->event || input->scalars;
    if (!(event ? by_event(input, trigger, err) : by_hand(input, trigger, err))) {
        return false;
    }
    *out_trigger = TAKE(trigger);
    return true;
}

bool trigger_has_key(const struct trigger *trigger)
{
    switch (trigger->kind) {
    case TRIGGER_CODEPIPELINE:
    case TRIGGER_STAGE:
        return trigger->pipeline && trigger->execution_id;
    case TRIGGER_SCHEDULE:
        return trigger->schedule && trigger->scheduled_time;
    case TRIGGER_MANUAL:
    case TRIGGER_CLOUDFORMATION:
    case TRIGGER_OTHER:
        return false;
    }
    return false;
}

static void add_part(struct buf *out, const char *lead, const char *value)
{
    if (value) {
        buf_text(out, lead);
        text_escape_cut(out, value, SHOWN_MAX);
    }
}

static void describe_execution(const struct trigger *trigger, struct buf *out)
{
    if (trigger->kind == TRIGGER_STAGE) {
        add_part(out, "stage ", trigger->stage);
        buf_text(out, " of ");
    }
    add_part(out, "pipeline ", trigger->pipeline);
    add_part(out, ", execution ", trigger->execution_id);
    buf_format(out, ", attempt %" PRId64, trigger->attempt);
    add_part(out, " ", trigger->state);
}

void trigger_describe(const struct trigger *trigger, struct buf *out)
{
    switch (trigger->kind) {
    case TRIGGER_CODEPIPELINE:
    case TRIGGER_STAGE:
        describe_execution(trigger, out);
        return;
    case TRIGGER_SCHEDULE:
        add_part(out, "schedule ", trigger->schedule ? trigger->schedule : "without a name");
        add_part(out, ", due ", trigger->scheduled_time);
        return;
    case TRIGGER_MANUAL:
        buf_text(out, "by hand");
        add_part(out, ", ", trigger->by);
        add_part(out, ": ", trigger->reason);
        return;
    case TRIGGER_CLOUDFORMATION:
        trigger_request_describe(trigger->request, out);
        return;
    case TRIGGER_OTHER:
        buf_text(out, trigger->ignored);
        return;
    }
}
