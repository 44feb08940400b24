/* What a person says of a migration, put into the ledger in place of what a run could not tell. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"
#include "engine/settle.h"

/* One migration, and how it stands. */
struct resolve {
    struct engine *engine;
    enum ledger_action action;
    size_t index; /* of the plan */
    const struct plan_migration *migration;
    const struct ledger_row *row; /* NULL: none */
    enum decide_state state;
    bool skipped;
};

static bool refuse_unknown(const struct plan *plan, const char *id, struct error *err)
{
    const char **ids = memory_new(plan->migration_count, sizeof *ids);
    for (size_t i = 0; i < plan->migration_count; i++) {
        ids[i] = plan->migrations[i].id;
    }
    const char *nearest = text_nearest(id, ids, plan->migration_count);
    error_set(err, ERROR_INVALID, "the plan has no migration \"%s\" to settle", id);
    if (nearest) {
        error_hint(err, "Did you mean \"%s\"?", nearest);
    } else {
        error_hint(err, "\"postlude status\" lists the plan's migrations.");
    }
    free(ids);
    return false;
}

static bool find(const struct plan *plan, const char *id, size_t *out_index, struct error *err)
{
    for (size_t i = 0; i < plan->migration_count; i++) {
        if (strcmp(plan->migrations[i].id, id) == 0) {
            *out_index = i;
            return true;
        }
    }
    return refuse_unknown(plan, id, err);
}

static bool refuse(const struct resolve *resolve, const char *why, const char *hint,
                   struct error *err)
{
    error_set(err, ERROR_INVALID, "\"%s\" %s", resolve->migration->id, why);
    return error_hint(err, "%s", hint);
}

static bool is_applied(const struct resolve *resolve)
{
    return (resolve->state == DECIDE_APPLIED || resolve->state == DECIDE_CHANGED) &&
           !resolve->skipped;
}

static bool check_settling(const struct resolve *resolve, struct error *err)
{
    if (is_applied(resolve)) {
        return refuse(resolve, "is applied already",
                      "What is applied is history: a new migration is the way to change what it "
                      "did. --accept is for a file that changed since.",
                      err);
    }
    if (resolve->action == LEDGER_SKIP && resolve->skipped) {
        return refuse(resolve, "is skipped already",
                      "--retry has the next run carry it out, --applied says that it is done.",
                      err);
    }
    return true;
}

static bool check_retry(const struct resolve *resolve, struct error *err)
{
    if (is_applied(resolve)) {
        return refuse(resolve, "is applied already",
                      "To have it done once more, put what it does into a new migration.", err);
    }
    if (resolve->state == DECIDE_PENDING) {
        return refuse(resolve, "is pending: there is nothing to settle",
                      "A run applies it, or goes on with it, by itself.", err);
    }
    return true;
}

static bool check_accept(const struct resolve *resolve, struct error *err)
{
    if (!is_applied(resolve)) {
        return refuse(resolve, "is not applied: there is no checksum to replace",
                      "--applied takes it for applied as its file is now.", err);
    }
    if (resolve->state != DECIDE_CHANGED) {
        return refuse(resolve, "is as it was applied: there is no change to accept",
                      "\"postlude status\" tells which files changed.", err);
    }
    return true;
}

static bool check(const struct resolve *resolve, struct error *err)
{
    if (resolve->state == DECIDE_EVERY) {
        return refuse(resolve, "runs in each run: there is nothing to settle",
                      "Whatever became of it, the next run starts it again.", err);
    }
    switch (resolve->action) {
    case LEDGER_SET_APPLIED:
    case LEDGER_SKIP:
        return check_settling(resolve, err);
    case LEDGER_RETRY:
        return check_retry(resolve, err);
    case LEDGER_ACCEPT:
        return check_accept(resolve, err);
    }
    return true;
}

/* By what the ledger said last. */
static void look(struct resolve *resolve)
{
    const struct engine *engine = resolve->engine;
    AUTO(decide)
    struct decision *decision = decide(engine->request.plan, engine->ledger, NULL);
    resolve->row = ledger_find(engine->ledger, resolve->migration->id);
    resolve->state = decision->states[resolve->index];
    resolve->skipped = resolve->row && resolve->row->state == LEDGER_SKIPPED;
}

