#include "deliver/deliver.h"
#include "deliver/message.h"

enum {
    WITHIN_MS = 60000,
    /* ECS kills 30 s after it asked, and the run needed some of them to roll back and record. */
    GRACE_MS = 8000,
    /* A late one can wait for yet another run: what is under way may arrive, nothing more. */
    LATE_GRACE_MS = 1000,
    SPARE_MS = 1000,
};

struct deadline deliver_end(const struct deliver_means *means)
{
    struct deadline end = deadline_of_stop(means->stop);
    end.at_ms -= end.at_ms > SPARE_MS ? SPARE_MS : 0;
    return deadline_min(end, means->deadline);
}

static bool send(const struct deliver_message *message, int64_t grace_ms,
                 const struct deliver_target *target, const struct deliver_means *means,
                 struct aws_sns_receipt *out_receipt, struct error *err)
{
    struct aws_limit limit = {.deadline = deadline_min(deliver_end(means), deadline_in(WITHIN_MS)),
                              .stop = means->stop,
                              .grace_ms = grace_ms};
    const struct aws_sns_message sns = {
        .topic = target->topic,
        .subject = message->subject,
        .text = message->text.data,
        .text_length = message->text.length,
        .attributes = message->attributes,
        .attribute_count = message->attribute_count,
        .group = message->group,
        .deduplication = message->deduplication,
    };
    return aws_sns_publish(means->aws, &sns, &means->patience, &limit, out_receipt, err);
}

bool deliver_publish(const struct outcome *outcome, const struct deliver_target *target,
                     const struct deliver_means *means, struct aws_sns_receipt *out_receipt,
                     struct error *err)
{
    AUTO(deliver_message) struct deliver_message message = {0};
    deliver_message_make(outcome, target, &message);
    if (send(&message, outcome->late ? LATE_GRACE_MS : GRACE_MS, target, means, out_receipt, err)) {
        return true;
    }
    err->kind = ERROR_UNDELIVERED;
    error_where(err, "%s", target->topic);
    return error_wrap(err, "the report was not published");
}
