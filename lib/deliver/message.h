/*
 * An outcome as an SNS message: text, subject, attributes, ids. Pure.
 */
#ifndef POSTLUDE_DELIVER_MESSAGE_H
#define POSTLUDE_DELIVER_MESSAGE_H

#include "aws/sns.h"
#include "base/attr.h"
#include "base/buf.h"
#include "deliver/deliver.h"

enum { DELIVER_ATTRIBUTES_MAX = 6, DELIVER_VALUE_SIZE = 257 };

struct deliver_message {
    struct buf text;
    char subject[AWS_SNS_SUBJECT_MAX + 1];
    struct aws_sns_attribute attributes[DELIVER_ATTRIBUTES_MAX];
    char values[DELIVER_ATTRIBUTES_MAX][DELIVER_VALUE_SIZE];
    size_t attribute_count;
    char group[AWS_SNS_GROUP_MAX + 1];
    char deduplication[AWS_SNS_GROUP_MAX + 1];
};

/* All of it, within what SNS takes. The caller clears it. */
void deliver_message_make(const struct outcome *outcome, const struct deliver_target *target,
                          struct deliver_message *out_message);
void deliver_message_clear(struct deliver_message *message);

/* The report in the target's format, cut to max bytes, 32 KiB or more. JSON stays valid: lists
 * shrink to their first entries, then hint, detail, statement and message of the error are cut;
 * "truncated" says what is missing. */
void deliver_render(const struct outcome *outcome, const struct deliver_target *target, size_t max,
                    struct buf *out);
/* U+FFFE and U+FFFF are UTF-8, but SNS refuses a message that has them: puts U+FFFD, which is as
 * long, in their place. */
void deliver_replace(char *text, size_t length);
/* Shrinks a report in place until it is at most max bytes as text. */
void deliver_shrink(json_t *report, size_t max);

/* One line of printable ASCII that begins with a letter or digit, never empty; of a late report
 * with "late: ". */
void deliver_subject(const struct outcome *outcome, const char *prefix,
                     char out_subject[AWS_SNS_SUBJECT_MAX + 1]);

static inline void deliver_message_auto_(struct deliver_message *message)
{
    deliver_message_clear(message);
}

#endif
