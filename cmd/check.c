/* postlude check: whether the database is at the plan, and waiting until it is. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/verbs.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "target/target.h"

enum {
    TEXT_MAX = 1024 * 1024,
    LOOK_LEAST_MS = 3000, /* also of the one that begins when the time is over */
    LOOK_MOST_MS = 30000, /* a connection that leads nowhere is given up for another one */
    SAY_EVERY_MS = 30000,
};

struct check {
    const struct settings *settings;
    struct plan *plan;
    struct target *target;
    struct trigger *trigger; /* an empty one: check asks for no execution */
    struct aws aws;
    int64_t wait_ms; /* 0: one look */
    char run_id[UUID_TEXT_SIZE];
    int64_t started_ms;
    struct outcome *outcome; /* of the look before, or the last one */
    struct ledger_recent recent;
};

static bool read_wait(const struct settings *settings, int64_t *out_ms, struct error *err)
{
    const char *text = settings->values[OPTION_WAIT];
    *out_ms = 0;
    if (!text || text_duration(text, out_ms)) {
        return true;
    }
    error_set(err, ERROR_INVALID, "--wait (POSTLUDE_WAIT): \"%s\" is no duration", text);
    return error_hint(err, "Write a number and a unit: 90s, 5m, 1h.");
}

/* What was seen before is over. */
static void begin_look(struct check *check)
{
    outcome_free(check->outcome);
    check->outcome = outcome_new();
    check->recent = (struct ledger_recent){0};
    text_copy(check->outcome->run_id, sizeof check->outcome->run_id, check->run_id);
    check->outcome->started_ms = check->started_ms;
    check->outcome->plan = memory_text(check->plan ? check->plan->name : NULL);
}

static int64_t look_ms(const struct check *check, struct deadline deadline)
{
    int64_t left = deadline_left_ms(deadline);
    if (check->wait_ms == 0) {
        return check->plan->run.deadline_ms;
    }
    return left < LOOK_LEAST_MS ? LOOK_LEAST_MS : left > LOOK_MOST_MS ? LOOK_MOST_MS : left;
}

/* Connects, reads, decides; no connection is left. */
static void look(struct check *check, struct deadline deadline)
{
    begin_look(check);
    int64_t within_ms = look_ms(check, deadline);
    const struct engine_request request = {
        .plan = check->plan,
        .trigger = check->trigger,
        .address = target_address,
        .address_context = check->target,
        .stop = &check->settings->stop,
        .deadline = deadline_in(within_ms),
        .dry_run = true,
        .only_reads = true,
        .once = check->wait_ms > 0,
    };
    AUTO(engine) struct engine *engine = NULL;
    struct error err;
    if (engine_open(&request, check->outcome, &engine, &err)) {
        engine_check(engine, check->outcome, &check->recent);
        return;
    }
    if (err.kind == ERROR_INTERRUPTED && !stop_asked(&check->settings->stop)) {
        AUTO(buf) struct buf shown = buf_make(64);
        text_show_duration(&shown, within_ms);
        error_set(&err, ERROR_UNREACHABLE, "the database gave no answer within %s", shown.data);
    }
    outcome_fail(check->outcome, &err);
}

static void name_run(const struct ledger_recent_run *run, struct buf *out)
{
    buf_text(out, run->run_id);
    buf_format(out, "%s%s", *run->trigger ? " (" : "", run->trigger);
    buf_format(out, "%s%s", *run->pipeline ? " " : "", run->pipeline);
    buf_format(out, "%s%s", *run->execution_id ? ", execution " : "", run->execution_id);
    buf_format(out, "%s%s", *run->operator? ", by " : "", run->operator);
    buf_text(out, *run->trigger ? ")" : "");
}

/* Who is at work, and how the last run ended that ended ill. */
static void describe_runs(const struct ledger_recent *recent, struct buf *out)
{
    if (*recent->holder.run_id) {
        buf_text(out, "run ");
        name_run(&recent->holder, out);
        buf_format(out, " is at work since %s", recent->holder.at);
        buf_text(out, recent->holder_sessions ? "" : ", but no session of it is to be seen");
    }
    if (*recent->failed.run_id) {
        buf_text(out, out->length ? "; the last run, " : "the last run, ");
        name_run(&recent->failed, out);
        buf_format(out, ", ended \"%s\"%s%s", recent->outcome, *recent->failed.at ? " at " : "",
                   recent->failed.at);
        buf_format(out, "%s%s", *recent->migration ? ": " : "", recent->migration);
        buf_format(out, "%s%s", *recent->message ? ": " : "", recent->message);
        buf_format(out, "%s%s%s", *recent->sqlstate ? " (SQLSTATE " : "", recent->sqlstate,
                   *recent->sqlstate ? ")" : "");
    }
}

static bool is_worth_waiting(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_ERROR &&
           (outcome->error.kind == ERROR_PENDING || error_retryable(outcome->error.kind));
}

/* Once for each new state of things, and every half minute. */
static void say_waiting(const struct check *check, struct deadline deadline, struct buf *said,
                        struct deadline *silent)
{
    const struct error *error = &check->outcome->error;
    AUTO(buf) struct buf runs = buf_make(8192);
    AUTO(buf) struct buf now = buf_make(16384);
    describe_runs(&check->recent, &runs);
    buf_format(&now, "%s%s%s", error->message, runs.length ? "; " : "", runs.data);
    if (strcmp(now.data, said->data) == 0 && !deadline_passed(*silent)) {
        return;
    }
    buf_truncate(said, 0);
    buf_text(said, now.data);
    *silent = deadline_in(SAY_EVERY_MS);
    AUTO(buf) struct buf line = buf_make(256);
    buf_text(&line, "looking again for ");
    text_show_duration(&line, deadline_left_ms(deadline));
    struct error shown = *error;
    error_set(&shown, error->kind, "%s", now.data);
    error_hint(&shown, "%s", error->hint);
    log_trouble(error->kind == ERROR_PENDING ? LOG_INFO : LOG_WARN, line.data, &shown);
}

