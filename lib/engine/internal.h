/* What the files of the engine share. Not for other rooms. */
#ifndef POSTLUDE_ENGINE_INTERNAL_H
#define POSTLUDE_ENGINE_INTERNAL_H

#include "catalog/catalog.h"
#include "engine/engine.h"
#include "ledger/ledger.h"

struct engine {
    struct engine_request request;
    struct outcome *outcome; /* of the run; borrowed */
    struct pg *pg;           /* NULL while there is no connection */
    struct catalog_server server;
    struct ledger *ledger;
    bool kept;  /* the run's row has its report */
    bool taken; /* this run owns the plan, as far as we know */
};

/* Closes what there is, connects and reads the ledger. */
MUST_CHECK bool engine_connect(struct engine *engine, struct error *err);
/* Reads the ledger again. */
MUST_CHECK bool engine_read(struct engine *engine, struct error *err);

/* Makes this run the owner of the plan, waiting for another run up to run.lock_wait. ERROR_BUSY. */
MUST_CHECK bool engine_take(struct engine *engine, struct error *err);

/* Splits and checks the files of all steps, before anything is touched. ERROR_INVALID. */
MUST_CHECK bool engine_inspect(const struct plan *plan, const struct decision *decision,
                               struct error *err);

/* Applies one migration; outcome->failure is filled when it fails. ERROR_FAILED: rolled back;
 * ERROR_BUSY: likewise, a lock was not to be had; ERROR_LOST: not known; ERROR_INTERRUPTED: rolled
 * back, or overtaken by another run. */
MUST_CHECK bool engine_apply(struct engine *engine, size_t migration, struct error *err);

/* Writes the run's row, with its report, and gives the plan back. Logs when it cannot. */
void engine_keep(struct engine *engine);
/* The run's row as the ledger wants it; with_end: also how it ended. New reference. */
json_t *engine_run_row(const struct engine *engine, bool with_end);

#endif
