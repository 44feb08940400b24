/* Outcomes to be delivered. */
#ifndef POSTLUDE_TESTS_DELIVER_RUNS_H
#define POSTLUDE_TESTS_DELIVER_RUNS_H

#include "base/memory.h"
#include "base/text.h"
#include "check.h"
#include "outcome/outcome.h"

static const char run_id[] = "0198c0de-0000-7000-8000-000000000001";

/* Plan orders, brought up to date by a pipeline. */
UNUSED static struct outcome *run_applied(void)
{
    struct outcome *outcome = outcome_new();
    outcome->kind = OUTCOME_APPLIED;
    text_copy(outcome->run_id, sizeof outcome->run_id, run_id);
    outcome->plan = memory_text("orders");
    outcome->trigger_kind = memory_text("codepipeline");
    outcome->pipeline = memory_text("orders-prod");
    outcome_add_applied(outcome, "0001_create_orders", 12);
    return outcome;
}

/* The same, failed at its second migration, with row data in the error. */
UNUSED static struct outcome *run_failed(void)
{
    struct outcome *outcome = run_applied();
    struct error err;
    error_set(&err, ERROR_FAILED, "duplicate key value violates unique constraint");
    error_hint(&err, "Mend the rows.");
    outcome_fail(outcome, &err);
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, "0002_unique");
    text_copy(outcome->failure.detail, sizeof outcome->failure.detail, "Key (mail)=(row-data)");
    text_copy(outcome->failure.statement, sizeof outcome->failure.statement,
              "insert into t values ('row-data')");
    outcome_add_pending(outcome, "0002_unique");
    return outcome;
}

/* Makes each list of the outcome `count` entries of 200 bytes longer. */
UNUSED static void run_grow(struct outcome *outcome, size_t count)
{
    AUTO(buf) struct buf id = buf_make(256);
    for (size_t i = 0; i < count; i++) {
        buf_truncate(&id, 0);
        buf_format(&id, "%0200zu", i);
        outcome_add_applied(outcome, id.data, 1);
        outcome_add_pending(outcome, id.data);
        outcome_add_unknown(outcome, id.data);
        outcome_add_every(outcome, id.data, 1, 0);
    }
}

#endif
