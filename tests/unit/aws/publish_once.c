/*
 * Publishes one message over the real transport, for test_publish_once.py:
 *     publish_once TOPIC TEXT DEADLINE_MS GRACE_MS
 * Says "sent ID" or, in lines, kind, code, message, hint.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/sns.h"
#include "base/text.h"

static int report(const struct error *err)
{
    (void)printf("%s\n%s\n%s\n%s\n", error_name(err->kind), err->code, err->message, err->hint);
    return 1;
}

static bool publish(char **argv, struct aws_sns_receipt *out_receipt, struct error *err)
{
    int64_t deadline_ms = 0;
    int64_t grace_ms = 0;
    struct stop stop;
    if (!text_integer(argv[3], 0, 60000, &deadline_ms) ||
        !text_integer(argv[4], 0, 60000, &grace_ms)) {
        return error_set(err, ERROR_INTERNAL, "usage");
    }
    if (!stop_install(&stop, err)) {
        return false;
    }
    AUTO(env) struct env *env = env_take(environ);
    AUTO(aws) struct aws aws = aws_open(env);
    aws.pause_ms = 50;
    struct aws_limit limit = {
        .deadline = deadline_in(deadline_ms), .stop = &stop, .grace_ms = grace_ms};
    const struct aws_sns_attribute attributes[] = {{"outcome", "String", "applied"},
                                                   {"exit_code", "Number", "0"}};
    const struct aws_sns_message message = {.topic = argv[1],
                                            .subject = "orders: 1 migration applied",
                                            .text = argv[2],
                                            .text_length = strlen(argv[2]),
                                            .attributes = attributes,
                                            .attribute_count = COUNT(attributes),
                                            .group = "orders",
                                            .deduplication = "0198-applied"};
    const struct aws_sns_patience patience = {.attempts = 4, .pause_ms = 50};
    return aws_sns_publish(&aws, &message, &patience, &limit, out_receipt, err);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct aws_sns_receipt receipt;
    if (argc != 5) {
        return 2;
    }
    if (!publish(argv, &receipt, &err)) {
        return report(&err);
    }
    (void)printf("sent %s\n", receipt.message_id);
    return 0;
}
