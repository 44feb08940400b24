/*
 * Cases are blocks in cases/: "== name", the input, then what comes of it. Input lines are
 *   > text      a line of the event; \0 and \xNN stand for bytes
 *   NAME=value  a variable, or ON_ECS, REASON, BY
 * and the lines after them, which begin with "= ", are the expectation. GOLDEN=write rewrites
 * those.
 */
#include "trigger/trigger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "check.h"

static const char *const origin = "POSTLUDE_EVENT";

struct block {
    struct trigger_input input;
    struct buf event;
    char values[24][2048];
    size_t value_count;
};

static const char **slot(struct trigger_input *input, const char *name)
{
    const struct {
        const char *name;
        const char **slot;
    } slots[] = {
        {"POSTLUDE_EVENT_DETAIL_TYPE", &input->detail_type},
        {"POSTLUDE_EVENT_SOURCE", &input->source},
        {"POSTLUDE_EVENT_ID", &input->id},
        {"POSTLUDE_EVENT_TIME", &input->time},
        {"POSTLUDE_EVENT_ACCOUNT", &input->account},
        {"POSTLUDE_EVENT_REGION", &input->region},
        {"POSTLUDE_EVENT_PIPELINE", &input->pipeline},
        {"POSTLUDE_EVENT_EXECUTION_ID", &input->execution_id},
        {"POSTLUDE_EVENT_STATE", &input->state},
        {"POSTLUDE_EVENT_ATTEMPT", &input->attempt},
        {"POSTLUDE_EVENT_VERSION", &input->version},
        {"POSTLUDE_EVENT_STAGE", &input->stage},
        {"POSTLUDE_SCHEDULE_ARN", &input->schedule_arn},
        {"POSTLUDE_SCHEDULED_TIME", &input->scheduled_time},
        {"REASON", &input->reason},
        {"BY", &input->by},
    };
    for (size_t i = 0; i < COUNT(slots); i++) {
        if (strcmp(name, slots[i].name) == 0) {
            return slots[i].slot;
        }
    }
    fail_msg("no input is called %s", name);
    return &input->reason;
}

static void take_line(struct block *block, char *line)
{
    if (text_starts(line, "> ") || strcmp(line, ">") == 0) {
        if (block->input.event) {
            buf_char(&block->event, '\n');
        }
        block->input.event = "";
        for (const char *at = line + (line[1] ? 2 : 1); *at; at++) {
            unsigned byte = 0;
            if (text_starts(at, "\\x") && at[2] && at[3]) {
                char hex[3] = {at[2], at[3], '\0'};
                byte = (unsigned)strtoul(hex, NULL, 16);
                at += 3;
                buf_char(&block->event, (char)byte);
            } else {
                buf_char(&block->event, *at);
            }
        }
        return;
    }
    char *equals = strchr(line, '=');
    assert_non_null(equals);
    *equals = '\0';
    if (strcmp(line, "ON_ECS") == 0) {
        block->input.on_ecs = true;
        return;
    }
    assert_true(block->value_count < COUNT(block->values));
    char *value = block->values[block->value_count++];
    text_copy(value, sizeof block->values[0], equals + 1);
    *slot(&block->input, line) = value;
    block->input.scalars = block->input.scalars || text_starts(line, "POSTLUDE_");
}

static void tell(struct buf *out, const char *name, const char *value)
{
    if (value) {
        buf_format(out, "= %s ", name);
        text_escape(out, value, strlen(value));
        buf_char(out, '\n');
    }
}

static void tell_request(const struct trigger_request *request, struct buf *out)
{
    tell(out, "type", trigger_request_name(request));
    tell(out, "stack", request->stack);
    tell(out, "request", request->request_id);
    tell(out, "logical", request->logical_id);
    tell(out, "physical", request->physical_id);
    buf_format(out, "= waits %" PRId64 " s%s\n", request->timeout_ms / 1000,
               secret_is_set(&request->response_url) ? ", has a URL" : "");
    if (request->wrong.kind != ERROR_NONE) {
        assert_int_equal(request->wrong.kind, ERROR_REFUSED);
        tell(out, "wrong", request->wrong.message);
        tell(out, "hint", request->wrong.hint);
    }
}

