#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "deliver/cloudformation.h"

enum { REASON_MAX = 16384, PART_MAX = 4096, URL_MAX = 1024 };

/* All properties of CloudFormation are strings. */
static void put_count(json_t *object, const char *key, size_t count)
{
    AUTO(buf) struct buf digits = buf_make(32);
    buf_format(&digits, "%zu", count);
    json_put(object, key, json_string(digits.data));
}

static bool is_success(const struct trigger_request *request, const struct outcome *outcome)
{
    return request->type == TRIGGER_REQUEST_DELETE || outcome_exit_code(outcome) == 0;
}

/* Another id on an Update would mean another resource, and bring a Delete for the former one. */
static json_t *physical_id(const struct trigger_request *request, const struct outcome *outcome)
{
    if (request->physical_id) {
        return json_safe(request->physical_id);
    }
    AUTO(buf) struct buf made = buf_make(128);
    buf_format(&made, "postlude%s%s", text_empty(outcome->plan) ? "" : "-",
               text_empty(outcome->plan) ? "" : outcome->plan);
    return json_safe(made.data);
}

/* What Fn::GetAtt can read. */
static json_t *data(const struct outcome *outcome)
{
    json_t *object = json_made(json_object());
    json_put(object, "Outcome", json_string(outcome_name(outcome)));
    json_put(object, "RunId", json_safe(outcome->run_id));
    put_count(object, "Applied", outcome->applied_count);
    put_count(object, "AlreadyApplied", outcome->already_applied);
    put_count(object, "Pending", outcome->pending_count);
    return object;
}

/* For the stack's events: no detail and no statement, which can hold rows. The tail is what leads
 * to the rest, and stays when the reason is cut. */
static void add_reason(const struct outcome *outcome, struct buf *out, struct buf *tail)
{
    const struct error *error = &outcome->error;
    bool failed = outcome->kind == OUTCOME_ERROR;
    outcome_summary(outcome, out);
    AUTO(buf) struct buf message = buf_make(REASON_MAX);
    text_escape_cut(&message, failed ? error->message : "", PART_MAX);
    if (failed && !strstr(out->data, message.data)) {
        buf_format(out, ": %s", message.data);
    }
    if (failed && *error->hint) {
        bool ended = out->length > 0 && out->data[out->length - 1] == '.';
        buf_text(out, ended ? " " : ". ");
        text_escape_cut(out, error->hint, PART_MAX);
    }
    buf_format(tail, " (run %s", outcome->run_id);
    if (outcome->log_url) {
        buf_text(tail, ", ");
        text_escape_cut(tail, outcome->log_url, URL_MAX);
    }
    buf_char(tail, ')');
}

static json_t *answer(const struct trigger_request *request, const struct outcome *outcome)
{
    json_t *object = json_made(json_object());
    json_put(object, "Status", json_string(is_success(request, outcome) ? "SUCCESS" : "FAILED"));
    json_put(object, "Reason", json_string(""));
    json_put(object, "PhysicalResourceId", physical_id(request, outcome));
    json_put(object, "StackId", json_safe(request->stack ? request->stack : ""));
    json_put(object, "RequestId", json_safe(request->request_id ? request->request_id : ""));
    json_put(object, "LogicalResourceId",
             json_safe(request->logical_id ? request->logical_id : ""));
    json_put(object, "Data", data(outcome));
    return object;
}

/* Writes the answer with the first `length` bytes of the reason. */
static void write_cut(json_t *object, const struct buf *reason, size_t length,
                      const struct buf *tail, struct buf *out)
{
    AUTO(buf) struct buf whole = buf_make((size_t)2 * REASON_MAX);
    buf_add(&whole, reason->data, length);
    buf_text(&whole, length < reason->length ? "..." : "");
    buf_text(&whole, tail->data);
    json_put(object, "Reason", json_safe(whole.data));
    buf_truncate(out, 0);
    json_write(object, out);
}

void deliver_answer_render(const struct trigger_request *request, const struct outcome *outcome,
                           struct buf *out)
{
    AUTO(json) json_t *object = answer(request, outcome);
    AUTO(buf) struct buf reason = buf_make(REASON_MAX);
    AUTO(buf) struct buf tail = buf_make(REASON_MAX);
    AUTO(buf) struct buf text = buf_make((size_t)16 * REASON_MAX);
    add_reason(outcome, &reason, &tail);
    size_t length = reason.length;
    write_cut(object, &reason, length, &tail, &text);
    while (text.length > DELIVER_ANSWER_MAX && length > 0) {
        size_t over = text.length - DELIVER_ANSWER_MAX;
        length = text_cut(reason.data, reason.length, length > over ? length - over : 0);
        write_cut(object, &reason, length, &tail, &text);
    }
    buf_add(out, text.data, text.length);
}
