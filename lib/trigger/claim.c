#include "trigger/claim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "trigger/request.h"

enum { SHOWN_MAX = 100, NAME_MAX_LENGTH = 100 };

static const struct {
    const char *variable;
    const char *json; /* as people write it, and with "$." in front as a rule's path */
    const char *what;
} fields[CLAIM_FIELDS] = {
    [CLAIM_DETAIL_TYPE] = {"POSTLUDE_EVENT_DETAIL_TYPE", "detail-type", "a detail-type"},
    [CLAIM_SOURCE] = {"POSTLUDE_EVENT_SOURCE", "source", "a source"},
    [CLAIM_ID] = {"POSTLUDE_EVENT_ID", "id", "the id of an event (letters, digits and hyphens)"},
    [CLAIM_TIME] = {"POSTLUDE_EVENT_TIME", "time", "a time such as 2031-03-14T09:26:53Z"},
    [CLAIM_ACCOUNT] = {"POSTLUDE_EVENT_ACCOUNT", "account", "an account id of 12 digits"},
    [CLAIM_REGION] = {"POSTLUDE_EVENT_REGION", "region", "a region such as eu-west-3"},
    [CLAIM_PIPELINE] = {"POSTLUDE_EVENT_PIPELINE", "detail.pipeline",
                        "a pipeline's name (1 to 100 of A-Z a-z 0-9 . @ - _)"},
    [CLAIM_EXECUTION_ID] = {"POSTLUDE_EVENT_EXECUTION_ID", "detail.execution-id",
                            "an execution id (a UUID in lower case)"},
    [CLAIM_STATE] = {"POSTLUDE_EVENT_STATE", "detail.state", "a state such as SUCCEEDED"},
    [CLAIM_ATTEMPT] = {"POSTLUDE_EVENT_ATTEMPT", "detail.pipeline-execution-attempt",
                       "a whole number such as 1.0"},
    [CLAIM_VERSION] = {"POSTLUDE_EVENT_VERSION", "detail.version", "a whole number such as 6.0"},
    [CLAIM_STAGE] = {"POSTLUDE_EVENT_STAGE", "detail.stage",
                     "a stage's name (1 to 100 of A-Z a-z 0-9 . @ - _)"},
    [CLAIM_SCHEDULE] = {"POSTLUDE_SCHEDULE_ARN", "resources[0]", "an ARN"},
    [CLAIM_SCHEDULED_TIME] = {"POSTLUDE_SCHEDULED_TIME", "time",
                              "a time such as 2031-03-14T09:00:00Z"},
};

void trigger_claim_free(struct claim *claim)
{
    for (size_t i = 0; i < CLAIM_FIELDS; i++) {
        free(claim->text[i]);
        claim->text[i] = NULL;
    }
    trigger_request_free(claim->request);
    claim->request = NULL;
}

const char *trigger_claim_name(const struct claim *claim, enum claim_field field)
{
    return claim->scalars ? fields[field].variable : fields[field].json;
}

bool trigger_claim_refuse(const struct claim *claim, struct error *err, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    error_set(err, ERROR_REFUSED, "%s", message);
    return error_where(err, "%s", claim->origin);
}

void trigger_claim_show(struct buf *out, const char *value)
{
    buf_char(out, '"');
    text_escape_cut(out, value, SHOWN_MAX);
    buf_char(out, '"');
}

static void missing_hint(const struct claim *claim, enum claim_field field, struct error *err)
{
    const char *path = fields[field].json;
    if (!claim->scalars) {
        error_hint(err, "Pass the event as EventBridge delivers it, with every field.");
    } else if (field == CLAIM_SCHEDULE || field == CLAIM_SCHEDULED_TIME) {
        error_hint(err, "Set it in the schedule's input, from <aws.scheduler.schedule-arn> and "
                        "<aws.scheduler.scheduled-time>.");
    } else if (claim->text[field]) {
        error_hint(err,
                   "An empty value means that the event does not have the path: check that "
                   "InputPathsMap of the rule's InputTransformer says \"$.%s\", and that the event "
                   "pattern lets no other events through.",
                   path);
    } else {
        error_hint(err,
                   "Have the rule's InputTransformer pass it: \"$.%s\" in InputPathsMap, and an "
                   "environment entry for %s in InputTemplate.",
                   path, fields[field].variable);
    }
}

