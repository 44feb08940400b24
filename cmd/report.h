/* A run's report on its way to whoever is to be told. */
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

/* Publishes it where and when it is wanted, and has the ledger know; false when it should have gone
 * out and did not, which is logged. */
MUST_CHECK bool report_publish(const struct report *report);

#endif
