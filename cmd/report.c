#include "cmd/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "deliver/deliver.h"

enum {
    REPORT_MS = 60000,
    LATE_MS = 60000, /* within the claim's four minutes */
    LATE_MAX = 20,   /* sent by one run */
    /* And this many that nobody takes or can read, or those would keep back all behind them. */
    LATE_REFUSED_MAX = 100,
    LATE_ATTEMPTS = 3, /* the next run tries again */
};

/* POSTLUDE_REPORT_TOPIC works without a readable plan. */
static struct deliver_target target_of(const struct report *report)
{
    static const enum deliver_format formats[] = {
        [PLAN_FORMAT_JSON] = DELIVER_JSON,
        [PLAN_FORMAT_TEXT] = DELIVER_TEXT,
        [PLAN_FORMAT_CHAT] = DELIVER_CHAT,
    };
    const struct plan_report *rules = report->rules;
    const char *topic = env_value(report->settings->env, "POSTLUDE_REPORT_TOPIC");
    return (struct deliver_target){
        .topic = topic   ? topic
                 : rules ? rules->topic.text
                         : NULL,
        .format = rules ? formats[rules->format] : DELIVER_JSON,
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

bool report_due(const struct report *report)
{
    const struct deliver_target target = target_of(report);
    return !text_empty(target.topic) && wanted(report);
}

static bool publish(const struct report *report, const struct deliver_target *target)
{
    const struct outcome *outcome = report->outcome;
    bool kept = report->engine && engine_kept(report->engine);
    const struct deliver_means means = {
        .aws = report->aws,
        .stop = &report->settings->stop,
        .deadline = deadline_in(REPORT_MS),
    };
    struct error err;
    struct aws_sns_receipt receipt;
    if (!deliver_publish(outcome, target, &means, &receipt, &err)) {
        log_trouble(LOG_ERROR, NULL, &err);
        if (kept) {
            engine_report_leave(report->engine, outcome->run_id);
            log_info("the report is kept in postlude.run; the next run of this plan sends it");
        }
        return false;
    }
    log_info("report published", LOG_QUIET_TEXT("topic", target->topic),
             LOG_TEXT("message_id", receipt.message_id));
    if (kept) {
        engine_report_sent(report->engine, outcome->run_id);
    }
    return true;
}

/* Those of earlier runs. */
struct late {
    const struct report *report;
    const struct deliver_target *target;
    struct deliver_means means;
    char refused[LATE_REFUSED_MAX]
                [UUID_TEXT_SIZE]; /* claimed, and not to be tried twice in this run */
    size_t refused_count;
    int64_t sent;
};

/* What SNS has against one message, it may not have against the next; anything else, it has. */
static bool is_of_the_message(const struct error *err)
{
    return strcmp(err->code, "InvalidParameter") == 0 ||
           strcmp(err->code, "ParameterValueInvalid") == 0 ||
           strcmp(err->code, "ValidationException") == 0;
}

static void log_late_trouble(const char *run_id, const struct error *err)
{
    AUTO(buf) struct buf what = buf_make(128);
    buf_format(&what, "the report that run %s left", run_id);
    log_trouble(LOG_WARN, what.data, err);
}

/* The report that was claimed, as an outcome of its own; what the ledger's columns say of it
 * counts.
 */
static bool read_late(const struct late *late, const char *run_id, const json_t *kept,
                      struct outcome **out_outcome, struct error *err)
{
    if (!outcome_read(kept, out_outcome, err)) {
        return false;
    }
    struct outcome *outcome = *out_outcome;
    outcome->late = true;
    text_copy(outcome->run_id, sizeof outcome->run_id, run_id);
    if (!outcome->plan) {
        outcome->plan = memory_text(late->report->outcome->plan);
    }
    return true;
}

/* False: the others would fare no better. */
static bool send_late(struct late *late, const char *run_id, const json_t *kept)
{
    struct engine *engine = late->report->engine;
    AUTO(outcome) struct outcome *outcome = NULL;
    struct error err;
    struct aws_sns_receipt receipt;
    bool readable = read_late(late, run_id, kept, &outcome, &err);
    if (readable && deliver_publish(outcome, late->target, &late->means, &receipt, &err)) {
        log_info("late report published", LOG_TEXT("of_run", run_id),
                 LOG_QUIET_TEXT("topic", late->target->topic),
                 LOG_TEXT("message_id", receipt.message_id));
        engine_report_sent(engine, run_id);
        late->sent++;
        return true;
    }
    log_late_trouble(run_id, &err);
    text_copy(late->refused[late->refused_count++], UUID_TEXT_SIZE, run_id);
    return !readable || is_of_the_message(&err);
}

static bool may_go_on(const struct late *late)
{
    return late->sent < LATE_MAX && late->refused_count < LATE_REFUSED_MAX &&
           !deadline_passed(late->means.deadline) && !stop_asked(late->means.stop);
}

static void publish_late(const struct report *report, const struct deliver_target *target)
{
    struct late late = {
        .report = report,
        .target = target,
        .means = {.aws = report->aws,
                  .stop = &report->settings->stop,
                  .deadline = deadline_in(LATE_MS),
                  .patience = {.attempts = LATE_ATTEMPTS}},
    };
    int64_t waiting = engine_reports_waiting(report->engine);
    for (int64_t i = 0; i < waiting && may_go_on(&late); i++) {
        char run_id[UUID_TEXT_SIZE];
        AUTO(json) json_t *kept = NULL;
        if (!engine_report_claim(report->engine, run_id, &kept)) {
            waiting = i; /* another run is at it, or the database is not there */
            break;
        }
        if (!send_late(&late, run_id, kept)) {
            break;
        }
    }
    for (size_t i = 0; i < late.refused_count; i++) {
        engine_report_leave(report->engine, late.refused[i]);
    }
    if (waiting > late.sent) {
        log_warn("reports of earlier runs are left to the next one",
                 LOG_NUMBER("count", waiting - late.sent));
    }
}

bool report_publish(const struct report *report)
{
    const struct deliver_target target = target_of(report);
    if (text_empty(target.topic)) {
        return true;
    }
    if (wanted(report) && !publish(report, &target)) {
        return false; /* the same topic: it would take no other either */
    }
    if (report->engine && !report->outcome->dry_run) {
        publish_late(report, &target);
    }
    return true;
}
