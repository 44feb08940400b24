#include "deliver/message.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char group_marks[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

static void add_attribute(struct deliver_message *message, const char *name, const char *type,
                          const char *value)
{
    if (text_empty(value)) {
        return;
    }
    char *kept = message->values[message->attribute_count];
    AUTO(buf) struct buf shown = buf_make((size_t)8 * DELIVER_VALUE_SIZE);
    size_t length = strlen(value);
    text_escape(&shown, value, length < DELIVER_VALUE_SIZE ? length : DELIVER_VALUE_SIZE - 1);
    text_copy(kept, DELIVER_VALUE_SIZE, shown.data);
    deliver_replace(kept, strlen(kept));
    message->attributes[message->attribute_count++] =
        (struct aws_sns_attribute){.name = name, .type = type, .value = kept};
}

static void add_attributes(const struct outcome *outcome, struct deliver_message *message)
{
    char exit_code[16];
    (void)snprintf(exit_code, sizeof exit_code, "%d", outcome_exit_code(outcome));
    add_attribute(message, "outcome", "String", outcome_name(outcome));
    add_attribute(message, "exit_code", "Number", exit_code);
    add_attribute(message, "plan", "String", outcome->plan);
    add_attribute(message, "trigger", "String", outcome->trigger_kind);
    add_attribute(message, "pipeline", "String", outcome->pipeline);
    if (outcome->late) {
        add_attribute(message, "late", "String", "true");
    }
}

/* Letters, digits and punctuation, at most 128 of them: all that SNS takes as a group. */
static void set_group(const char *plan, char out_group[AWS_SNS_GROUP_MAX + 1])
{
    size_t length = 0;
    for (const char *at = plan; *at && length < AWS_SNS_GROUP_MAX; at++) {
        char c = *at;
        bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        out_group[length++] = (char)(word || strchr(group_marks, c) ? c : '_');
    }
    out_group[length] = '\0';
}

static size_t size_of_rest(const struct deliver_message *message)
{
    size_t size = strlen(message->subject);
    for (size_t i = 0; i < message->attribute_count; i++) {
        const struct aws_sns_attribute *attribute = &message->attributes[i];
        size += strlen(attribute->name) + strlen(attribute->type) + strlen(attribute->value);
    }
    return size;
}

void deliver_message_make(const struct outcome *outcome, const struct deliver_target *target,
                          struct deliver_message *out_message)
{
    *out_message = (struct deliver_message){.text = buf_make(AWS_SNS_MESSAGE_MAX)};
    deliver_subject(outcome, target->subject, out_message->subject);
    add_attributes(outcome, out_message);
    set_group(text_empty(outcome->plan) ? "postlude" : outcome->plan, out_message->group);
    (void)snprintf(out_message->deduplication, sizeof out_message->deduplication, "%s-%s",
                   outcome->run_id, outcome_name(outcome));
    deliver_render(outcome, target, AWS_SNS_MESSAGE_MAX - size_of_rest(out_message),
                   &out_message->text);
}

void deliver_message_clear(struct deliver_message *message)
{
    buf_free(&message->text);
}