static void wait_for_plan(struct check *check)
{
    struct deadline deadline = deadline_in(check->wait_ms);
    struct deadline silent = deadline_in(0);
    AUTO(buf) struct buf said = buf_make(16384);
    for (unsigned looks = 1;; looks++) {
        bool last = deadline_passed(deadline);
        look(check, deadline);
        if (last || check->wait_ms == 0 || !is_worth_waiting(check->outcome)) {
            return;
        }
        say_waiting(check, deadline, &said, &silent);
        int64_t pause_ms = gate_pause_ms(looks);
        if (!wait_pause(pause_ms / 2 + random_up_to(pause_ms), deadline, &check->settings->stop)) {
            struct error err;
            error_set(&err, ERROR_INTERRUPTED, "told to stop while waiting; when last looked: %s",
                      check->outcome->error.message);
            outcome_fail(check->outcome, &err);
            return;
        }
    }
}

/* A check can wait for what waits for the check. */
#define GATE                                                                                       \
    "A check is a gate only where the migrations are started before the service is deployed. "     \
    "With "                                                                                        \
    "the pipeline's own SUCCEEDED it waits for itself: the deployment waits for this check, and "  \
    "the pipeline for the deployment."

static void advise(const struct check *check, struct error *error)
{
    const struct ledger_recent *recent = &check->recent;
    bool dead = recent->holder_sessions == 0;
    const char *first =
        *recent->holder.run_id   ? dead ? "If that run was killed, start another one: it goes on. "
                                        : "A run is at work: give --wait the time it takes. "
        : *recent->failed.run_id ? "Mend what the last run failed at, and start it again. "
                                 : "";
    if (check->wait_ms > 0) {
        error_hint(error, "%s" GATE, *first ? first : "Nobody applied them meanwhile. ");
    } else {
        error_hint(error, "%s\"postlude run\" applies them; --wait 5m waits until it has.", first);
    }
}

/* What was waited for in vain, who is at it, and what to do. */
static void explain(struct check *check)
{
    struct outcome *outcome = check->outcome;
    struct error error = outcome->error;
    AUTO(buf) struct buf runs = buf_make(8192);
    AUTO(buf) struct buf waited = buf_make(64);
    text_show_duration(&waited, check->wait_ms);
    describe_runs(&check->recent, &runs);
    if (check->wait_ms > 0 && is_worth_waiting(outcome)) {
        error_wrap(&error, "after %s of waiting", waited.data);
    }
    if (error.kind == ERROR_PENDING) {
        struct error said = error;
        error_set(&error, ERROR_PENDING, "%s%s%s", said.message, runs.length ? "; " : "",
                  runs.data);
        advise(check, &error);
        outcome->note = runs.length ? memory_text(runs.data) : NULL;
    }
    outcome->error = error;
}

static json_t *run_json(const struct ledger_recent_run *run, const char *at)
{
    json_t *object = json_made(json_object());
    json_put(object, "run_id", json_string(run->run_id));
    json_put(object, at, json_optional(run->at));
    json_put(object, "trigger", json_optional(run->trigger));
    json_put(object, "pipeline", json_optional(run->pipeline));
    json_put(object, "execution_id", json_optional(run->execution_id));
    json_put(object, "by", json_optional(run->operator));
    return object;
}

static json_t *failure_json(const struct ledger_recent *recent)
{
    json_t *object = run_json(&recent->failed, "finished_at");
    json_put(object, "outcome", json_optional(recent->outcome));
    json_put(object, "migration", json_optional(recent->migration));
    json_put(object, "sqlstate", json_optional(recent->sqlstate));
    json_put(object, "message", json_optional(recent->message));
    return object;
}

/* The report of a run, and who runs or ran. */
static int answer(const struct check *check)
{
    const struct settings *settings = check->settings;
    const struct ledger_recent *recent = &check->recent;
    if (settings->json) {
        AUTO(json) json_t *report = outcome_json(check->outcome, OUTCOME_WHOLE);
        json_put(report, "running",
                 *recent->holder.run_id ? run_json(&recent->holder, "since") : json_null());
        json_put(report, "last_failure",
                 *recent->failed.run_id ? failure_json(recent) : json_null());
        return answer_json(report);
    }
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    outcome_text(check->outcome, OUTCOME_WHOLE, settings->width, &text);
    return answer_text(&text);
}

static bool prepare(struct check *check, struct error *err)
{
    const struct settings *settings = check->settings;
    return read_wait(settings, &check->wait_ms, err) && load_plan(settings, &check->plan, err) &&
           target_open(check->plan, settings->env, &check->aws, &check->target, err);
}

int cmd_check(const struct settings *settings)
{
    struct check check = {
        .settings = settings,
        .trigger = memory_new(1, sizeof *check.trigger),
        .aws = aws_open(settings->env),
        .started_ms = clock_wall_ms(),
    };
    struct error err;
    uuid_make(check.run_id);
    log_run_id(check.run_id);
    if (prepare(&check, &err)) {
        wait_for_plan(&check);
        explain(&check);
    } else {
        begin_look(&check);
        outcome_fail(check.outcome, &err);
    }
    check.outcome->finished_ms = clock_wall_ms();
    if (settings->log_json) {
        answer_log_end(check.outcome);
    }
    int code = outcome_exit_code(check.outcome);
    int written = answer(&check);
    outcome_free(check.outcome);
    target_close(check.target);
    trigger_free(check.trigger);
    plan_free(check.plan);
    aws_close(&check.aws);
    return code ? code : written;
}
