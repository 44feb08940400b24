#include "engine/decide.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

const char *decide_state_name(enum decide_state state)
{
    static const char *const names[] = {
        [DECIDE_APPLIED] = "applied", [DECIDE_PENDING] = "pending", [DECIDE_CHANGED] = "changed",
        [DECIDE_FAILED] = "failed",   [DECIDE_UNKNOWN] = "unknown", [DECIDE_EVERY] = "every",
    };
    return names[state];
}

const char *decide_shown(enum decide_state state, const struct ledger_row *row)
{
    bool skipped = state == DECIDE_APPLIED && row && row->state == LEDGER_SKIPPED;
    return skipped ? "skipped" : decide_state_name(state);
}

static enum decide_state state_of(const struct plan_migration *migration,
                                  const struct ledger_row *row)
{
    if (migration->every) {
        return DECIDE_EVERY;
    }
    if (!row) {
        return DECIDE_PENDING;
    }
    switch (row->state) {
    case LEDGER_APPLIED:
        return row->checksum && *migration->checksum &&
                       strcmp(row->checksum, migration->checksum) != 0
                   ? DECIDE_CHANGED
                   : DECIDE_APPLIED;
    case LEDGER_SKIPPED:
        return DECIDE_APPLIED;
    case LEDGER_FAILED:
        return DECIDE_FAILED;
    case LEDGER_STARTED:
        return row->attempting >= 0 ? DECIDE_UNKNOWN : DECIDE_PENDING;
    }
    return DECIDE_UNKNOWN;
}

static int by_text(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static void find_strangers(const struct plan *plan, const struct ledger *ledger,
                           struct decision *decision)
{
    const char **ids = memory_new(plan->migration_count, sizeof *ids);
    for (size_t i = 0; i < plan->migration_count; i++) {
        ids[i] = plan->migrations[i].id;
    }
    qsort(ids, plan->migration_count, sizeof *ids, by_text);
    decision->strangers = memory_new(ledger->count, sizeof(const struct ledger_row *));
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_row *row = &ledger->rows[i];
        const char *id = row->id;
        bool settled = row->state == LEDGER_APPLIED || row->state == LEDGER_SKIPPED;
        if (settled && !text_same(row->kind, "every") &&
            !bsearch(&id, ids, plan->migration_count, sizeof *ids, by_text)) {
            decision->strangers[decision->stranger_count++] = row;
        }
    }
    free(ids);
}

struct decision *decide(const struct plan *plan, const struct ledger *ledger, const char *to)
{
    struct decision *decision = memory_new(1, sizeof *decision);
    decision->count = plan->migration_count;
    decision->states = memory_new(decision->count, sizeof *decision->states);
    decision->steps = memory_new(decision->count, sizeof *decision->steps);
    bool wanted = true;
    for (size_t i = 0; i < decision->count; i++) {
        const struct plan_migration *migration = &plan->migrations[i];
        enum decide_state state = state_of(migration, ledger_find(ledger, migration->id));
        decision->states[i] = state;
        decision->applied_count += state == DECIDE_APPLIED || state == DECIDE_CHANGED;
        if (wanted && state != DECIDE_APPLIED && state != DECIDE_CHANGED) {
            decision->steps[decision->step_count++] = i;
            decision->pending_count += state != DECIDE_EVERY;
        }
        wanted = wanted && !text_same(migration->id, to);
    }
    find_strangers(plan, ledger, decision);
    if (decision->stranger_count && !decision->pending_count) {
        decision->step_count = 0;
    }
    return decision;
}

void decide_free(struct decision *decision)
{
    if (decision) {
        free(decision->states);
        free(decision->steps);
        free(decision->strangers);
        free(decision);
    }
}

static bool changed(const struct plan_migration *migration, const struct ledger_row *row,
                    struct error *err)
{
    error_set(err, ERROR_CONFLICT,
              "migration \"%s\" was applied and its file has changed since: applied %s, now %s",
              migration->id, row->checksum, migration->checksum);
    error_where(err, "%s", migration->file);
    return error_hint(err,
                      "Bring the file back as it was applied (run %s, %s) and put the change "
                      "into a new migration.",
                      row->run_id, row->applied_at ? row->applied_at : "time unknown");
}

