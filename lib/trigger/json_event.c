#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "trigger/claim.h"
#include "trigger/malformed.h"
#include "trigger/request.h"

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

static bool wrong_type(const struct claim *claim, enum claim_field field, const json_t *value,
                       struct error *err)
{
    bool number = field == CLAIM_ATTEMPT || field == CLAIM_VERSION;
    trigger_claim_refuse(claim, err, "%s is %s where events have a %s",
                         trigger_claim_name(claim, field), type_name(value),
                         number ? "number" : "string");
    if (field == CLAIM_ACCOUNT) {
        return error_hint(err, "Write the account id in quotation marks: as a number it loses the "
                               "zeros that it may begin with.");
    }
    return error_hint(err, "Pass the event as EventBridge delivers it.");
}

/* null counts as absent. */
static bool take_text(struct claim *claim, enum claim_field field, const json_t *value,
                      struct error *err)
{
    if (!value || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value)) {
        return wrong_type(claim, field, value, err);
    }
    claim->text[field] = memory_text(json_string_value(value));
    return true;
}

static bool take_number(struct claim *claim, enum claim_field field, const json_t *value,
                        struct error *err)
{
    if (!json_is_number(value)) {
        return take_text(claim, field, value, err);
    }
    char text[64] = "";
    if (json_is_integer(value)) {
        (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        (void)snprintf(text, sizeof text, "%.17g", json_real_value(value));
    }
    claim->text[field] = memory_text(text);
    return true;
}

static bool take_envelope(struct claim *claim, const json_t *event, struct error *err)
{
    return take_text(claim, CLAIM_ID, json_object_get(event, "id"), err) &&
           take_text(claim, CLAIM_TIME, json_object_get(event, "time"), err) &&
           take_text(claim, CLAIM_ACCOUNT, json_object_get(event, "account"), err) &&
           take_text(claim, CLAIM_REGION, json_object_get(event, "region"), err);
}

static bool wrong_detail(const struct claim *claim, const json_t *detail, struct error *err)
{
    const char *text = json_string_value(detail);
    const char *at = NULL;
    size_t size = text ? trigger_claim_placeholder(text, strlen(text), &at) : 0;
    if (size && at == text) {
        trigger_claim_refuse(
            claim, err, "detail holds the placeholder %.*s, which was not replaced", (int)size, at);
        trigger_claim_placeholder_hint(at, size, err);
        return false;
    }
    trigger_claim_refuse(claim, err, "detail is %s where events have an object", type_name(detail));
    return error_hint(err, text ? "It was encoded as JSON twice: pass detail as an object."
                                : "Pass the event as EventBridge delivers it.");
}

static bool take_detail(struct claim *claim, const json_t *event, struct error *err)
{
    const json_t *detail = json_object_get(event, "detail");
    if (!detail) {
        trigger_claim_refuse(claim, err, "the event has no detail");
        return error_hint(err, "Pass the event as EventBridge delivers it, with every field.");
    }
    if (!json_is_object(detail)) {
        return wrong_detail(claim, detail, err);
    }
    return take_text(claim, CLAIM_PIPELINE, json_object_get(detail, "pipeline"), err) &&
           take_text(claim, CLAIM_EXECUTION_ID, json_object_get(detail, "execution-id"), err) &&
           take_text(claim, CLAIM_STATE, json_object_get(detail, "state"), err) &&
           take_text(claim, CLAIM_STAGE, json_object_get(detail, "stage"), err) &&
           take_number(claim, CLAIM_ATTEMPT, json_object_get(detail, "pipeline-execution-attempt"),
                       err) &&
           take_number(claim, CLAIM_VERSION, json_object_get(detail, "version"), err);
}

static bool take_schedule(struct claim *claim, const json_t *event, struct error *err)
{
    const json_t *rule = json_array_get(json_object_get(event, "resources"), 0);
    return take_text(claim, CLAIM_SCHEDULE, rule, err) &&
           take_text(claim, CLAIM_SCHEDULED_TIME, json_object_get(event, "time"), err);
}

/* Of an event that is to be ignored: what is a string, for the report. */
static void take_strings(struct claim *claim, const json_t *event)
{
    static const struct {
        const char *key;
        enum claim_field field;
        bool in_detail;
    } wanted[] = {
        {"id", CLAIM_ID, false},
        {"time", CLAIM_TIME, false},
        {"account", CLAIM_ACCOUNT, false},
        {"region", CLAIM_REGION, false},
        {"pipeline", CLAIM_PIPELINE, true},
        {"execution-id", CLAIM_EXECUTION_ID, true},
        {"state", CLAIM_STATE, true},
        {"stage", CLAIM_STAGE, true},
    };
    bool ours = strcmp(claim->text[CLAIM_SOURCE], "aws.codepipeline") == 0;
    const json_t *detail = json_object_get(event, "detail");
    for (size_t i = 0; i < COUNT(wanted); i++) {
        const char *text = json_text(wanted[i].in_detail ? detail : event, wanted[i].key);
        if (ours || !wanted[i].in_detail) {
            claim->text[wanted[i].field] = memory_text(text);
        }
    }
}

static bool take_event(struct claim *claim, const json_t *event, struct error *err)
{
    if (!take_text(claim, CLAIM_SOURCE, json_object_get(event, "source"), err) ||
        !take_text(claim, CLAIM_DETAIL_TYPE, json_object_get(event, "detail-type"), err) ||
        !trigger_claim_require(claim, CLAIM_SOURCE, err) ||
        !trigger_claim_require(claim, CLAIM_DETAIL_TYPE, err)) {
        return false;
    }
    switch (trigger_claim_topic(claim)) {
    case CLAIM_ABOUT_PIPELINE:
    case CLAIM_ABOUT_STAGE:
        return take_envelope(claim, event, err) && take_detail(claim, event, err);
    case CLAIM_ABOUT_SCHEDULE:
        return take_envelope(claim, event, err) && take_schedule(claim, event, err);
    case CLAIM_ABOUT_ACTION:
    case CLAIM_ABOUT_OTHERS:
        take_strings(claim, event);
        return true;
    }
    return false;
}

static bool is_envelope(const json_t *value)
{
    return json_object_get(value, "detail-type") ||
           (json_object_get(value, "source") && json_object_get(value, "detail") &&
            !json_object_get(value, "detailType"));
}

/* PowerShell writes files with a byte order mark. */
static size_t mark_length(const char *text, size_t length)
{
    return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool trigger_claim_from_json(const struct trigger_input *input, struct claim *claim,
                             struct error *err)
{
    size_t skip = mark_length(input->event, input->event_length);
    const char *text = input->event + skip;
    size_t length = input->event_length - skip;
    claim->origin = input->event_name ? input->event_name : "";
    if (input->event_length > TRIGGER_EVENT_MAX) {
        trigger_claim_refuse(claim, err,
                             "the event has %zu bytes, more than the 256 KiB an event can have",
                             input->event_length);
        return error_hint(err, "EventBridge delivers no event of this size: look what this is.");
    }
    AUTO(json) json_t *value = NULL;
    struct error why;
    if (!json_read(text, length, &value, &why)) {
        return trigger_malformed_text(claim, text, length, &why, err);
    }
    if (is_envelope(value)) {
        return take_event(claim, value, err);
    }
    AUTO(json) json_t *request = trigger_request_find(value);
    if (!request) {
        return trigger_malformed_json(claim, value, err);
    }
    trigger_request_read(claim, request);
    return true;
}
