#include "trigger/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum { SHOWN_MAX = 200, TIMEOUT_MAX_S = 3600, SLASHES_MAX = 8 };

#define AS_SENT "Pass the request whole, as CloudFormation sends it."

static const char *const type_names[] = {
    [TRIGGER_REQUEST_CREATE] = "Create",
    [TRIGGER_REQUEST_UPDATE] = "Update",
    [TRIGGER_REQUEST_DELETE] = "Delete",
    [TRIGGER_REQUEST_UNKNOWN] = NULL,
};

/* A request that is being read. */
struct reading {
    const struct claim *claim;
    const json_t *json;
    struct trigger_request *request;
};

static bool is_request(const json_t *value)
{
    return json_object_get(value, "RequestType") || json_object_get(value, "ResponseURL");
}

/* The request in the text of a Message, or NULL. */
static json_t *in_message(const json_t *notification)
{
    json_t *inner = NULL;
    struct error ignored;
    const char *text = json_text(notification, "Message");
    if (!text || !json_read(text, strlen(text), &inner, &ignored)) {
        return NULL;
    }
    if (is_request(inner)) {
        return inner;
    }
    json_decref(inner);
    return NULL;
}

json_t *trigger_request_find(json_t *event)
{
    if (is_request(event)) {
        return json_incref(event);
    }
    const json_t *records = json_object_get(event, "Records");
    const json_t *record = json_array_size(records) == 1 ? json_array_get(records, 0) : NULL;
    json_t *found = in_message(event);
    return found ? found : in_message(json_object_get(record, "Sns"));
}

void trigger_request_free(struct trigger_request *request)
{
    if (!request) {
        return;
    }
    secret_clear(&request->response_url);
    free(request->stack);
    free(request->request_id);
    free(request->logical_id);
    free(request->physical_id);
    free(request);
}

static void complain(const struct reading *reading, const char *hint, const char *format, ...)
    PRINTF(3, 4);

/* Keeps the first complaint only; the URL must be in none. */
static void complain(const struct reading *reading, const char *hint, const char *format, ...)
{
    struct error *wrong = &reading->request->wrong;
    if (wrong->kind != ERROR_NONE) {
        return;
    }
    char message[sizeof wrong->message];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    trigger_claim_refuse(reading->claim, wrong, "%s", message);
    error_hint(wrong, "%s", hint);
}

static bool is_plain(const char *text)
{
    size_t length = strlen(text);
    AUTO(buf) struct buf shown = buf_make(8 * length + 1);
    text_escape(&shown, text, length);
    return strcmp(shown.data, text) == 0;
}

/* Bytes of text as JSON writes it. */
static size_t written(const char *text)
{
    size_t length = 0;
    for (; *text; text++) {
        length += *text == '"' || *text == '\\' ? 2 : 1;
    }
    return length;
}

/* The member, where it is there and can be given back. */
static const char *take(const struct reading *reading, const char *key, size_t max, bool needed)
{
    const json_t *value = json_object_get(reading->json, key);
    const char *text = json_string_value(value);
    if (!value || json_is_null(value) || text_empty(text)) {
        bool absent = !value || json_is_null(value) || text;
        if (needed || !absent) {
            complain(reading, AS_SENT,
                     absent ? "the CloudFormation request has no %s"
                            : "%s of the CloudFormation request is no string",
                     key);
        }
        return NULL;
    }
    if (written(text) > max) {
        complain(reading, AS_SENT, "%s of the CloudFormation request has more than %zu bytes", key,
                 max);
        return NULL;
    }
    if (!is_plain(text)) {
        complain(reading, AS_SENT, "%s of the CloudFormation request has control characters", key);
        return NULL;
    }
    return text;
}

static void take_type(const struct reading *reading)
{
    const char *text = take(reading, "RequestType", SHOWN_MAX, true);
    reading->request->type = TRIGGER_REQUEST_UNKNOWN;
    if (!text) {
        return;
    }
    for (size_t i = 0; i < TRIGGER_REQUEST_UNKNOWN; i++) {
        if (strcmp(text, type_names[i]) == 0) {
            reading->request->type = (enum trigger_request_type)i;
            return;
        }
    }
    AUTO(buf) struct buf shown = buf_make(1024);
    trigger_claim_show(&shown, text);
    complain(reading, AS_SENT,
             "RequestType of the CloudFormation request is %s, and none of Create, Update, Delete",
             shown.data);
}

/* Copies the part of an ARN up to the next colon, and moves behind that. */
static char *next_part(const char **cursor)
{
    size_t length = strcspn(*cursor, ":");
    char *part = memory_text_n(*cursor, length);
    *cursor += length + ((*cursor)[length] == ':');
    return part;
}

