/* postlude run: the event, the plan, the database, the report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/origin.h"
#include "cmd/report.h"
#include "cmd/stack.h"
#include "cmd/verbs.h"
#include "confirm/confirm.h"
#include "deliver/message.h"
#include "engine/admit.h"
#include "engine/engine.h"
#include "outcome/emf.h"
#include "target/target.h"

enum { TEXT_MAX = 1024 * 1024, STALL_MS = 30000, STALL_STOPPED_MS = 3000 };

/* One run, from its start to its exit code. */
struct run {
    const struct settings *settings;
    struct trigger *trigger;
    struct plan *plan;
    struct target *target;
    bool expanded; /* the plan's report section is */
    bool located;  /* ECS was asked which task this is */
    struct engine *engine;
    struct outcome *outcome;
    struct aws aws; /* one session for all questions to AWS: its credentials are read once */
};

static void copy_trigger(const struct trigger *trigger, struct outcome *outcome)
{
    outcome->trigger_kind = memory_text(trigger_name(trigger->kind));
    outcome->pipeline = memory_text(trigger->pipeline);
    outcome->stage = memory_text(trigger->stage);
    outcome->execution_id = memory_text(trigger->execution_id);
    outcome->event_id = memory_text(trigger->event_id);
    outcome->account = memory_text(trigger->account);
    outcome->region = memory_text(trigger->region);
    outcome->schedule = memory_text(trigger->schedule);
    outcome->scheduled_time = memory_text(trigger->scheduled_time);
    outcome->reason = memory_text(trigger->reason);
    outcome->by = memory_text(trigger->by);
    outcome->attempt = trigger->execution_id ? trigger->attempt : 0;
    if (trigger->request) {
        outcome->stack = memory_text(trigger->request->stack);
        outcome->logical_id = memory_text(trigger->request->logical_id);
        outcome->request_type = memory_text(trigger_request_name(trigger->request));
    }
}

static void log_trigger(const struct trigger *trigger)
{
    AUTO(buf) struct buf line = buf_make(1024);
    buf_text(&line, trigger->kind == TRIGGER_MANUAL ? "started " : "event: ");
    trigger_describe(trigger, &line);
    log_info(line.data, LOG_QUIET_TEXT("trigger", trigger_name(trigger->kind)),
             LOG_QUIET_TEXT("pipeline", trigger->pipeline),
             LOG_QUIET_TEXT("execution_id", trigger->execution_id),
             LOG_QUIET_TEXT("event_id", trigger->event_id));
}

static void ignore(struct run *run, const char *why)
{
    run->outcome->kind = OUTCOME_IGNORED;
    run->outcome->note = memory_text(why);
}

/* Whatever was understood of the plan tells where a failure before the run is to be reported. */
static void learn_topic(struct run *run)
{
    AUTO(findings) struct findings findings = {0};
    if (run->plan) {
        plan_expand(run->plan, PLAN_SECTION_REPORT, run->settings->env, &findings);
        run->expanded = findings.errors == 0;
        run->outcome->plan = memory_text(run->plan->name);
    }
}

/* Judges the event as far as that goes without the plan. */
static bool understand(struct run *run, struct error *err)
{
    if (!load_trigger(run->settings, &run->trigger, err)) {
        return false;
    }
    copy_trigger(run->trigger, run->outcome);
    log_trigger(run->trigger);
    return stack_check(run->trigger, err);
}

