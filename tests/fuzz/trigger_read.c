/*
 * Events as they arrive: JSON, or, behind a "=" in front, one variable a line in the order of
 * struct trigger_input. Whatever comes, it is judged, and nothing a terminal obeys gets into a
 * message.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "trigger/trigger.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_shown(const char *text)
{
    AUTO(buf) struct buf again = buf_make((size_t)1 << 20);
    text_escape(&again, text, strlen(text));
    if (strcmp(again.data, text) != 0) {
        abort();
    }
}

static void check(const struct trigger_input *input)
{
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err = {0};
    if (!trigger_read(input, &trigger, &err)) {
        if (err.kind != ERROR_REFUSED || !*err.message || !*err.hint) {
            abort();
        }
        check_shown(err.message);
        check_shown(err.hint);
        return;
    }
    AUTO(buf) struct buf line = buf_make((size_t)1 << 20);
    trigger_describe(trigger, &line);
    check_shown(line.data);
    const struct trigger_request *request = trigger->request;
    bool ignored =
        trigger->kind == TRIGGER_OTHER || (request && request->type == TRIGGER_REQUEST_DELETE);
    if (line.length == 0 || ignored != (trigger->ignored != NULL) ||
        (request != NULL) != (trigger->kind == TRIGGER_CLOUDFORMATION)) {
        abort();
    }
    if (request && request->wrong.kind != ERROR_NONE) {
        check_shown(request->wrong.message);
    }
}

static void check_scalars(char *text)
{
    struct trigger_input input = {.scalars = true};
    const char **slots[] = {
        &input.detail_type,  &input.source,         &input.id,       &input.time,
        &input.account,      &input.region,         &input.pipeline, &input.execution_id,
        &input.state,        &input.attempt,        &input.version,  &input.stage,
        &input.schedule_arn, &input.scheduled_time,
    };
    for (size_t i = 0; i < COUNT(slots) && text; i++) {
        char *end = strchr(text, '\n');
        if (end) {
            *end++ = '\0';
        }
        *slots[i] = strcmp(text, "-") == 0 ? NULL : text; /* "-": not set */
        text = end;
    }
    check(&input);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    AUTO(text) char *copy = memory_text_n((const char *)data, size);
    if (size && data[0] == '=') {
        check_scalars(copy + 1);
        return 0;
    }
    struct trigger_input input = {.event = copy, .event_length = size, .event_name = "--event"};
    check(&input);
    return 0;
}
