/*
 * SNS: Publish, with its limits and its refusals in words that say what to do.
 */
#ifndef POSTLUDE_AWS_SNS_H
#define POSTLUDE_AWS_SNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/call.h"
#include "aws/endpoint.h"
#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

enum {
    AWS_SNS_MESSAGE_MAX = 262144, /* bytes of message and attributes together */
    AWS_SNS_SUBJECT_MAX = 99,
    AWS_SNS_GROUP_MAX = 128,
};

struct aws_sns_attribute {
    const char *name;
    const char *type; /* "String" or "Number" */
    const char *value;
};

struct aws_sns_message {
    const char *topic; /* ARN */
    const char *subject;
    const char *text;
    size_t text_length;
    const struct aws_sns_attribute *attributes;
    size_t attribute_count;
    const char *group, *deduplication; /* sent to FIFO topics only */
};

/* How often a call is tried; a zeroed member stands for its default. */
struct aws_sns_patience {
    int attempts;     /* 8 */
    int64_t pause_ms; /* 1000: the first pause's maximum */
};

struct aws_sns_receipt {
    char message_id[128];
    char request_id[128];
};

/* Whether text is the ARN of an SNS topic. ERROR_INVALID. */
MUST_CHECK bool aws_sns_topic_parse(const char *text, struct aws_arn *out_arn, struct error *err);
bool aws_sns_topic_is_fifo(const char *topic);

/* Publishes in the topic's own region. ERROR_DENIED or ERROR_INVALID: trying again does not help;
 * ERROR_UNREACHABLE: it did not work for as long as it was tried; ERROR_INTERRUPTED. The hint names
 * the right, setting or route that is missing. */
MUST_CHECK bool aws_sns_publish(struct aws *aws, const struct aws_sns_message *message,
                                const struct aws_sns_patience *patience, struct aws_limit *limit,
                                struct aws_sns_receipt *out_receipt, struct error *err);

/* Pure: appends the form body of a Publish. */
void aws_sns_body(const struct aws_sns_message *message, struct buf *out);

/* Pure: reads the answer to a Publish that was accepted. False when it has no MessageId. */
MUST_CHECK bool aws_sns_read_receipt(const struct aws_http_response *response,
                                     struct aws_sns_receipt *out_receipt);

/* Pure: puts into err the hint that fits its code, where there is one. `arn` is topic's. */
void aws_sns_advise(const char *topic, const struct aws_arn *arn,
                    const struct aws_endpoint *endpoint, struct error *err);

#endif