/* A stranger with the content of a pending migration: somebody renamed its file. */
static bool renamed(const struct decision *decision, const struct plan *plan, struct error *err)
{
    for (size_t i = 0; i < decision->stranger_count; i++) {
        const struct ledger_row *row = decision->strangers[i];
        for (size_t j = 0; row->checksum && j < decision->step_count; j++) {
            const struct plan_migration *step = &plan->migrations[decision->steps[j]];
            if (strcmp(row->checksum, step->checksum) == 0) {
                error_set(err, ERROR_CONFLICT,
                          "migration \"%s\" was renamed after it was applied as \"%s\"", step->id,
                          row->id);
                error_where(err, "%s:%u:%u", plan->path, step->line, step->column);
                error_hint(err,
                           "Give the file its old name back, or its entry in the plan the id "
                           "it was applied under: id: %s",
                           row->id);
                return true;
            }
        }
    }
    return false;
}

static bool parted(const struct decision *decision, const struct plan *plan, struct error *err)
{
    size_t first = 0; /* what runs in each run is in no database */
    while (decision->states[decision->steps[first]] == DECIDE_EVERY) {
        first++;
    }
    error_set(err, ERROR_CONFLICT,
              "plan and database have parted: the database has \"%s\"%s that this plan does not, "
              "and the plan has \"%s\" that the database does not",
              decision->strangers[0]->id, decision->stranger_count > 1 ? " and more" : "",
              plan->migrations[decision->steps[first]].id);
    return error_hint(err, "Two branches were deployed, or a file was renamed. Bring the missing "
                           "migrations into this image: \"postlude status\" lists them.");
}

static bool out_of_order(const struct plan *plan, size_t step, size_t above, struct error *err)
{
    const struct plan_migration *late = &plan->migrations[step];
    error_set(err, ERROR_CONFLICT,
              "migration \"%s\" is not applied and stands before \"%s\", which is", late->id,
              plan->migrations[above].id);
    error_where(err, "%s:%u:%u", plan->path, late->line, late->column);
    return error_hint(err, "Move it behind the applied ones, or, if it may run after them, give "
                           "its entry out_of_order with the reason.");
}

static bool settled(enum decide_state state)
{
    return state == DECIDE_APPLIED || state == DECIDE_CHANGED;
}

static bool check_order(const struct decision *decision, const struct plan *plan, struct error *err)
{
    size_t last = decision->count;
    while (last > 0 && !settled(decision->states[last - 1])) {
        last--;
    }
    for (size_t i = 0; i < decision->step_count; i++) {
        size_t step = decision->steps[i];
        const struct plan_migration *migration = &plan->migrations[step];
        if (step + 1 < last && !migration->out_of_order && !migration->every) {
            return out_of_order(plan, step, last - 1, err);
        }
    }
    return true;
}

bool decide_check(const struct decision *decision, const struct plan *plan,
                  const struct ledger *ledger, struct error *err)
{
    for (size_t i = 0; i < decision->count; i++) {
        const struct plan_migration *migration = &plan->migrations[i];
        if (decision->states[i] == DECIDE_CHANGED) {
            return changed(migration, ledger_find(ledger, migration->id), err);
        }
    }
    if (decision->stranger_count && decision->step_count) {
        return !renamed(decision, plan, err) && parted(decision, plan, err);
    }
    return check_order(decision, plan, err);
}

bool decide_target(const struct plan *plan, const char *to, struct error *err)
{
    const char **ids = memory_new(plan->migration_count, sizeof *ids);
    bool found = false;
    for (size_t i = 0; i < plan->migration_count; i++) {
        ids[i] = plan->migrations[i].id;
        found = found || strcmp(ids[i], to) == 0;
    }
    if (!found) {
        const char *nearest = text_nearest(to, ids, plan->migration_count);
        error_set(err, ERROR_INVALID, "the plan has no migration \"%s\" to go to", to);
        error_hint(err, nearest ? "Did you mean \"%s\"?%s" : "%s%s", nearest ? nearest : "",
                   nearest ? "" : "\"postlude status\" lists the plan's migrations.");
    }
    free(ids);
    return found;
}