static void tell_trigger(const struct trigger *trigger, struct buf *out)
{
    char time[CLOCK_TEXT_SIZE] = "";
    AUTO(buf) struct buf line = buf_make(8192);
    tell(out, "is", trigger_name(trigger->kind));
    tell(out, "ignored:", trigger->ignored);
    tell(out, "pipeline", trigger->pipeline);
    tell(out, "stage", trigger->stage);
    tell(out, "execution", trigger->execution_id);
    tell(out, "state", trigger->state);
    buf_format(out, "= attempt %" PRId64 " version %" PRId64 "%s\n", trigger->attempt,
               trigger->version, trigger_has_key(trigger) ? " with key" : "");
    if (trigger->time_ms >= 0) {
        clock_format(trigger->time_ms, time);
        tell(out, "time", time);
    }
    tell(out, "id", trigger->event_id);
    tell(out, "account", trigger->account);
    tell(out, "region", trigger->region);
    tell(out, "schedule", trigger->schedule);
    tell(out, "due", trigger->scheduled_time);
    tell(out, "reason", trigger->reason);
    tell(out, "by", trigger->by);
    if (trigger->request) {
        tell_request(trigger->request, out);
    }
    trigger_describe(trigger, &line);
    tell(out, "described:", line.data);
}

static void run(struct block *block, struct buf *out)
{
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err = {0};
    if (block->input.event) {
        block->input.event = block->event.data;
        block->input.event_length = block->event.length;
        block->input.event_name = origin;
    }
    if (trigger_read(&block->input, &trigger, &err)) {
        assert_int_equal(err.kind, ERROR_NONE);
        tell_trigger(trigger, out);
        return;
    }
    assert_null(trigger);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_true(*err.hint);
    tell(out, "refused", *err.where ? err.where : NULL);
    tell(out, *err.where ? "       " : "refused", err.message);
    tell(out, "hint", err.hint);
}

/* Replays the file's blocks into *out, which is then the file as it should be. */
static void replay(char *text, struct buf *out)
{
    struct block block = {0};
    bool open = false;
    for (char *line = text, *next = NULL; line; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        bool ends = !*line || text_starts(line, "= ") || text_starts(line, "==");
        if (open && ends && block.event.data) {
            run(&block, out);
            buf_free(&block.event);
            block = (struct block){0};
            open = false;
        }
        if (text_starts(line, "= ")) {
            continue;
        }
        if (text_starts(line, "== ")) {
            open = true;
            block.event = buf_make((size_t)4 * 1024 * 1024);
        }
        if (next || *line) {
            buf_format(out, "%s\n", line);
        }
        if (open && !text_starts(line, "== ")) {
            take_line(&block, line);
        }
    }
}

static void check_file(const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/cases/%s", getenv("TEST_DATA"), name);
    struct error err;
    AUTO(buf) struct buf before = buf_make((size_t)4 * 1024 * 1024);
    AUTO(buf) struct buf after = buf_make((size_t)4 * 1024 * 1024);
    assert_true(file_read(path, &before, &err));
    AUTO(buf) struct buf copy = buf_make((size_t)4 * 1024 * 1024);
    buf_add(&copy, before.data, before.length);
    replay(copy.data, &after);
    const char *golden = getenv("GOLDEN");
    if (golden && strcmp(golden, "write") == 0) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(after.data, 1, after.length, file), after.length);
        assert_int_equal(fclose(file), 0);
        return;
    }
    assert_string_equal(after.data, before.data);
}

static void judges_events(void **state)
{
    (void)state;
    check_file("events.txt");
}

static void names_the_mistake(void **state)
{
    (void)state;
    check_file("malformed.txt");
}

static void reads_requests(void **state)
{
    (void)state;
    check_file("requests.txt");
}

static void judges_variables(void **state)
{
    (void)state;
    check_file("variables.txt");
}

