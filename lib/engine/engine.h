/*
 * A run: connect, read the ledger, decide, take the plan, apply, keep what it came to.
 *
 * It knows neither AWS nor how a report is sent: its result is a struct outcome. It logs as it
 * goes. Admitting an event (engine/admit.h) comes before it, and is pure.
 */
#ifndef POSTLUDE_ENGINE_ENGINE_H
#define POSTLUDE_ENGINE_ENGINE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/env.h"
#include "base/error.h"
#include "base/wait.h"
#include "engine/decide.h"
#include "outcome/outcome.h"
#include "pg/pg.h"
#include "plan/plan.h"
#include "trigger/trigger.h"

/* All borrowed for the life of the engine. */
struct engine_request {
    const struct plan *plan; /* expanded */
    const struct trigger *trigger;
    pg_address_fn *address; /* where to connect to, asked before each connection */
    void *address_context;
    const struct stop *stop;
    struct deadline deadline; /* of the whole run */
    const char *to;           /* the last migration to apply: an id of the plan, or NULL */
    bool dry_run;             /* decide, change nothing */
    const struct env *env;    /* what commands get besides the database's place */
};

struct engine;

/* Connects, trying again for as long as the plan's database.wait says, and reads the ledger. Fills
 * the outcome's database part as far as it came. Error kinds: pg_open's and ledger_read's. */
MUST_CHECK bool engine_open(const struct engine_request *request, struct outcome *outcome,
                            struct engine **out_engine, struct error *err);
void engine_close(struct engine *engine);

/* Decides and carries it out; how it ended is in the outcome, which is then in the ledger too
 * (but for dry runs and duplicates). Call it once. */
void engine_run(struct engine *engine, struct outcome *outcome);

struct engine_resolution {
    const char *former, *state; /* as status names them: "unknown", "applied", ... */
};
/* Settles one migration of the plan as a person says, as a run of its own, which waits for another
 * run like any other, and for what the server still does for the one that was cut off. The outcome,
 * which the ledger then has too, says so in its note. ERROR_INVALID: no such migration, or its
 * state is not one that this action settles; nothing was changed. Others as engine_run's. Call it
 * once, in place of engine_run. */
MUST_CHECK bool engine_resolve(struct engine *engine, const char *id, enum ledger_action action,
                               struct engine_resolution *out_resolution, struct error *err);

/* Records that the report of this run was published. A failure is logged; nothing else depends on
 * it. */
void engine_reported(struct engine *engine, const struct outcome *outcome);

/* What the ledger says now, for status: borrowed, valid until engine_close. */
const struct ledger *engine_ledger(const struct engine *engine);

DEFINE_AUTO(engine, struct engine *, engine_close)

#endif