/* Reads event and plan and lets the plan judge the event; *out_go false: it is none of ours. */
static bool prepare(struct run *run, bool *out_go, struct error *err)
{
    *out_go = false;
    if (!understand(run, err)) {
        struct error ignored; /* of the plan: the event's is the one to tell */
        (void)!load_plan(run->settings, &run->plan, &ignored);
        learn_topic(run);
        return false;
    }
    if (run->trigger->ignored) {
        ignore(run, run->trigger->ignored);
        return true;
    }
    if (!load_plan(run->settings, &run->plan, err)) {
        learn_topic(run);
        return false;
    }
    run->outcome->plan = memory_text(run->plan->name);
    AUTO(findings) struct findings findings = {0};
    plan_expand(run->plan, PLAN_SECTION_REPORT, run->settings->env, &findings);
    run->expanded = findings.errors == 0;
    plan_expand(run->plan, PLAN_SECTION_TRIGGER, run->settings->env, &findings);
    AUTO(buf) struct buf why = buf_make(1024);
    enum admit_verdict verdict = ADMIT_RUN;
    if (findings_error(&findings, ERROR_INVALID, err)) {
        return false;
    }
    if (!engine_admit(run->trigger, &run->plan->trigger, run->outcome->started_ms, &verdict, &why,
                      err)) {
        return false;
    }
    if (verdict == ADMIT_IGNORE) {
        ignore(run, why.data);
        return true;
    }
    *out_go = true;
    return true;
}

static struct report report_of(struct run *run)
{
    return (struct report){
        .settings = run->settings,
        .rules = run->expanded ? &run->plan->report : NULL,
        .aws = &run->aws,
        .engine = run->engine,
        .outcome = run->outcome,
    };
}

/* An event that is none of ours comes often, and asks nobody anything. */
static void locate(struct run *run)
{
    if (!run->located && run->outcome->kind != OUTCOME_IGNORED) {
        origin_learn(&run->aws, &run->settings->stop, run->outcome);
    }
    run->located = true;
}

/* Where the plan wants it: that CodePipeline says the same as the event. */
static bool confirm(struct run *run, struct deadline deadline, struct error *err)
{
    const struct confirm_request request = {
        .trigger = run->trigger,
        .rules = &run->plan->trigger,
        .run_id = run->outcome->run_id,
        .stop = &run->settings->stop,
        .deadline = deadline,
    };
    struct confirm_answer answer;
    if (!confirm_wanted(run->trigger, &run->plan->trigger)) {
        return true;
    }
    if (!confirm_event(&run->aws, &request, &answer, err)) {
        return false;
    }
    log_info("CodePipeline confirms the event", LOG_TEXT("revision", answer.revision));
    run->outcome->source_revision = memory_text(*answer.revision ? answer.revision : NULL);
    return true;
}

/* Everything up to the database's outcome. */
static bool carry_out(struct run *run, struct error *err)
{
    const struct settings *settings = run->settings;
    bool go = false;
    if (!prepare(run, &go, err)) {
        return false;
    }
    if (!go) {
        return true;
    }
    locate(run);
    const char *to = settings->values[OPTION_TO];
    if (to && !decide_target(run->plan, to, err)) {
        return false;
    }
    struct deadline deadline = deadline_in(stack_deadline_ms(
        run->trigger, clock_wall_ms() - run->outcome->started_ms, run->plan->run.deadline_ms));
    if (!confirm(run, deadline, err)) {
        return false;
    }
    if (!target_open(run->plan, settings->env, &run->aws, &run->target, err)) {
        return false;
    }
    const struct engine_request request = {
        .plan = run->plan,
        .trigger = run->trigger,
        .address = target_address,
        .address_context = run->target,
        .stop = &settings->stop,
        .deadline = deadline,
        .to = to,
        .dry_run = settings_on(settings, OPTION_DRY_RUN),
        .env = settings->env,
    };
    if (!engine_open(&request, run->outcome, &run->engine, err)) {
        return false;
    }
    engine_run(run->engine, run->outcome);
    const struct report report = report_of(run);
    engine_keep(run->engine, report_due(&report));
    return true;
}

/* A log driver that stalls must not keep the report from its topic. */
static int64_t patience(const struct settings *settings)
{
    return stop_asked(&settings->stop) ? STALL_STOPPED_MS : STALL_MS;
}

