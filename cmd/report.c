#include "cmd/report.h"

#include "base/text.h"
#include "deliver/deliver.h"

enum { REPORT_MS = 60000 };

/* POSTLUDE_REPORT_TOPIC works without a readable plan. */
static struct deliver_target target_of(const struct report *report)
{
    const struct plan_report *rules = report->rules;
    const char *topic = env_value(report->settings->env, "POSTLUDE_REPORT_TOPIC");
    return (struct deliver_target){
        .topic = topic   ? topic
                 : rules ? rules->topic.text
                         : NULL,
        .format = rules && rules->format == PLAN_FORMAT_TEXT ? DELIVER_TEXT : DELIVER_JSON,
        .details = rules && rules->details,
        .subject = rules ? rules->subject.text : NULL,
    };
}

static bool wanted(const struct report *report)
{
    switch (report->rules ? report->rules->when : PLAN_WHEN_CHANGES) {
    case PLAN_WHEN_CHANGES:
        return deliver_wanted(report->outcome, DELIVER_CHANGES);
    case PLAN_WHEN_ALWAYS:
        return deliver_wanted(report->outcome, DELIVER_ALWAYS);
    case PLAN_WHEN_FAILURES:
        return deliver_wanted(report->outcome, DELIVER_FAILURES);
    }
    return true;
}

bool report_publish(const struct report *report)
{
    const struct deliver_target target = target_of(report);
    if (text_empty(target.topic) || !wanted(report)) {
        return true;
    }
    const struct deliver_means means = {
        .aws = report->aws,
        .stop = &report->settings->stop,
        .deadline = deadline_in(REPORT_MS),
    };
    struct error err;
    struct aws_sns_receipt receipt;
    if (!deliver_publish(report->outcome, &target, &means, &receipt, &err)) {
        log_trouble(LOG_ERROR, NULL, &err);
        return false;
    }
    log_info("report published", LOG_QUIET_TEXT("topic", target.topic),
             LOG_TEXT("message_id", receipt.message_id));
    if (report->engine) {
        engine_reported(report->engine, report->outcome);
    }
    return true;
}
