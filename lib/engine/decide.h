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
    DECIDE_FAILED,  /* the last try failed and was rolled back; pending likewise */
    DECIDE_UNKNOWN, /* started outside a transaction and never settled */
};

struct decision {
    enum decide_state *states; /* one a migration of the plan */
    size_t count;
    size_t *steps; /* indexes of the plan's migrations to apply, in order */
    size_t step_count;
    size_t applied_count;
    const struct ledger_row **strangers; /* applied rows that the plan does not have; borrowed */
    size_t stranger_count;
};

/* States and steps; never fails. `to` (may be NULL) must be an id of the plan: steps end there. */
struct decision *decide(const struct plan *plan, const struct ledger *ledger, const char *to);
void decide_free(struct decision *decision);

/* Whether a run may carry the steps out. ERROR_CONFLICT: a changed file (both checksums named), a
 * migration whose state is unknown, histories that have parted, an order that is not the plan's. */
MUST_CHECK bool decide_check(const struct decision *decision, const struct plan *plan,
                             const struct ledger *ledger, struct error *err);

/* Whether `to` is an id of the plan. ERROR_INVALID, with the nearest one. */
MUST_CHECK bool decide_target(const struct plan *plan, const char *to, struct error *err);

const char *decide_state_name(enum decide_state state);

DEFINE_AUTO(decide, struct decision *, decide_free)

#endif