/* arn:partition:cloudformation:region:account:stack/... */
static void take_stack(const struct reading *reading, struct claim *claim)
{
    struct error ignored;
    const char *text = take(reading, "StackId", TRIGGER_STACK_MAX, true);
    if (!text) {
        return;
    }
    reading->request->stack = memory_text(text);
    const char *cursor = text;
    AUTO(text) char *arn = next_part(&cursor);
    AUTO(text) char *partition = next_part(&cursor);
    AUTO(text) char *service = next_part(&cursor);
    claim->text[CLAIM_REGION] = next_part(&cursor);
    claim->text[CLAIM_ACCOUNT] = next_part(&cursor);
    bool good = strcmp(arn, "arn") == 0 && *partition && strcmp(service, "cloudformation") == 0 &&
                text_starts(cursor, "stack/") && *claim->text[CLAIM_REGION] &&
                *claim->text[CLAIM_ACCOUNT] && trigger_claim_check(claim, CLAIM_REGION, &ignored) &&
                trigger_claim_check(claim, CLAIM_ACCOUNT, &ignored);
    if (!good) {
        AUTO(buf) struct buf shown = buf_make(1024);
        trigger_claim_show(&shown, text);
        complain(reading, AS_SENT,
                 "StackId of the CloudFormation request is %s, which is not a stack's ARN",
                 shown.data);
    }
}

static void take_url(const struct reading *reading)
{
    static const char hint[] =
        "Without it nothing can be answered, and CloudFormation waits until its time-out. " AS_SENT;
    const char *text = json_text(reading->json, "ResponseURL");
    if (text_empty(text)) {
        complain(reading, hint, "the CloudFormation request has no ResponseURL");
    } else if (strlen(text) > TRIGGER_URL_MAX) {
        complain(reading, hint, "ResponseURL of the CloudFormation request has more than %d bytes",
                 TRIGGER_URL_MAX);
    } else {
        secret_set(&reading->request->response_url, text);
    }
}

/* Properties arrive as strings, whatever the template says. */
static void take_timeout(const struct reading *reading)
{
    const json_t *properties = json_object_get(reading->json, "ResourceProperties");
    const json_t *value = json_object_get(properties, "ServiceTimeout");
    const char *text = json_string_value(value);
    int64_t seconds = TIMEOUT_MAX_S;
    int64_t given = json_is_integer(value) ? json_integer_value(value) : 0;
    if ((text && text_integer(text, 1, TIMEOUT_MAX_S, &given)) ||
        (given >= 1 && given <= TIMEOUT_MAX_S)) {
        seconds = given;
    }
    reading->request->timeout_ms = seconds * 1000;
}

void trigger_request_read(struct claim *claim, const json_t *json)
{
    claim->request = memory_new(1, sizeof *claim->request);
    struct trigger_request *request = claim->request;
    const struct reading reading = {claim, json, request};
    take_url(&reading);
    struct error without_url = request->wrong;
    take_type(&reading);
    take_stack(&reading, claim);
    bool exists = request->type == TRIGGER_REQUEST_UPDATE;
    request->request_id = memory_text(take(&reading, "RequestId", TRIGGER_ID_MAX, true));
    request->logical_id = memory_text(take(&reading, "LogicalResourceId", TRIGGER_ID_MAX, true));
    request->physical_id =
        memory_text(take(&reading, "PhysicalResourceId", TRIGGER_PHYSICAL_MAX, exists));
    claim->text[CLAIM_ID] = memory_text(request->request_id);
    take_timeout(&reading);
    if (request->type == TRIGGER_REQUEST_DELETE) {
        /* Nothing is run for it, and a stack that cannot be deleted helps nobody. */
        request->wrong = without_url;
    }
}

const char *trigger_request_name(const struct trigger_request *request)
{
    return type_names[request->type];
}

void trigger_request_describe(const struct trigger_request *request, struct buf *out)
{
    const char *type = trigger_request_name(request);
    buf_format(out, "CloudFormation %s", type ? type : "request");
    if (request->logical_id) {
        buf_text(out, type ? " of " : " for ");
        text_escape_cut(out, request->logical_id, SHOWN_MAX);
    }
    if (request->stack) {
        buf_text(out, " in stack ");
        text_escape_cut(out, request->stack, SHOWN_MAX);
    }
}

/* How much of text stands for this letter, 0: nothing. JSON may write it as \u0052, and JSON in
 * JSON with more backslashes. */
static size_t spelt(const char *text, char letter)
{
    if (*text == letter) {
        return 1;
    }
    size_t slashes = 0;
    while (slashes < SLASHES_MAX && text[slashes] == '\\') {
        slashes++;
    }
    if (slashes == 0) {
        return 0;
    }
    char code[8];
    (void)snprintf(code, sizeof code, "u%04x", (unsigned)(unsigned char)letter);
    bool same = strncasecmp(text + slashes, code, strlen(code)) == 0;
    return same ? slashes + strlen(code) : 0;
}

bool trigger_holds_url(const char *text)
{
    static const char key[] = "ResponseURL";
    for (; text && *text; text++) {
        size_t found = 0;
        size_t length = 0;
        for (size_t step = 1; step && key[found]; found += step > 0, length += step) {
            step = spelt(text + length, key[found]);
        }
        if (!key[found]) {
            return true;
        }
    }
    return false;
}
