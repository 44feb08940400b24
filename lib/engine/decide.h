/*
 * What is to be done: a pure function from plan, ledger and request to states and steps, or a
 * refusal. Nothing is asked or changed here.
 */
#ifndef POSTLUDE_ENGINE_DECIDE_H
#define POSTLUDE_ENGINE_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "plan/plan.h"

enum decide_state {
    DECIDE_APPLIED, /* or settled as skipped */
    DECIDE_PENDING,
    DECIDE_CHANGED, /* applied, but the file is another one now */
    DECIDE_FAILED,  /* the last try failed; pending likewise */
    DECIDE_UNKNOWN, /* cut off outside a transaction: a run has to find out what became of it */
    DECIDE_EVERY,   /* runs in each run, and is never pending */
};

struct decision {
    enum decide_state *states; /* one a migration of the plan */
    size_t count;
    size_t *steps; /* indexes of the plan's migrations to apply, in order */
    size_t step_count;
    size_t pending_count; /* of them: without those that run in each run */
    size_t applied_count;
    const struct ledger_row **strangers; /* applied rows that the plan does not have; borrowed */
    size_t stranger_count;
};

/* States and steps; never fails. An older image, which lacks what the database has and has nothing
 * to apply, gets no steps at all. `to` (may be NULL) must be an id of the plan: steps end there. */
struct decision *decide(const struct plan *plan, const struct ledger *ledger, const char *to);
void decide_free(struct decision *decision);

/* Whether a run may carry the steps out. ERROR_CONFLICT: a changed file (both checksums named),
 * histories that have parted, an order that is not the plan's. */
MUST_CHECK bool decide_check(const struct decision *decision, const struct plan *plan,
                             const struct ledger *ledger, struct error *err);

/* Whether `to` is an id of the plan. ERROR_INVALID, with the nearest one. */
MUST_CHECK bool decide_target(const struct plan *plan, const char *to, struct error *err);

const char *decide_state_name(enum decide_state state);
/* The same for people, who want to know what was skipped; row may be NULL. */
const char *decide_shown(enum decide_state state, const struct ledger_row *row);

DEFINE_AUTO(decide, struct decision *, decide_free)

#endif
