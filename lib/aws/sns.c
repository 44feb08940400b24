#include "aws/sns.h"

#include <string.h>

#include "aws/url.h"
#include "base/text.h"

enum {
    ATTEMPTS = 8,
    PAUSE_MS = 1000,
    TIMEOUT_MS = 10000,
    /* Every byte may become three. */
    BODY_MAX = 4 * AWS_SNS_MESSAGE_MAX,
    ANSWER_MAX = 65536,
};

bool aws_sns_topic_parse(const char *text, struct aws_arn *out_arn, struct error *err)
{
    struct aws_arn arn;
    if (!aws_arn_parse(text, &arn, err)) {
        return false;
    }
    if (strcmp(arn.service, "sns") != 0 || strpbrk(arn.resource, ":/")) {
        error_set(err, ERROR_INVALID, "not the ARN of an SNS topic");
        return error_hint(err, "A topic's ARN reads arn:aws:sns:region:account:name, without a "
                               "subscription's id behind it.");
    }
    *out_arn = arn;
    return true;
}

bool aws_sns_topic_is_fifo(const char *topic)
{
    return text_ends(topic, ".fifo");
}

static void add_parameter(struct buf *out, const char *name, const char *value, size_t length)
{
    buf_format(out, "%s%s=", out->length ? "&" : "", name);
    aws_url_encode(out, value, length, "");
}

static void add_text(struct buf *out, const char *name, const char *value)
{
    if (value) {
        add_parameter(out, name, value, strlen(value));
    }
}

static void add_attribute(struct buf *out, size_t number, const char *part, const char *value)
{
    AUTO(buf) struct buf name = buf_make(80);
    buf_format(&name, "MessageAttributes.entry.%zu.%s", number, part);
    add_text(out, name.data, value);
}

void aws_sns_body(const struct aws_sns_message *message, struct buf *out)
{
    add_text(out, "Action", "Publish");
    add_text(out, "Version", "2010-03-31");
    add_text(out, "TopicArn", message->topic);
    add_text(out, "Subject", message->subject);
    add_parameter(out, "Message", message->text, message->text_length);
    for (size_t i = 0; i < message->attribute_count; i++) {
        add_attribute(out, i + 1, "Name", message->attributes[i].name);
        add_attribute(out, i + 1, "Value.DataType", message->attributes[i].type);
        add_attribute(out, i + 1, "Value.StringValue", message->attributes[i].value);
    }
    if (aws_sns_topic_is_fifo(message->topic)) {
        add_text(out, "MessageGroupId", message->group);
        add_text(out, "MessageDeduplicationId", message->deduplication);
    }
}

bool aws_sns_read_receipt(const struct aws_http_response *response,
                          struct aws_sns_receipt *out_receipt)
{
    struct aws_sns_receipt receipt = {0};
    AUTO(buf) struct buf id = buf_make(sizeof receipt.message_id - 1);
    AUTO(buf) struct buf request = buf_make(sizeof receipt.request_id - 1);
    const struct buf *body = &response->body;
    if (!body->data || !aws_xml_text(body->data, body->length, "MessageId", &id) || id.full ||
        !aws_credentials_is_plain(id.data)) {
        return false;
    }
    text_copy(receipt.message_id, sizeof receipt.message_id, id.data);
    if (aws_xml_text(body->data, body->length, "RequestId", &request) && !request.full &&
        aws_credentials_is_plain(request.data)) {
        text_copy(receipt.request_id, sizeof receipt.request_id, request.data);
    }
    *out_receipt = receipt;
    return true;
}

static bool no_receipt(const struct aws_endpoint *endpoint, struct error *err)
{
    error_set(err, ERROR_DENIED, "%s answered 200 with something that is not an answer of SNS",
              endpoint->url);
    error_code(err, "200");
    return error_hint(err, "Check AWS_ENDPOINT_URL_SNS, AWS_ENDPOINT_URL and HTTPS_PROXY: "
                           "something else than SNS took the message.");
}

static bool send(struct aws *aws, const struct aws_call *call, struct aws_limit *limit,
                 struct aws_sns_receipt *out_receipt, struct error *err)
{
    AUTO(aws_http) struct aws_http_response response = {0};
    struct aws_fault fault;
    if (!aws_call_send(aws, call, limit, &response, &fault, err)) {
        return false;
    }
    return aws_sns_read_receipt(&response, out_receipt) || no_receipt(call->endpoint, err);
}

bool aws_sns_publish(struct aws *aws, const struct aws_sns_message *message,
                     const struct aws_sns_patience *patience, struct aws_limit *limit,
                     struct aws_sns_receipt *out_receipt, struct error *err)
{
    struct aws_arn arn;
    struct aws_endpoint endpoint;
    if (!aws_sns_topic_parse(message->topic, &arn, err) ||
        !aws_endpoint_find(aws->env, AWS_SNS, arn.region, &endpoint, err)) {
        return false;
    }
    AUTO(buf) struct buf body = buf_make(BODY_MAX);
    aws_sns_body(message, &body);
    if (body.full) {
        return error_set(err, ERROR_INVALID, "message is larger than SNS takes");
    }
    const struct aws_call call = {
        .endpoint = &endpoint,
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .body = body.data,
        .body_length = body.length,
        .response_max = ANSWER_MAX,
        .attempts = patience->attempts ? patience->attempts : ATTEMPTS,
        .pause_ms = patience->pause_ms ? patience->pause_ms : PAUSE_MS,
        .timeout_ms = TIMEOUT_MS,
    };
    bool sent = send(aws, &call, limit, out_receipt, err);
    if (!sent) {
        aws_sns_advise(message->topic, &arn, &endpoint, err);
    }
    return sent;
}