bool trigger_claim_require(const struct claim *claim, enum claim_field field, struct error *err)
{
    const char *text = claim->text[field];
    if (!text_empty(text)) {
        return true;
    }
    const char *name = trigger_claim_name(claim, field);
    if (claim->scalars) {
        trigger_claim_refuse(claim, err, "%s is %s", name, text ? "empty" : "not set");
    } else {
        trigger_claim_refuse(claim, err, "the event has no %s", name);
    }
    missing_hint(claim, field, err);
    return false;
}

static bool within(const char *text, size_t least, size_t most, const char *alphabet)
{
    size_t length = strspn(text, alphabet);
    return !text[length] && length >= least && length <= most;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (form[i] == 'x' ? !hex : text[i] != '-') {
            return false;
        }
    }
    return !text[sizeof form - 1];
}

bool trigger_claim_number(const char *text, int64_t *out_value)
{
    if (!within(text, 1, 24, DIGITS ".eE+-") || *text < '0' || *text > '9') {
        return false;
    }
    char *end = NULL;
    double value = strtod(text, &end);
    bool in_range = value >= 0 && value <= 2147483647.0;
    if (*end || !in_range || value != (double)(int64_t)value) {
        return false;
    }
    *out_value = (int64_t)value;
    return true;
}

static bool well_formed(enum claim_field field, const char *text)
{
    int64_t number = 0;
    switch (field) {
    case CLAIM_ID:
        return within(text, 1, 100, LOWER UPPER DIGITS "-");
    case CLAIM_TIME:
    case CLAIM_SCHEDULED_TIME:
        return clock_parse(text, &number);
    case CLAIM_ACCOUNT:
        return within(text, 12, 12, DIGITS);
    case CLAIM_REGION:
        return within(text, 2, 32, LOWER DIGITS "-");
    case CLAIM_PIPELINE:
    case CLAIM_STAGE:
        return within(text, 1, NAME_MAX_LENGTH, LOWER UPPER DIGITS ".@-_");
    case CLAIM_EXECUTION_ID:
        return is_uuid(text);
    case CLAIM_STATE:
        return within(text, 1, 32, UPPER "_");
    case CLAIM_ATTEMPT:
    case CLAIM_VERSION:
        return trigger_claim_number(text, &number);
    case CLAIM_SCHEDULE:
        return text_starts(text, "arn:") && strlen(text) <= 2048;
    case CLAIM_DETAIL_TYPE:
    case CLAIM_SOURCE:
    case CLAIM_FIELDS:
        return true;
    }
    return false;
}

static void wrong_hint(const struct claim *claim, enum claim_field field, struct error *err)
{
    const char *text = claim->text[field];
    char last = text[strlen(text) - 1];
    if (field == CLAIM_STATE && strcasecmp(text, "succeeded") == 0) {
        error_hint(err, "Events write SUCCEEDED in capitals; \"Succeeded\" is the API's spelling.");
    } else if (field == CLAIM_ACCOUNT && within(text, 1, 11, DIGITS)) {
        error_hint(err, "Account ids may begin with 0: something on the way took it for a number.");
    } else if (!claim->scalars) {
        error_hint(err, "Pass the event as EventBridge delivers it.");
    } else if (*text == '"' || *text == '\'' || last == '"') {
        error_hint(err, "It has quotation marks of its own: EventBridge puts a pair around each "
                        "value, so that InputTemplate needs none around the placeholder.");
    } else if (*text == ' ' || last == ' ' || last == '\n') {
        error_hint(err, "It begins or ends with a blank or a line end: take that out of "
                        "InputTemplate.");
    } else if (field == CLAIM_SCHEDULE || field == CLAIM_SCHEDULED_TIME) {
        missing_hint(claim, field, err);
    } else {
        error_hint(err,
                   "Compare the rule's InputPathsMap with InputTemplate: each variable needs "
                   "the value of its own path, here \"$.%s\".",
                   fields[field].json);
    }
}

