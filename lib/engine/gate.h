/*
 * Whether a database is at a plan, for those who wait until it is. Pure.
 */
#ifndef POSTLUDE_ENGINE_GATE_H
#define POSTLUDE_ENGINE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"
#include "engine/decide.h"

/* True: nothing of the plan is left to apply; what runs in each run is not, and neither does it
 * matter that the database has more (an older image). ERROR_PENDING: a run would go on, or is at
 * it, also after one that failed, or was cut off where the next one finds out what became of it.
 * ERROR_CONFLICT: none would: decide_check's, and a command that was cut off, of which nobody but a
 * person can tell. */
MUST_CHECK bool gate_judge(const struct decision *decision, const struct plan *plan,
                           const struct ledger *ledger, struct error *err);

/* The mean pause after so many looks, growing to a few seconds: what is drawn around it spreads
 * the tasks that began together. */
int64_t gate_pause_ms(unsigned looks);

#endif
