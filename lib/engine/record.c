#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"

enum { KEEP_MS = 10000, ANSWER_MS = 3000, TRIES = 2 };

/* Once told to stop, all has to be over before the process ends by itself, the answer included. */
static struct deadline soon(const struct engine *engine, int64_t ms)
{
    struct deadline end = deadline_of_stop(engine->request.stop);
    end.at_ms -= end.at_ms > ANSWER_MS ? ANSWER_MS : 0;
    return deadline_min(deadline_in(ms), end);
}

static void set_text(json_t *row, const char *column, const char *text)
{
    (void)json_object_set_new(row, column, json_optional(text));
}

static void set_time(json_t *row, const char *column, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(wall_ms, text);
    (void)json_object_set_new(row, column, json_string(text));
}

static void set_trigger(json_t *row, const struct outcome *outcome)
{
    set_text(row, "trigger", outcome->trigger_kind);
    set_text(row, "pipeline", outcome->pipeline);
    set_text(row, "stage", outcome->stage);
    set_text(row, "execution_id", outcome->execution_id);
    (void)json_object_set_new(row, "attempt",
                              outcome->execution_id ? json_integer(outcome->attempt) : json_null());
    set_text(row, "event_id", outcome->event_id);
    set_text(row, "account", outcome->account);
    set_text(row, "region", outcome->region);
    set_text(row, "schedule", outcome->schedule);
    set_text(row, "scheduled_time", outcome->scheduled_time);
    set_text(row, "revision", outcome->source_revision);
    set_text(row, "operator", outcome->by);
    set_text(row, "reason", outcome->reason);
}

json_t *engine_run_row(const struct engine *engine, bool with_end)
{
    const struct outcome *outcome = engine->outcome;
    json_t *row = json_object();
    if (!row) {
        memory_die();
    }
    set_text(row, "run_id", outcome->run_id);
    set_text(row, "plan", engine->request.plan->name);
    set_trigger(row, outcome);
    set_text(row, "task_arn", outcome->task_arn);
    set_text(row, "image", outcome->image);
    set_text(row, "plan_digest", engine->request.plan->digest);
    set_text(row, "version", POSTLUDE_VERSION);
    set_time(row, "started_at", outcome->started_ms);
    if (with_end) {
        set_time(row, "finished_at", outcome->finished_ms);
        set_text(row, "outcome", outcome_name(outcome));
        (void)json_object_set_new(row, "error", outcome_error_json(outcome, OUTCOME_WHOLE));
        (void)json_object_set_new(row, "report", outcome_json(outcome, OUTCOME_WHOLE));
    }
    return row;
}

/* A ledger that is older than these takes no notice, or does not have their columns. */
static bool has_reports(const struct engine *engine)
{
    return engine->ledger && engine->ledger->version >= LEDGER_WITH_REPORTS;
}

static bool write_row(struct engine *engine, bool report_due, struct error *err)
{
    const struct outcome *outcome = engine->outcome;
    struct deadline deadline = soon(engine, KEEP_MS);
    if (outcome->kind == OUTCOME_DUPLICATE) {
        return !engine->taken || ledger_forget(engine->pg, outcome->run_id, deadline, err);
    }
    if (!engine->ledger->exists && !engine->taken) {
        /* Nothing was there and nothing was done; a plan without migrations starts its ledger. */
        if (outcome->kind != OUTCOME_NOTHING) {
            return true;
        }
        if (!ledger_install(engine->pg, deadline, NULL, err)) {
            return false;
        }
        engine->ledger->version = ledger_newest_version();
    }
    AUTO(json) json_t *row = engine_run_row(engine, true);
    if (report_due && has_reports(engine)) {
        set_text(row, "report_lease", LEDGER_REPORT_LEASE);
    }
    bool durable = outcome->kind != OUTCOME_NOTHING;
    engine->kept = ledger_end(engine->pg, row, durable, deadline, err);
    if (!engine->kept && err->kind == ERROR_BUSY && outcome->kind == OUTCOME_ERROR) {
        /* What we sent still runs and holds the plan: whoever takes it next gives it back. */
        engine->kept = ledger_end_apart(engine->pg, row, deadline, err);
    }
    return engine->kept;
}

static bool reconnect_to_keep(struct engine *engine, struct error *err)
{
    if (engine->pg && pg_alive(engine->pg)) {
        return true;
    }
    pg_close(engine->pg);
    engine->pg = NULL;
    const struct pg_asking asking = {.deadline = soon(engine, KEEP_MS / 2)};
    return engine_open_login(engine, NULL, &asking, &engine->pg, err);
}

void engine_keep(struct engine *engine, bool report_due)
{
    if (engine->outcome->dry_run || engine->refused) {
        return;
    }
    struct error err = {0};
    bool done = false;
    for (int i = 0; !done && i < TRIES && (i == 0 || err.kind == ERROR_LOST); i++) {
        if (!reconnect_to_keep(engine, &err)) {
            break;
        }
        pg_watch(engine->pg, NULL);
        done = write_row(engine, report_due, &err);
    }
    if (!done) {
        log_trouble(LOG_WARN, "could not record this run in the ledger", &err);
    }
}

bool engine_kept(const struct engine *engine)
{
    return engine->kept;
}

int64_t engine_reports_waiting(const struct engine *engine)
{
    return has_reports(engine) ? engine->ledger->reports_waiting : 0;
}

bool engine_report_claim(struct engine *engine, char out_run_id[UUID_TEXT_SIZE],
                         json_t **out_report)
{
    struct error err;
    if (!engine->pg || !pg_alive(engine->pg)) {
        return false;
    }
    pg_watch(engine->pg, NULL);
    if (!ledger_report_claim(engine->pg, engine->request.plan->name, soon(engine, KEEP_MS),
                             out_run_id, out_report, &err)) {
        log_trouble(LOG_WARN, "could not take up a report that was left", &err);
        return false;
    }
    return *out_report != NULL;
}

void engine_report_sent(struct engine *engine, const char *run_id)
{
    struct error err;
    if (!reconnect_to_keep(engine, &err) ||
        !ledger_report_sent(engine->pg, run_id, soon(engine, KEEP_MS), &err)) {
        log_trouble(LOG_WARN, "the report was published, but the ledger could not be told", &err);
    }
}

void engine_report_leave(struct engine *engine, const char *run_id)
{
    struct error err;
    if (has_reports(engine) && engine->pg && pg_alive(engine->pg) &&
        !ledger_report_leave(engine->pg, run_id, soon(engine, KEEP_MS), &err)) {
        log_trouble(LOG_DEBUG, "the report is left to a run in four minutes' time", &err);
    }
}