static void judges_runs_by_hand(void **state)
{
    (void)state;
    check_file("by_hand.txt");
}

static void refused(const char *text, size_t length, const char *said)
{
    struct trigger_input input = {.event = text, .event_length = length, .event_name = "--event"};
    struct trigger *trigger = NULL;
    struct error err = {0};
    assert_false(trigger_read(&input, &trigger, &err));
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_non_null(strstr(err.message, said));
    assert_true(*err.hint);
}

static void limits_size(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make((size_t)1024 * 1024);
    buf_text(&text,
             "{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\",\"detail\":{},\"x\":\"");
    while (text.length < TRIGGER_EVENT_MAX - 2) {
        buf_char(&text, 'x');
    }
    buf_text(&text, "\"}");
    struct trigger_input input = {.event = text.data, .event_length = text.length};
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err;
    assert_int_equal(text.length, TRIGGER_EVENT_MAX);
    assert_true(trigger_read(&input, &trigger, &err));
    assert_int_equal(trigger->kind, TRIGGER_OTHER);
    buf_char(&text, ' ');
    refused(text.data, text.length, "more than the 256 KiB");
}

static void limits_depth(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make((size_t)1024 * 1024);
    buf_text(&text, "{\"detail\":");
    for (int i = 0; i < 100000; i++) {
        buf_char(&text, '[');
    }
    refused(text.data, text.length, "nested more than 32 levels deep");
}

static void refuses_nul(void **state)
{
    (void)state;
    static const char raw[] = "{\"source\":\"aws\0\",\"detail-type\":\"x\"}";
    refused(raw, sizeof raw - 1, "not readable as JSON");
    static const char escaped[] = "{\"source\":\"aws\\u0000\",\"detail-type\":\"x\"}";
    refused(escaped, sizeof escaped - 1, "not readable as JSON");
    static const char key[] = "{\"sou\\u0000rce\":\"aws\",\"detail-type\":\"x\"}";
    refused(key, sizeof key - 1, "not readable as JSON");
}

/* Every prefix of an event is judged without reading past its end. */
static void bears_prefixes(void **state)
{
    (void)state;
    static const char event[] =
        "{\"version\":\"0\",\"detail-type\":\"CodePipeline Pipeline Execution State Change\","
        "\"source\":\"aws.codepipeline\",\"time\":\"2031-03-14T09:26:53Z\",\"detail\":{"
        "\"pipeline\":\"p\",\"execution-id\":\"5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18\","
        "\"state\":\"SUCCEEDED\",\"version\":6.0}}";
    for (size_t length = 0; length < sizeof event - 1; length++) {
        char *exact = malloc(length + 1);
        assert_non_null(exact);
        char *behind = memcpy(exact + 1, event, length);
        refused(behind, length, "the event");
        free(exact);
    }
}

static void cuts_reasons(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make(8192);
    for (int i = 0; i < 600; i++) {
        buf_text(&text, "\xc3\xa9");
    }
    struct trigger_input input = {.reason = text.data, .by = text.data};
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err;
    assert_true(trigger_read(&input, &trigger, &err));
    assert_int_equal(strlen(trigger->reason), 1000);
    assert_int_equal(strlen(trigger->by), 1000);
}