/* Where nobody asked for a document, it goes to the same log as the lines on stderr, and is no
 * longer than they are. What is left out is in the ledger and in what the topic gets. */
static void answer_document(const struct run *run)
{
    const struct settings *settings = run->settings;
    AUTO(json) json_t *report = outcome_json(run->outcome, OUTCOME_WHOLE);
    if (!settings_on(settings, OPTION_JSON)) {
        deliver_shrink(report, LOG_LINE_MAX - 1);
    }
    (void)answer_json_within(report, patience(settings));
}

static int answer(const struct run *run)
{
    const struct settings *settings = run->settings;
    if (!run->settings->verb && !settings->json) {
        /* A wrong word on the command line: for whoever typed it, and no longer than that. */
        AUTO(buf) struct buf said = buf_make(TEXT_MAX);
        answer_describe(&run->outcome->error, settings->width, &said);
        (void)fputs(said.data, stderr);
        return 0;
    }
    if (settings->json) {
        answer_document(run);
        return 0;
    }
    if (!settings->terminal && run->outcome->kind == OUTCOME_ERROR) {
        /* The text below goes to a file or pipe: whoever watches the log should see it too. */
        log_error(run->outcome->error.message, LOG_TEXT("where", run->outcome->error.where));
    }
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    outcome_text(run->outcome, OUTCOME_WHOLE, settings->width, &text);
    return answer_text_within(&text, patience(settings));
}

static void log_metrics(const struct outcome *outcome)
{
    if (outcome_emf_wanted(outcome)) {
        AUTO(json) json_t *metrics = outcome_emf(outcome);
        (void)!log_object(LOG_INFO, "metrics", metrics);
    }
}

/* A run with its id and time, nothing more; settings outlive it. */
static void begin(struct run *run, const struct settings *settings)
{
    struct outcome *outcome = outcome_new();
    *run = (struct run){.settings = settings, .outcome = outcome, .aws = aws_open(settings->env)};
    uuid_make(outcome->run_id);
    log_run_id(outcome->run_id);
    outcome->started_ms = clock_wall_ms();
    outcome->rerun = memory_text(env_value(settings->env, "POSTLUDE_RERUN"));
}

/* Says what it came to, everywhere, and frees it; its exit code. */
static int conclude(struct run *run)
{
    struct outcome *outcome = run->outcome;
    outcome->finished_ms = outcome->finished_ms ? outcome->finished_ms : clock_wall_ms();
    locate(run);
    if (run->settings->log_json) {
        answer_log_end(outcome);
        log_metrics(outcome);
    }
    /* The answer first: publishing may take a minute. What became of the database is what the exit
     * code is for, whoever could or could not read the answer. */
    (void)answer(run);
    bool answered = stack_answer(run->settings, run->trigger, outcome, &run->aws);
    const struct report report = report_of(run);
    bool published = report_publish(&report);
    int code = outcome_exit_code(outcome);
    engine_close(run->engine);
    target_close(run->target);
    plan_free(run->plan);
    trigger_free(run->trigger);
    outcome_free(outcome);
    aws_close(&run->aws);
    return code ? code : error_exit_code(answered && published ? ERROR_NONE : ERROR_UNDELIVERED);
}

int cmd_run(const struct settings *settings)
{
    struct run run;
    struct error err;
    begin(&run, settings);
    run.outcome->dry_run = settings_on(settings, OPTION_DRY_RUN);
    if (!carry_out(&run, &err)) {
        outcome_fail(run.outcome, &err);
    }
    return conclude(&run);
}

int cmd_refuse(const struct settings *settings, const struct error *error)
{
    struct run run;
    begin(&run, settings);
    struct error ignored;
    if (load_trigger(settings, &run.trigger, &ignored) && run.trigger->request) {
        copy_trigger(run.trigger, run.outcome);
    }
    outcome_fail(run.outcome, error);
    return conclude(&run);
}