/* What the server still does for the run that was cut off would meet what the next run does. */
static bool wait_for_its_end(struct resolve *resolve, struct error *err)
{
    if (!resolve->row || resolve->state != DECIDE_UNKNOWN) {
        return true;
    }
    if (!engine_hold(resolve->engine, err)) {
        return false;
    }
    bool ok = settle_wait(resolve->engine, resolve->row->run_id, NULL, err);
    engine_release(resolve->engine);
    return ok;
}

/* A file that cannot be read as SQL can be settled all the same. */
static const char *kind_of(const struct resolve *resolve)
{
    struct inspect_file file;
    struct error ignored;
    if (resolve->row) {
        return resolve->row->kind;
    }
    if (resolve->migration->command) {
        return "command";
    }
    if (!inspect_read(resolve->migration, &file, &ignored)) {
        return "sql";
    }
    bool alone = file.mode == INSPECT_ALONE;
    inspect_clear(&file);
    return alone ? "alone" : "sql";
}

static bool write_down(struct resolve *resolve, struct error *err)
{
    struct engine *engine = resolve->engine;
    const struct plan_migration *migration = resolve->migration;
    const struct ledger_claim claim = {
        .plan = engine->request.plan->name,
        .run_id = engine->outcome->run_id,
        .id = migration->id,
        .kind = kind_of(resolve),
        .checksum = *migration->checksum ? migration->checksum : NULL,
    };
    struct ledger_former former;
    return ledger_resolve(engine->pg, &claim, resolve->action, engine->request.deadline, &former,
                          err);
}

static void tell(struct resolve *resolve, const char *former)
{
    static const char *const words[] = {
        [LEDGER_SET_APPLIED] = "counts as applied",
        [LEDGER_RETRY] = "is to be tried again",
        [LEDGER_SKIP] = "is skipped",
        [LEDGER_ACCEPT] = "counts as applied with its present checksum",
    };
    struct outcome *outcome = resolve->engine->outcome;
    const struct plan *plan = resolve->engine->request.plan;
    AUTO(buf) struct buf note = buf_make(1024);
    buf_format(&note, "settled by hand: \"%s\", which was %s, %s", resolve->migration->id, former,
               words[resolve->action]);
    outcome->note = memory_text(note.data);
    log_info(note.data, LOG_QUIET_TEXT("migration", resolve->migration->id));
    AUTO(decide) struct decision *decision = decide(plan, resolve->engine->ledger, NULL);
    outcome->already_applied = decision->applied_count;
    for (size_t i = 0; i < decision->step_count; i++) {
        if (decision->states[decision->steps[i]] != DECIDE_EVERY) {
            outcome_add_pending(outcome, plan->migrations[decision->steps[i]].id);
        }
    }
}

static bool settle(struct resolve *resolve, struct engine_resolution *out, struct error *err)
{
    struct engine *engine = resolve->engine;
    look(resolve);
    /* Refused at once, without waiting for the plan; what was read once it is taken decides. */
    if (!check(resolve, err) || !engine_take(engine, err)) {
        return false;
    }
    look(resolve);
    const char *former = decide_shown(resolve->state, resolve->row);
    if (!check(resolve, err) || !wait_for_its_end(resolve, err) || !write_down(resolve, err) ||
        !engine_read(engine, err)) {
        return false;
    }
    look(resolve);
    *out = (struct engine_resolution){.former = former,
                                      .state = decide_shown(resolve->state, resolve->row)};
    tell(resolve, former);
    return true;
}

bool engine_resolve(struct engine *engine, const char *id, enum ledger_action action,
                    struct engine_resolution *out_resolution, struct error *err)
{
    struct resolve resolve = {.engine = engine, .action = action};
    engine->refused = true;
    if (!find(engine->request.plan, id, &resolve.index, err)) {
        return false;
    }
    resolve.migration = &engine->request.plan->migrations[resolve.index];
    bool ok = settle(&resolve, out_resolution, err);
    if (!ok && engine->taken) {
        outcome_fail(engine->outcome, err);
    }
    engine->outcome->finished_ms = clock_wall_ms();
    engine->refused = !engine->taken;
    return ok;
}