static void never_shows_the_response_url(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "{\"RequestType\":\"Create\",\"ResponseURL\":\"https://s3/SIGNED\"}",
        "{\"ResponseURL\":\"https://s3/SIGNED\"}",
        "{\"RequestType\":\"Create\",\"ResponseURL\":\"https://s3/SIGNED\"",
        "{\"RequestType\":\"Create\",\"ResponseURL\":https://s3/SIGNED}",
        "{\"RequestType\":\"Create\",\"ResponseURL\":\"https://s3/SIGNED\"]}",
        "{\"ResponseURL\":\"https://s3/SIGNED\",\"ResponseURL\":\"https://s3/SIGNED\"}",
        "{RequestType:Create,ResponseURL:https://s3/SIGNED}",
        "{\"Type\":\"Notification\",\"Message\":\"ResponseURL https://s3/SIGNED\"}",
        "x{\"ResponseURL\":\"https://s3/SIGNED\"}",
        "\"{\\\"ResponseURL\\\":\\\"https://s3/SIGNED\\\"}\"",
        "{\"Response\\u0055RL\":\"https://s3/SIGNED\"",
        "x{\"\\u0052\\u0065\\u0073ponse\\u0055R\\u004C\":\"https://s3/SIGNED\"}",
        "\"{\\\"\\\\u0052esponseUR\\\\u004c\\\":\\\"https://s3/SIGNED\\\"}\"",
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct trigger_input input = {
            .event = requests[i], .event_length = strlen(requests[i]), .event_name = "--event"};
        AUTO(trigger) struct trigger *trigger = NULL;
        struct error err = {0};
        assert_true(trigger_holds_url(requests[i]));
        if (trigger_read(&input, &trigger, &err)) {
            AUTO(buf) struct buf line = buf_make(4096);
            trigger_describe(trigger, &line);
            assert_null(strstr(line.data, "SIGNED"));
            err = trigger->request->wrong;
        }
        assert_int_equal(err.kind, ERROR_REFUSED);
        assert_null(strstr(err.message, "SIGNED"));
        assert_null(strstr(err.hint, "SIGNED"));
        assert_null(strstr(err.where, "SIGNED"));
    }
}

static void check_length(const char *key, const char *unit, size_t count, bool good)
{
    static const char *const others[] = {"StackId", "RequestId", "LogicalResourceId",
                                         "PhysicalResourceId", "ResponseURL"};
    AUTO(buf) struct buf text = buf_make((size_t)1 << 20);
    buf_text(&text, "{\"RequestType\":\"Update\"");
    for (size_t i = 0; i < COUNT(others); i++) {
        bool here = strcmp(others[i], key) == 0;
        buf_format(&text, ",\"%s\":\"%s", others[i],
                   strcmp(others[i], "StackId") == 0
                       ? "arn:aws:cloudformation:eu-west-3:210987654321:stack/"
                       : "");
        for (size_t j = 0; j < (here ? count : 1); j++) {
            buf_text(&text, here ? unit : "x");
        }
        buf_char(&text, '"');
    }
    buf_char(&text, '}');
    struct trigger_input input = {.event = text.data, .event_length = text.length};
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err;
    assert_true(trigger_read(&input, &trigger, &err));
    assert_int_equal(trigger->request->wrong.kind, good ? ERROR_NONE : ERROR_REFUSED);
}

/* An answer has 4096 bytes for all of them and its own words. */
static void limits_what_is_given_back(void **state)
{
    (void)state;
    size_t arn = strlen("arn:aws:cloudformation:eu-west-3:210987654321:stack/");
    check_length("StackId", "x", 1024 - arn, true);
    check_length("StackId", "x", 1025 - arn, false);
    check_length("RequestId", "x", 255, true);
    check_length("RequestId", "x", 256, false);
    check_length("LogicalResourceId", "x", 255, true);
    check_length("LogicalResourceId", "x", 256, false);
    check_length("PhysicalResourceId", "\xc3\xa9", 512, true);
    check_length("PhysicalResourceId", "\xc3\xa9", 513, false);
    check_length("PhysicalResourceId", "\\\"", 512, true);
    check_length("PhysicalResourceId", "\\\"", 513, false);
    check_length("ResponseURL", "x", 8192, true);
    check_length("ResponseURL", "x", 8193, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_mistake),   cmocka_unit_test(judges_variables),
        cmocka_unit_test(judges_runs_by_hand), cmocka_unit_test(judges_events),
        cmocka_unit_test(limits_size),         cmocka_unit_test(limits_depth),
        cmocka_unit_test(refuses_nul),         cmocka_unit_test(bears_prefixes),
        cmocka_unit_test(cuts_reasons),        cmocka_unit_test(never_shows_the_response_url),
        cmocka_unit_test(reads_requests),      cmocka_unit_test(limits_what_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
