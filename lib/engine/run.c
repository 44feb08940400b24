#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"

enum { LOSSES_MAX = 3, SETTLE_STOPPED_MS = 6000 };

static bool applied_here(const struct outcome *outcome, const char *id)
{
    for (size_t i = 0; i < outcome->applied_count; i++) {
        if (strcmp(outcome->applied[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void forget_lists(struct outcome *outcome)
{
    while (outcome->pending_count) {
        free(outcome->pending[--outcome->pending_count]);
    }
    while (outcome->unknown_count) {
        free(outcome->unknown[--outcome->unknown_count]);
    }
}

void engine_fill_lists(struct outcome *outcome, const struct plan *plan,
                       const struct decision *decision)
{
    forget_lists(outcome);
    for (size_t i = 0; i < decision->count; i++) {
        enum decide_state state = decision->states[i];
        bool done = state == DECIDE_APPLIED || state == DECIDE_CHANGED || state == DECIDE_EVERY;
        if (!done && !applied_here(outcome, plan->migrations[i].id)) {
            outcome_add_pending(outcome, plan->migrations[i].id);
        }
    }
    for (size_t i = 0; i < decision->stranger_count; i++) {
        outcome_add_unknown(outcome, decision->strangers[i]->id);
    }
}

/* How many steps from this one on go together as transactions; 0: it runs outside one. */
static bool count_transactions(struct engine *engine, const size_t *steps, size_t count,
                               size_t *out_count, struct error *err)
{
    size_t found = 0;
    while (found < count) {
        const struct inspect_file *file = &engine->files[steps[found]];
        if (!file->known && !engine_load(engine, steps[found], err)) {
            return false;
        }
        engine_keep_mode(engine, steps[found]);
        if (file->mode != INSPECT_TRANSACTION) {
            break;
        }
        found++;
    }
    *out_count = found;
    return true;
}

/* A command of each run is not run once more after a lost connection. */
static bool ran_here(const struct outcome *outcome, const struct plan_migration *migration)
{
    for (size_t i = 0; i < outcome->every_count; i++) {
        if (strcmp(outcome->every[i].id, migration->id) == 0) {
            return true;
        }
    }
    return false;
}

static bool apply_outside(struct engine *engine, size_t step, struct error *err)
{
    const struct plan_migration *migration = &engine->request.plan->migrations[step];
    if (ran_here(engine->outcome, migration)) {
        return true;
    }
    if (!engine_may_begin(engine, migration, err)) {
        return false;
    }
    return migration->command ? engine_apply_command(engine, step, err)
                              : engine_apply_alone(engine, step, err);
}

static bool apply_steps(struct engine *engine, const struct decision *decision, struct error *err)
{
    for (size_t i = 0; i < decision->step_count;) {
        size_t together = 0;
        if (!count_transactions(engine, decision->steps + i, decision->step_count - i, &together,
                                err)) {
            return false;
        }
        bool ok = together ? engine_apply(engine, decision->steps + i, together, err)
                           : apply_outside(engine, decision->steps[i], err);
        if (!ok) {
            return false;
        }
        i += together ? together : 1;
    }
    return true;
}

static void note(struct outcome *outcome, const char *text)
{
    free(outcome->note);
    outcome->note = memory_text(text);
}

static bool is_duplicate(struct engine *engine)
{
    struct outcome *outcome = engine->outcome;
    if (!engine->ledger->duplicate_of[0]) {
        return false;
    }
    AUTO(buf) struct buf line = buf_make(256);
    buf_format(&line,
               engine->request.trigger->execution_id
                   ? "run %s did what this execution asks for"
                   : "run %s did what this schedule asked for at this time",
               engine->ledger->duplicate_of);
    note(outcome, line.data);
    outcome->kind = OUTCOME_DUPLICATE;
    return true;
}

/* An older image is fine; a file taken out of the plan shows only with the next new one. */
static void warn_of_strangers(struct outcome *outcome, const struct decision *decision)
{
    if (decision->stranger_count) {
        note(outcome, "this plan does not have every migration that the database has: right for an "
                      "older image, but no new migration is applied until it has them again");
    }
}

/* Whether the file of every step was read and checked before. Between the first look and taking the
 * plan another run, or a person, may have made one more of them. */
static bool inspected(const struct engine *engine, const struct decision *decision)
{
    for (size_t i = 0; i < decision->step_count; i++) {
        if (!engine->files || !engine->files[decision->steps[i]].known) {
            return false;
        }
    }
    return true;
}

/* Decides on what the ledger said last, and carries it out as far as this run may. */
static bool decide_and_apply(struct engine *engine, bool *out_done, struct error *err)
{
    const struct engine_request *request = &engine->request;
    struct outcome *outcome = engine->outcome;
    AUTO(decide)
    struct decision *decision = decide(request->plan, engine->ledger, request->to);
    outcome->already_applied = decision->applied_count - outcome->applied_count;
    engine_fill_lists(outcome, request->plan, decision);
    *out_done = true;
    if (is_duplicate(engine)) {
        return true;
    }
    if (!decide_check(decision, request->plan, engine->ledger, err) ||
        (!inspected(engine, decision) && !engine_inspect(engine, decision, err))) {
        return false;
    }
    warn_of_strangers(outcome, decision);
    outcome->kind = outcome->applied_count ? OUTCOME_APPLIED : OUTCOME_NOTHING;
    if (outcome->dry_run) {
        return true;
    }
    if (decision->step_count == 0) {
        engine_bury(engine);
        return true;
    }
    if (!engine->taken) {
        *out_done = false;
        return engine_take(engine, err);
    }
    bool ok = engine_check_outside(engine, decision, err) && apply_steps(engine, decision, err);
    engine_fill_lists(outcome, request->plan, decision);
    outcome->kind = outcome->applied_count ? OUTCOME_APPLIED : OUTCOME_NOTHING;
    return ok;
}

/* What this run's own transactions brought before their answer was lost. */
static void count_what_arrived(struct engine *engine)
{
    const struct plan *plan = engine->request.plan;
    for (size_t i = 0; i < plan->migration_count; i++) {
        const struct ledger_row *row = ledger_find(engine->ledger, plan->migrations[i].id);
        if (row && row->state == LEDGER_APPLIED &&
            text_same(row->run_id, engine->outcome->run_id) &&
            !applied_here(engine->outcome, row->id)) {
            if (plan->migrations[i].every) {
                continue;
            }
            if (row->has_exit) {
                outcome_add_command(engine->outcome, row->id, row->duration_ms, row->exit_status);
            } else {
                outcome_add_applied(engine->outcome, row->id, row->duration_ms);
            }
        }
    }
}

/* Whoever told us to stop waits for an answer, but not for long. */
static void allow_a_moment(struct engine *engine)
{
    engine->request.deadline =
        deadline_min(deadline_in(SETTLE_STOPPED_MS), deadline_of_stop(engine->request.stop));
    engine->request.stop = NULL;
}

/* After a lost connection: nothing is known until the owner row, which each migration's transaction
 * holds locked, was had again, and the ledger read after that. */
static bool settle(struct engine *engine, struct error *err)
{
    const struct engine_request request = engine->request;
    struct error first = *err;
    log_trouble(LOG_WARN, "finding out what became of the migration", &first);
    engine->taken = false;
    engine_release(engine);
    if (stop_asked(request.stop) || deadline_passed(request.deadline)) {
        allow_a_moment(engine);
    }
    bool ok = engine_connect(engine, err) && engine_take(engine, err);
    engine->request = request;
    if (ok) {
        count_what_arrived(engine);
        engine->outcome->failure = (struct outcome_failure){0};
        return true;
    }
    struct error second = *err;
    error_set(err, ERROR_UNKNOWN,
              "%s, and what became of the migration in flight could not be found out: %s",
              first.message, second.message);
    error_hint(err, "\"postlude status\" tells when the database answers again; the next run "
                    "finds out, and goes on from there.");
    return false;
}

static const struct plan_migration *first_pending(const struct plan *plan,
                                                  const struct decision *decision)
{
    for (size_t i = 0; i < decision->step_count; i++) {
        if (!plan->migrations[decision->steps[i]].every) {
            return &plan->migrations[decision->steps[i]];
        }
    }
    return NULL;
}

/* What became of it is known each time; that it would not happen once more is not to be hoped. */
static bool lost_too_often(struct engine *engine, const struct error *loss, struct error *err)
{
    AUTO(decide)
    struct decision *decision = decide(engine->request.plan, engine->ledger, engine->request.to);
    engine_fill_lists(engine->outcome, engine->request.plan, decision);
    error_set(err, ERROR_FAILED, "lost for the third time in this run: %s", loss->message);
    const struct plan_migration *next = first_pending(engine->request.plan, decision);
    if (next) {
        engine_name_failed(engine, next, err);
    }
    return error_hint(err, "The server's and the proxy's log say why the session ended.");
}

static void say_what_became(const struct engine *engine, int attempt)
{
    const struct plan *plan = engine->request.plan;
    AUTO(decide) struct decision *decision = decide(plan, engine->ledger, engine->request.to);
    const struct plan_migration *next = first_pending(plan, decision);
    if (!next) {
        log_info("everything was applied before the connection was lost");
        return;
    }
    AUTO(buf) struct buf line = buf_make(512);
    buf_format(&line, "going on with %s (attempt %d of %d)", next->id, attempt, LOSSES_MAX);
    log_warn(line.data, LOG_QUIET_TEXT("migration", next->id));
}

static bool work(struct engine *engine, struct error *err)
{
    int losses = 0;
    for (bool done = false; !done;) {
        if (decide_and_apply(engine, &done, err)) {
            continue;
        }
        if (err->kind != ERROR_LOST) {
            return false;
        }
        struct error loss = *err;
        if (!settle(engine, err)) {
            return false;
        }
        if (++losses == LOSSES_MAX) {
            return lost_too_often(engine, &loss, err);
        }
        say_what_became(engine, losses + 1);
        done = false;
    }
    return true;
}

void engine_run(struct engine *engine, struct outcome *outcome)
{
    struct error err;
    if (!work(engine, &err)) {
        outcome_fail(outcome, &err);
    }
    outcome->finished_ms = clock_wall_ms();
}
