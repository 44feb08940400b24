#include "trigger/malformed.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define PASS_FIELDS                                                                                \
    "pass the event's fields with an InputTransformer as POSTLUDE_EVENT_PIPELINE, "                \
    "POSTLUDE_EVENT_EXECUTION_ID, POSTLUDE_EVENT_STATE and so on."

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(const char *text, size_t length, size_t at)
{
    while (at < length && is_blank(text[at])) {
        at++;
    }
    return at;
}

static char at_or_nul(const char *text, size_t length, size_t at)
{
    if (at >= length) {
        return '\0';
    }
    return text[at];
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A placeholder where JSON has a value: at the start, or behind a colon, comma or bracket. */
static size_t bare_placeholder(const char *text, size_t length, const char **out_at)
{
    size_t from = 0;
    size_t size = 0;
    while ((size = trigger_claim_placeholder(text + from, length - from, out_at))) {
        size_t at = (size_t)(*out_at - text);
        size_t before = at;
        while (before > 0 && (is_blank(text[before - 1]) || text[before - 1] == '"')) {
            before--;
        }
        size_t behind = skip_blanks(text, length, at + size);
        behind += at_or_nul(text, length, behind) == '"' ? 1 : 0;
        bool ends = behind >= length || strchr(",}] \n", text[behind]);
        if (ends && (before == 0 || strchr(":,[", text[before - 1]))) {
            return size;
        }
        from = at + 1;
    }
    return 0;
}

static bool say(const struct claim *claim, struct error *err, const char *message, const char *hint)
{
    trigger_claim_refuse(claim, err, "%s", message);
    return error_hint(err, "%s", hint);
}

/* Quotes that were stripped, doubled or of the wrong kind. Whether it was one of them. */
static bool quotes(const struct claim *claim, const char *text, size_t length, struct error *err)
{
    size_t at = skip_blanks(text, length, 0);
    char first = at_or_nul(text, length, at);
    size_t inner = skip_blanks(text, length, at + 1);
    char second = at_or_nul(text, length, inner);
    if (first == '{' && letter(second)) {
        say(claim, err, "the event is not JSON: its quotation marks are missing",
            "EventBridge takes them out when InputTemplate is a string that holds the whole event. "
            "No template gets a whole event into one variable: " PASS_FIELDS);
    } else if (first == '{' && second == '\\') {
        say(claim, err, "the event is not JSON: its quotation marks are escaped (\\\")",
            "It was encoded twice on the way, as wrappers around rules do: take one layer of "
            "encoding out.");
    } else if (first == '"') {
        say(claim, err, "the event is a JSON string instead of an object",
            "It was encoded twice on the way, as wrappers around rules do: take one layer of "
            "encoding out.");
    } else if (first == '\'' || (first == '{' && second == '\'')) {
        say(claim, err, "the event is not JSON: it has single quotes",
            "JSON has double quotes. A shell takes outer single quotes away, but an env file or a "
            "task definition keeps them.");
    } else {
        return false;
    }
    return true;
}

/* Where in the text, as the reader said. */
static void place(const struct claim *claim, const struct error *why, struct error *err)
{
    if (*why->where) {
        error_where(err, "%s%s%s", claim->origin, *claim->origin ? ", " : "", why->where);
    }
}

/* What the reader said; the text near the place is left out of a request that holds a signed URL.
 */
static void unreadable(const struct claim *claim, const char *text, size_t length,
                       const struct error *why, struct error *err)
{
    const char *near = strstr(why->message, " near '");
    bool secret = memmem(text, length, "ResponseURL", 11);
    size_t shown = secret && near ? (size_t)(near - why->message) : strlen(why->message);
    trigger_claim_refuse(claim, err, "the event is not readable as JSON: %.*s", (int)shown,
                         why->message);
    place(claim, why, err);
    if (strstr(why->message, "duplicate")) {
        error_hint(err, "An event has each key once: look who put this together.");
    } else if (memchr(text, '\0', length) || strstr(why->message, "\\u0000")) {
        error_hint(err, "An event holds no NUL character: look who put this together.");
    } else {
        error_hint(err, "Pass one JSON object, as EventBridge delivers it.");
    }
}

bool trigger_malformed_text(const struct claim *claim, const char *text, size_t length,
                            const struct error *why, struct error *err)
{
    size_t start = skip_blanks(text, length, 0);
    size_t end = length;
    while (end > start && is_blank(text[end - 1])) {
        end--;
    }
    const char *at = NULL;
    size_t size = bare_placeholder(text, length, &at);
    if (start == end) {
        return say(claim, err, "the event is empty",
                   "EventBridge writes an empty value for a path that the event does not have: "
                   "correct the rule's InputPathsMap. For a run by hand leave the variable unset.");
    }
    if (size) {
        trigger_claim_refuse(claim, err,
                             "the event holds the placeholder %.*s, which was not replaced",
                             (int)size, at);
        trigger_claim_placeholder_hint(at, size, err);
        return false;
    }
    if (quotes(claim, text, length, err)) {
        return false;
    }
    if (end - start >= 7 && memcmp(text + start, "[object", 7) == 0) {
        return say(claim, err, "the event is a JavaScript object's name instead of its JSON",
                   "Pass JSON.stringify(event).");
    }
    if (strstr(why->message, "premature end") || strstr(why->message, "near end of file")) {
        trigger_claim_refuse(claim, err, "the event ends in the middle, after %zu bytes", length);
        return error_hint(err, "The overrides of a RunTask take 8192 characters in all; to pass "
                               "less, " PASS_FIELDS);
    }
    unreadable(claim, text, length, why, err);
    return false;
}

/* What else people pass, by keys that it has. */
static const struct {
    const char *keys[2];
    const char *message;
    const char *hint;
} shapes[] = {
    {{"notificationRuleArn"},
     "the event is a notification of a CodePipeline notification rule, not an EventBridge event",
     "Start the task from an EventBridge rule; notification rules are for people."},
    {{"additionalAttributes"},
     "the event is a notification of a CodePipeline notification rule, not an EventBridge event",
     "Start the task from an EventBridge rule; notification rules are for people."},
    {{"detailType", "detail"},
     "the event has detailType where EventBridge events have detail-type",
     "Pass the event as EventBridge delivers it; something on the way renamed its keys."},
    {{"detailType"},
     "the event has detailType and no detail",
     "That is what <aws.events.event> gives, which leaves detail out: " PASS_FIELDS},
    {{"DetailType", "Detail"},
     "the event is an entry for PutEvents, not an event",
     "Pass the event as EventBridge delivers it, with detail-type, source and detail."},
    {{"Type", "Message"},
     "the event is an SNS notification with something in its Message",
     "Take the event out of Message (raw message delivery does), or start the task from the "
     "EventBridge rule without the topic between."},
    {{"Records"},
     "the event is a batch of Records, as SQS, SNS and S3 hand to a Lambda function",
     "Pass one EventBridge event: the body of a record, or better, start the task from the "
     "EventBridge rule."},
    {{"CodePipeline.job"},
     "the event is a job of a pipeline's Lambda action, not an EventBridge event",
     "Start the task from an EventBridge rule on the pipeline's state."},
    {{"containerOverrides"},
     "the event is a task override, not an EventBridge event",
     "containerOverrides is for RunTask and the rule's target; put only the event into the "
     "variable."},
    {{"pipelineExecution"},
     "the event is an answer of GetPipelineExecution, not an EventBridge event",
     "Pass the event as EventBridge delivers it."},
    {{"execution-id", "state"},
     "the event is only the detail of an EventBridge event",
     "The rule has InputPath \"$.detail\": take it out, or " PASS_FIELDS},
};

static bool top_placeholder(const struct claim *claim, json_t *value, struct error *err)
{
    for (void *iter = json_object_iter(value); iter; iter = json_object_iter_next(value, iter)) {
        const char *text = json_string_value(json_object_iter_value(iter));
        const char *at = NULL;
        size_t size = text ? trigger_claim_placeholder(text, strlen(text), &at) : 0;
        if (size && at == text && !text[size]) {
            trigger_claim_refuse(claim, err,
                                 "the event holds the placeholder %.*s, which was not replaced",
                                 (int)size, at);
            trigger_claim_placeholder_hint(at, size, err);
            return true;
        }
    }
    return false;
}

static bool has_keys(const json_t *value, const char *const keys[2])
{
    return json_object_get(value, keys[0]) && (!keys[1] || json_object_get(value, keys[1]));
}

bool trigger_malformed_json(const struct claim *claim, json_t *value, struct error *err)
{
    if (json_is_array(value)) {
        return say(claim, err, "the event is a JSON array instead of an object",
                   "EventBridge Pipes and queues deliver batches: pass one event, not a list.");
    }
    for (size_t i = 0; i < COUNT(shapes); i++) {
        if (has_keys(value, shapes[i].keys)) {
            return say(claim, err, shapes[i].message, shapes[i].hint);
        }
    }
    if (top_placeholder(claim, value, err)) {
        return false;
    }
    return say(claim, err, "not an EventBridge event: it has neither detail-type nor detail",
               "Pass the event as EventBridge delivers it, with source, detail-type and detail; "
               "from a rule, " PASS_FIELDS);
}
