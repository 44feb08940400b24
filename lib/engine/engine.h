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
#include "base/json.h"
#include "base/uuid.h"
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
    bool only_reads; /* nothing will be written: the login needs no more than rights to read */
    bool once;       /* one try to connect, whatever database.wait says: the caller comes again */
    const struct env *env; /* what commands get besides the database's place */
};

struct engine;

/* Connects, trying again for as long as the plan's database.wait says, and reads the ledger. Fills
 * the outcome's database part as far as it came. Error kinds: pg_open's and ledger_read's. */
MUST_CHECK bool engine_open(const struct engine_request *request, struct outcome *outcome,
                            struct engine **out_engine, struct error *err);
void engine_close(struct engine *engine);

/* Decides and carries it out; how it ended is in the outcome. Call it once, and then engine_keep.
 */
void engine_run(struct engine *engine, struct outcome *outcome);

/* In place of engine_run: decides, and says in the outcome whether the database is at the plan:
 * OUTCOME_NOTHING, or an error of gate_judge's kinds (engine/gate.h). *out_recent is filled as far
 * as it can be read. */
void engine_check(struct engine *engine, struct outcome *outcome, struct ledger_recent *out_recent);

struct engine_resolution {
    const char *former, *state; /* as status names them: "unknown", "applied", ... */
};
/* Settles one migration of the plan as a person says, as a run of its own, which waits for another
 * run like any other, and for what the server still does for the one that was cut off. The outcome
 * says so in its note. ERROR_INVALID: no such migration, or its
 * state is not one that this action settles; nothing was changed. Call it once, in place of
 * engine_run, and then engine_keep. */
MUST_CHECK bool engine_resolve(struct engine *engine, const char *id, enum ledger_action action,
                               struct engine_resolution *out_resolution, struct error *err);

/* Writes the run's row, with its report, and gives the plan back; but for dry runs, duplicates, and
 * what engine_resolve refused before it took the plan. report_due: whoever asks is about to publish
 * the report; should that not come about, the next run of the plan does (below). What cannot be
 * written is logged. */
void engine_keep(struct engine *engine, bool report_due);
/* Whether the row is there. */
bool engine_kept(const struct engine *engine);

/* Reports of runs of this plan, this one's and those that were left: a claim is this run's own for
 * four minutes, and ended by sent or leave. What goes wrong here is logged, nothing depends on it.
 */

/* How many waited when the ledger was read last. */
int64_t engine_reports_waiting(const struct engine *engine);
/* The oldest that waits; false: there is none, or it could not be had. The caller owns *out_report,
 * which is what the run wrote (outcome_read). */
bool engine_report_claim(struct engine *engine, char out_run_id[UUID_TEXT_SIZE],
                         json_t **out_report);
/* It was published now. */
void engine_report_sent(struct engine *engine, const char *run_id);
/* It could not be published: another run may try at once. */
void engine_report_leave(struct engine *engine, const char *run_id);

/* What the ledger says now, for status: borrowed, valid until engine_close. */
const struct ledger *engine_ledger(const struct engine *engine);

DEFINE_AUTO(engine, struct engine *, engine_close)

#endif
