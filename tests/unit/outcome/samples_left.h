/* Outcomes of steps outside a transaction, of commands, and of a transaction for all. */
#ifndef POSTLUDE_TESTS_OUTCOME_SAMPLES_LEFT_H
#define POSTLUDE_TESTS_OUTCOME_SAMPLES_LEFT_H

#include "outcome/samples_base.h"

static inline struct outcome *sample_left(enum error_kind kind, const char *message,
                                          enum outcome_left left, int done, int total)
{
    struct outcome *outcome = sample_failing(kind, message, "");
    outcome->failure.left = left;
    outcome->failure.statements_done = done;
    outcome->failure.statements_total = total;
    return outcome;
}

static inline struct outcome *sample_left_statements(void)
{
    struct outcome *outcome =
        sample_left(ERROR_FAILED, "column \"totl\" does not exist", OUTCOME_LEFT_STATEMENTS, 3, 5);
    error_code(&outcome->error, "42703");
    text_copy(outcome->failure.statement, sizeof outcome->failure.statement,
              "CREATE INDEX CONCURRENTLY orders_by_total ON orders (totl)");
    outcome->failure.line = 9;
    outcome->failure.column = 58;
    return outcome;
}

static inline struct outcome *sample_left_one_statement(void)
{
    return sample_left(ERROR_INTERRUPTED, "told to stop by SIGTERM", OUTCOME_LEFT_STATEMENTS, 1, 2);
}

static inline struct outcome *sample_left_no_statement(void)
{
    static const struct outcome_blocker blocker = {4711, "app", "rails", 723000, "VACUUM orders"};
    struct outcome *outcome = sample_left(ERROR_BUSY, "canceling statement due to lock timeout",
                                          OUTCOME_LEFT_STATEMENTS, 0, 1);
    error_code(&outcome->error, "55P03");
    outcome->failure.blockers[0] = blocker;
    outcome->failure.blocker_count = 1;
    return outcome;
}

static inline struct outcome *sample_left_every_statement(void)
{
    return sample_left(ERROR_FAILED, "verify of 0002_add_total answered false",
                       OUTCOME_LEFT_STATEMENTS, 5, 5);
}

static inline struct outcome *sample_unsettled(void)
{
    return sample_left(ERROR_UNKNOWN, "the connection was lost while statement 3 was on its way",
                       OUTCOME_LEFT_UNKNOWN, 2, 5);
}

static inline struct outcome *sample_unsettled_last(void)
{
    struct outcome *outcome =
        sample_left(ERROR_UNKNOWN, "the connection was lost while statement 2 was on its way",
                    OUTCOME_LEFT_UNKNOWN, 1, 2);
    error_hint(&outcome->error, "Ask the database: select indisvalid from pg_index where "
                                "indexrelid = to_regclass('orders_by_total')");
    return outcome;
}

/* An id that a shell would take apart. */
static inline struct outcome *sample_unsettled_command(void)
{
    struct outcome *outcome = sample_left(ERROR_UNKNOWN, "the program was killed with postlude",
                                          OUTCOME_LEFT_UNKNOWN, 0, 0);
    static const char id[] = "seed, the customer's";
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, id);
    *outcome->failure.file = '\0';
    free(outcome->pending[0]);
    outcome->pending[0] = memory_text(id);
    return outcome;
}

static inline struct outcome *sample_unsettled_found(void)
{
    struct outcome *outcome =
        sample_plain(ERROR_CONFLICT, "0002_add_total.sql",
                     "statement 1 of 3 of 0002_add_total was begun by run "
                     "0198c0dd-0000-7000-8000-000000000001 and its end is not on record",
                     "Ask the database: select indisvalid from pg_index where indexrelid = "
                     "to_regclass('orders_by_total')");
    sample_connected(outcome);
    outcome->already_applied = 1;
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, "0002_add_total");
    outcome->failure.left = OUTCOME_LEFT_UNKNOWN;
    outcome->failure.statements_total = 3;
    outcome_add_pending(outcome, "0002_add_total");
    return outcome;
}

static inline void sample_exit_status(struct outcome *outcome, int exit_status)
{
    outcome->failure.has_exit_status = true;
    outcome->failure.exit_status = exit_status;
    *outcome->failure.file = '\0';
}

/* A step of each run: it is not among the migrations that are counted. */
static inline struct outcome *sample_command(void)
{
    struct outcome *outcome =
        sample_left(ERROR_FAILED, "php artisan cache:warm ended with exit status 3",
                    OUTCOME_LEFT_COMMAND, 0, 0);
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, "warm");
    sample_exit_status(outcome, 3);
    return outcome;
}

static inline struct outcome *sample_command_killed(void)
{
    struct outcome *outcome =
        sample_left(ERROR_INTERRUPTED, "told to stop by SIGTERM", OUTCOME_LEFT_COMMAND, 0, 0);
    sample_exit_status(outcome, 137);
    return outcome;
}

static inline struct outcome *sample_shared(enum error_kind kind, const char *message)
{
    struct outcome *outcome = sample_left(kind, message, OUTCOME_LEFT_ALL, 0, 0);
    free(outcome->applied[0].id);
    outcome->applied_count = 0;
    outcome_add_pending(outcome, "0004_vat");
    return outcome;
}

static inline struct outcome *sample_together(void)
{
    struct outcome *outcome = sample_shared(ERROR_FAILED, "column \"totl\" does not exist");
    error_code(&outcome->error, "42703");
    return outcome;
}

static inline struct outcome *sample_together_busy(void)
{
    struct outcome *outcome = sample_shared(ERROR_BUSY, "canceling statement due to lock timeout");
    error_code(&outcome->error, "55P03");
    return outcome;
}

static inline struct outcome *sample_together_interrupted(void)
{
    return sample_shared(ERROR_INTERRUPTED, "told to stop by SIGTERM");
}

static inline struct outcome *sample_together_unknown(void)
{
    return sample_shared(ERROR_UNKNOWN, "the connection was lost while COMMIT was on its way");
}

static inline struct outcome *sample_busy_one(void)
{
    static const struct outcome_blocker blocker = {4711, "app", "rails", 723000,
                                                   "UPDATE orders SET total = 5 WHERE id = 1"};
    struct outcome *outcome =
        sample_failing(ERROR_BUSY, "table orders stayed locked through 10 attempts", "");
    error_code(&outcome->error, "55P03");
    outcome->failure.blockers[0] = blocker;
    outcome->failure.blocker_count = 1;
    return outcome;
}

static inline struct outcome *sample_busy_deadlock(void)
{
    struct outcome *outcome = sample_failing(ERROR_BUSY, "deadlock detected", "");
    error_code(&outcome->error, "40P01");
    return outcome;
}

static inline struct outcome *sample_every(void)
{
    struct outcome *outcome = sample_pipeline(1204);
    sample_connected(outcome);
    outcome->already_applied = 41;
    outcome_add_every(outcome, "warm", 950, 0);
    return outcome;
}

static inline struct outcome *sample_every_and_commands(void)
{
    struct outcome *outcome = sample_every();
    outcome_add_applied(outcome, "0042_create_refunds", 12);
    outcome_add_command(outcome, "seed", 3000, 0);
    outcome_add_every(outcome, "announce", 20, 0);
    return outcome;
}

#endif