bool trigger_claim_check(const struct claim *claim, enum claim_field field, struct error *err)
{
    const char *text = claim->text[field];
    if (text_empty(text) || well_formed(field, text)) {
        return true;
    }
    AUTO(buf) struct buf shown = buf_make(1024);
    trigger_claim_show(&shown, text);
    trigger_claim_refuse(claim, err, "%s is %s, which is not %s", trigger_claim_name(claim, field),
                         shown.data, fields[field].what);
    wrong_hint(claim, field, err);
    return false;
}

size_t trigger_claim_placeholder(const char *text, size_t length, const char **out_at)
{
    static const char alphabet[] = LOWER UPPER DIGITS "_.-";
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '<') {
            continue;
        }
        size_t end = i + 1;
        while (end < length && end - i <= NAME_MAX_LENGTH && text[end] &&
               strchr(alphabet, text[end])) {
            end++;
        }
        if (end > i + 1 && end < length && text[end] == '>') {
            *out_at = text + i;
            return end + 1 - i;
        }
    }
    return 0;
}

static bool is_name(const char *name, size_t length, const char *wanted)
{
    return length == strlen(wanted) && memcmp(name, wanted, length) == 0;
}

void trigger_claim_placeholder_hint(const char *name, size_t length, struct error *err)
{
    if (length > 15 && strncmp(name, "<aws.scheduler.", 15) == 0) {
        error_hint(err,
                   "Only EventBridge Scheduler replaces it, in a schedule's input: a rule does "
                   "not, and nobody does in a task definition or a RunTask by hand.");
    } else if (is_name(name, length, "<aws.events.event>") ||
               is_name(name, length, "<aws.events.event.json>")) {
        error_hint(err, "The rule has Input instead of InputTransformer; and the whole event fits "
                        "into no variable: pass its fields as POSTLUDE_EVENT_PIPELINE, "
                        "POSTLUDE_EVENT_EXECUTION_ID, POSTLUDE_EVENT_STATE and so on.");
    } else {
        error_hint(err, "The rule has Input instead of InputTransformer, or its InputPathsMap does "
                        "not have this name: nothing put the event's value in its place.");
    }
}

static bool check_expanded(const struct claim *claim, enum claim_field field, struct error *err)
{
    const char *text = claim->text[field];
    const char *at = NULL;
    size_t length = trigger_claim_placeholder(text, strlen(text), &at);
    if (length) {
        trigger_claim_refuse(claim, err, "%s holds the placeholder %.*s, which was not replaced",
                             trigger_claim_name(claim, field), (int)length, at);
        trigger_claim_placeholder_hint(at, length, err);
        return false;
    }
    if (text_starts(text, "$.")) {
        AUTO(buf) struct buf shown = buf_make(1024);
        trigger_claim_show(&shown, text);
        trigger_claim_refuse(claim, err, "%s is the path %s instead of a value",
                             trigger_claim_name(claim, field), shown.data);
        return error_hint(err, "A path belongs into InputPathsMap; InputTemplate then names it in "
                               "angle brackets.");
    }
    return true;
}

bool trigger_claim_check_expanded(const struct claim *claim, struct error *err)
{
    for (size_t i = 0; i < CLAIM_FIELDS; i++) {
        if (claim->text[i] && !check_expanded(claim, (enum claim_field)i, err)) {
            return false;
        }
    }
    return true;
}
