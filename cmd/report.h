/* A run's report on its way to whoever is to be told, and those of earlier runs that were left. */
#ifndef POSTLUDE_CMD_REPORT_H
#define POSTLUDE_CMD_REPORT_H

#include <stdbool.h>

#include "aws/session.h"
#include "cmd/settings.h"
#include "engine/engine.h"
#include "outcome/outcome.h"
#include "plan/plan.h"

struct report {
    const struct settings *settings;
    const struct plan_report *rules; /* expanded; NULL: no plan could be read */
    struct aws *aws;
    struct engine *engine; /* NULL: the database was not reached */
    const struct outcome *outcome;
};

/* Whether it is wanted, and somebody is there to be told: for engine_keep. */
bool report_due(const struct report *report);

/* Publishes it where and when it is wanted, and has the ledger know; false when it should have gone
 * out and did not, which is logged: it is left to the next run. When it went out, or was not due,
 * what earlier runs of the plan left goes out too, marked late, oldest first: at most 20 of them
 * and for at most a minute, so long as nobody asks to stop. What becomes of those is logged only;
 * to the topic and in the format of this run, so that a mended plan sends them. */
MUST_CHECK bool report_publish(const struct report *report);

#endif
