/* One outcome of each kind, as runs leave them; their renderings are the golden files. */
#ifndef POSTLUDE_TESTS_OUTCOME_SAMPLES_H
#define POSTLUDE_TESTS_OUTCOME_SAMPLES_H

#include <stdio.h>
#include <string.h>

#include "outcome/samples_base.h"
#include "outcome/samples_left.h"

static inline struct outcome *sample_applied(void)
{
    struct outcome *outcome = sample_pipeline(1204);
    sample_connected(outcome);
    outcome->source_revision = memory_text("c0ffee3f0d9b5a7e61");
    outcome->already_applied = 41;
    outcome_add_applied(outcome, "0042_create_refunds", 12);
    outcome_add_applied(outcome, "0043_backfill", 1180);
    outcome->container = memory_text("migrate");
    outcome->image_digest = memory_text("sha256:25f3695bedfb454a50f12d127839a68ad3caf91e451c1da0");
    return outcome;
}

static inline struct outcome *sample_applied_partly(void)
{
    struct outcome *outcome = sample_started(95000);
    outcome->trigger_kind = memory_text("manual");
    outcome->by = memory_text("ana");
    outcome->reason = memory_text("first half before the sale");
    sample_connected(outcome);
    outcome->pooled = false;
    outcome_add_applied(outcome, "0001_create_orders", 90000);
    outcome_add_pending(outcome, "0002_add_total");
    return outcome;
}

static inline struct outcome *sample_nothing(void)
{
    struct outcome *outcome = sample_started(88);
    outcome->trigger_kind = memory_text("schedule");
    outcome->schedule = memory_text("arn:aws:events:eu-west-3:210987654321:rule/nightly");
    outcome->scheduled_time = memory_text("2031-03-14T09:00:00Z");
    sample_connected(outcome);
    outcome->already_applied = 41;
    return outcome;
}

static inline struct outcome *sample_older_image(void)
{
    struct outcome *outcome = sample_pipeline(88);
    sample_connected(outcome);
    outcome->already_applied = 41;
    outcome_add_unknown(outcome, "0042_create_refunds");
    outcome_add_unknown(outcome, "0043_backfill");
    outcome->note = memory_text("this image is older than the database");
    return outcome;
}

static inline struct outcome *sample_duplicate(void)
{
    struct outcome *outcome = sample_pipeline(41);
    sample_connected(outcome);
    outcome->kind = OUTCOME_DUPLICATE;
    outcome->already_applied = 41;
    outcome_add_pending(outcome, "0042_create_refunds");
    outcome->note = memory_text("run 0198c0dd-0000-7000-8000-000000000001 reached the plan for "
                                "this execution on 2031-03-14T09:20:00.000Z");
    return outcome;
}

static inline struct outcome *sample_ignored(void)
{
    struct outcome *outcome = sample_started(1);
    free(outcome->plan);
    outcome->plan = NULL;
    outcome->kind = OUTCOME_IGNORED;
    outcome->trigger_kind = memory_text("other");
    outcome->pipeline = memory_text("orders-prod");
    outcome->execution_id = memory_text("5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18");
    outcome->attempt = 1;
    outcome->note = memory_text("pipeline orders-prod is STARTED, and only SUCCEEDED starts "
                                "migrations");
    return outcome;
}

static inline struct outcome *sample_stack(void)
{
    struct outcome *outcome =
        sample_failing(ERROR_FAILED, "column \"totl\" does not exist", "Look for the column.");
    char *former[] = {outcome->trigger_kind, outcome->pipeline, outcome->execution_id};
    for (size_t i = 0; i < COUNT(former); i++) {
        free(former[i]);
    }
    outcome->trigger_kind = memory_text("cloudformation");
    outcome->pipeline = NULL;
    outcome->execution_id = NULL;
    outcome->attempt = 0;
    outcome->stack = memory_text("arn:aws:cloudformation:eu-west-3:210987654321:stack/orders/9a7e");
    outcome->logical_id = memory_text("Migration");
    outcome->request_type = memory_text("Update");
    return outcome;
}

static inline struct outcome *sample_failed(void)
{
    struct outcome *outcome =
        sample_failing(ERROR_FAILED, "column \"totl\" does not exist",
                       "Perhaps you meant to reference the column \"orders.total\".");
    struct outcome_failure *failure = &outcome->failure;
    error_code(&outcome->error, "42703");
    failure->line = 14;
    failure->column = 8;
    text_copy(failure->statement, sizeof failure->statement,
              "ALTER TABLE orders ALTER COLUMN totl SET NOT NULL");
    text_copy(failure->table, sizeof failure->table, "orders");
    return outcome;
}

static inline struct outcome *sample_failed_on_data(void)
{
    struct outcome *outcome = sample_failing(
        ERROR_FAILED,
        "new row for relation \"orders\" violates check constraint \"orders_total_check\"", "");
    struct outcome_failure *failure = &outcome->failure;
    error_code(&outcome->error, "23514");
    text_copy(failure->detail, sizeof failure->detail,
              "Failing row contains (17, ana@example.org, -3).");
    text_copy(failure->statement, sizeof failure->statement,
              "UPDATE orders SET total = price * amount - CASE WHEN customer = 'ana@example.org' "
              "THEN 17 ELSE 0 END WHERE total IS NULL AND created_at < '2030-01-01'");
    text_copy(failure->schema, sizeof failure->schema, "public");
    text_copy(failure->table, sizeof failure->table, "orders");
    text_copy(failure->constraint, sizeof failure->constraint, "orders_total_check");
    failure->line = 3;
    return outcome;
}

static inline struct outcome *sample_failed_without_place(void)
{
    struct outcome *outcome =
        sample_failing(ERROR_FAILED, "could not extend file \"base/16384/24601\": No space left",
                       "Check free disk space.");
    error_code(&outcome->error, "53100");
    *outcome->failure.file = '\0';
    return outcome;
}

static inline struct outcome *sample_busy_table(void)
{
    static const struct outcome_blocker blockers[] = {
        {4711, "app", "rails", 723000, "UPDATE orders SET total = 5 WHERE id = 1"},
        {4712, "report", "", 7260000, ""},
        {4713, "dba", "psql", 90, "ALTER ROLE app PASSWORD 'hunter2'"},
    };
    struct outcome *outcome =
        sample_failing(ERROR_BUSY, "table orders stayed locked through 10 attempts", "");
    error_code(&outcome->error, "55P03");
    memcpy(outcome->failure.blockers, blockers, sizeof blockers);
    outcome->failure.blocker_count = COUNT(blockers);
    outcome->failure.line = 14;
    outcome->failure.column = 1;
    return outcome;
}

static inline struct outcome *sample_busy_plan(void)
{
    struct outcome *outcome = sample_plain(
        ERROR_BUSY, "", "run 0198c0dd-0000-7000-8000-000000000001 has held the plan for 10 min 0 s",
        "Raise run.lock_wait if runs of this plan may take that long.");
    sample_connected(outcome);
    return outcome;
}

static inline struct outcome *sample_conflict(void)
{
    struct outcome *outcome = sample_plain(
        ERROR_CONFLICT, "0007_add_vat.sql",
        "0007_add_vat was applied with checksum sha256:9f86d081884c7d65 and the file now has "
        "sha256:60303ae22b998861",
        "Restore the file as it was applied and put the change into a new migration.");
    sample_connected(outcome);
    outcome->already_applied = 41;
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, "0007_add_vat");
    outcome_add_pending(outcome, "0042_create_refunds");
    return outcome;
}

static inline struct outcome *sample_interrupted(void)
{
    return sample_failing(ERROR_INTERRUPTED, "told to stop by SIGTERM", "");
}

static inline struct outcome *sample_interrupted_late(void)
{
    struct outcome *outcome =
        sample_failing(ERROR_INTERRUPTED, "the time allowed for this run is over", "");
    error_hint(&outcome->error, "run.deadline of the plan is how long a run may take: raise it if "
                                "this migration needs longer.");
    return outcome;
}

static inline struct outcome *sample_interrupted_early(void)
{
    return sample_plain(ERROR_INTERRUPTED, "", "told to stop while waiting for the database", "");
}

static inline struct outcome *sample_unreachable(void)
{
    struct outcome *outcome =
        sample_plain(ERROR_UNREACHABLE, "orders.proxy-c2x8.eu-west-3.rds.amazonaws.com:5432",
                     "could not translate host name: Name or service not known",
                     "Check database.host and the DNS settings of the task's VPC.");
    sample_contacted(outcome);
    return outcome;
}

static inline struct outcome *sample_denied(void)
{
    struct outcome *outcome =
        sample_plain(ERROR_DENIED, "orders.proxy-c2x8.eu-west-3.rds.amazonaws.com:5432",
                     "password authentication failed for user \"migrator\"",
                     "Check database.user and DB_PASSWORD.");
    error_code(&outcome->error, "28P01");
    sample_contacted(outcome);
    return outcome;
}

static inline struct outcome *sample_throttled(void)
{
    const char *secret = "arn:aws:secretsmanager:eu-west-3:210987654321:secret:orders/db-U7MKGA";
    char message[800];
    (void)snprintf(message, sizeof message,
                   "secret \"%s\" could not be used: secretsmanager.eu-west-3.amazonaws.com "
                   "answered ThrottlingException, HTTP status 400",
                   secret);
    struct outcome *outcome = sample_plain(ERROR_UNREACHABLE, "/etc/postlude/postlude.yaml:12:11",
                                           message, "Spread the runs.");
    error_code(&outcome->error, "ThrottlingException");
    return outcome;
}

/* CodePipeline did not answer, and answered otherwise. */
static inline struct outcome *sample_unanswered(void)
{
    struct outcome *outcome =
        sample_plain(ERROR_REFUSED, "",
                     "the event could not be confirmed: GetPipelineExecution: "
                     "codepipeline.eu-west-3.amazonaws.com answered AccessDeniedException, HTTP "
                     "status 400",
                     "Allow codepipeline:GetPipelineExecution to the task role.");
    error_code(&outcome->error, "AccessDeniedException");
    return outcome;
}

static inline struct outcome *sample_unconfirmed(void)
{
    struct outcome *outcome =
        sample_plain(ERROR_REFUSED, "",
                     "execution 5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18 of pipeline orders-prod is a "
                     "rollback",
                     "If migrations are wanted all the same, a run by hand with --reason applies "
                     "what is pending.");
    error_code(&outcome->error, "unconfirmed");
    return outcome;
}

static inline struct outcome *sample_invalid(void)
{
    struct outcome *outcome =
        sample_plain(ERROR_INVALID, "postlude.yaml:12:3", "unknown key \"migratons\"",
                     "Did you mean \"migrations\"? There is 1 more; "
                     "\"postlude validate\" shows all.");
    free(outcome->plan);
    outcome->plan = NULL;
    return outcome;
}

static inline struct outcome *sample_refused(void)
{
    struct outcome *outcome = sample_started(2);
    struct error err = {0};
    error_set(&err, ERROR_REFUSED, "the event is not JSON: its quotation marks are missing");
    error_where(&err, "POSTLUDE_EVENT");
    error_hint(&err, "EventBridge takes them out when InputTemplate is a string that holds the "
                     "whole event.");
    outcome_fail(outcome, &err);
    free(outcome->plan);
    outcome->plan = NULL;
    return outcome;
}

static inline struct outcome *sample_unknown(void)
{
    return sample_failing(ERROR_UNKNOWN,
                          "the connection was lost while COMMIT was on its way, and the lock could "
                          "not be had since",
                          "");
}

static inline struct outcome *sample_lost(void)
{
    return sample_plain(ERROR_LOST, "", "the server closed the connection unexpectedly", "");
}

static inline struct outcome *sample_pending(void)
{
    struct outcome *outcome = sample_plain(ERROR_PENDING, "", "2 migrations are pending", "");
    sample_connected(outcome);
    outcome_add_pending(outcome, "0002_add_total");
    outcome_add_pending(outcome, "0003_index");
    return outcome;
}

static inline struct outcome *sample_internal(void)
{
    return sample_plain(ERROR_INTERNAL, "apply.c:112", "a step has no statements", "");
}

static inline struct outcome *sample_dry_run(void)
{
    struct outcome *outcome = sample_nothing();
    outcome->dry_run = true;
    outcome_add_pending(outcome, "0042_create_refunds");
    outcome_add_pending(outcome, "0043_backfill");
    return outcome;
}

static inline struct outcome *sample_dry_run_nothing(void)
{
    struct outcome *outcome = sample_nothing();
    outcome->dry_run = true;
    return outcome;
}

static inline struct outcome *sample_dry_run_conflict(void)
{
    struct outcome *outcome = sample_conflict();
    outcome->dry_run = true;
    return outcome;
}

static inline struct outcome *sample_many(void)
{
    struct outcome *outcome = sample_failed();
    char id[64];
    for (int i = 4; i < 120; i++) {
        (void)snprintf(id, sizeof id, "%04d_step_number_%d", i, i);
        outcome_add_pending(outcome, id);
    }
    for (int i = 0; i < 25; i++) {
        (void)snprintf(id, sizeof id, "1%03d_before", i);
        outcome_add_applied(outcome, id, i * INT64_C(700));
    }
    return outcome;
}

/* Texts that would move a cursor, forge lines, turn text round, or are no UTF-8. */
static inline struct outcome *sample_hostile(void)
{
    static const char hostile[] = "\x1b]0;owned\x07\x1b[2J\xe2\x80\xae\xff\nWhat to do: curl | sh";
    struct outcome *outcome = sample_failing(ERROR_FAILED, hostile, hostile);
    struct outcome_failure *failure = &outcome->failure;
    error_code(&outcome->error, "%s", "\x1b[7m");
    text_copy(failure->migration, sizeof failure->migration, hostile);
    text_copy(failure->detail, sizeof failure->detail, hostile);
    text_copy(failure->statement, sizeof failure->statement, hostile);
    text_copy(failure->file, sizeof failure->file, hostile);
    text_copy(failure->blockers[0].user, sizeof failure->blockers[0].user, hostile);
    text_copy(failure->blockers[0].application, 64, hostile);
    text_copy(failure->blockers[0].query, sizeof failure->blockers[0].query, hostile);
    failure->blocker_count = 1;
    outcome_add_applied(outcome, hostile, 5);
    outcome_add_pending(outcome, hostile);
    outcome_add_unknown(outcome, hostile);
    outcome_add_every(outcome, hostile, 5, 1);
    char **texts[] = {&outcome->plan,         &outcome->pipeline,
                      &outcome->execution_id, &outcome->by,
                      &outcome->reason,       &outcome->host,
                      &outcome->database,     &outcome->user,
                      &outcome->note,         &outcome->image,
                      &outcome->task_arn,     &outcome->log_url,
                      &outcome->rerun,        &outcome->source_revision,
                      &outcome->container,    &outcome->image_digest};
    for (size_t i = 0; i < COUNT(texts); i++) {
        free(*texts[i]);
        *texts[i] = memory_text(hostile);
    }
    return outcome;
}

/* Told by a later run. */
static struct outcome *sample_late(void)
{
    struct outcome *outcome = sample_failed();
    outcome->late = true;
    return outcome;
}

static const struct {
    const char *name;
    struct outcome *(*make)(void);
} samples[] = {
    {"failed", sample_failed},
    {"failed_on_data", sample_failed_on_data},
    {"failed_without_place", sample_failed_without_place},
    {"unknown", sample_unknown},
    {"lost", sample_lost},
    {"invalid", sample_invalid},
    {"refused", sample_refused},
    {"unreachable", sample_unreachable},
    {"denied", sample_denied},
    {"throttled", sample_throttled},
    {"unanswered", sample_unanswered},
    {"unconfirmed", sample_unconfirmed},
    {"busy_table", sample_busy_table},
    {"busy_plan", sample_busy_plan},
    {"conflict", sample_conflict},
    {"left_statements", sample_left_statements},
    {"left_one_statement", sample_left_one_statement},
    {"left_no_statement", sample_left_no_statement},
    {"left_every_statement", sample_left_every_statement},
    {"unsettled", sample_unsettled},
    {"unsettled_last", sample_unsettled_last},
    {"unsettled_command", sample_unsettled_command},
    {"unsettled_found", sample_unsettled_found},
    {"command", sample_command},
    {"command_killed", sample_command_killed},
    {"together", sample_together},
    {"together_busy", sample_together_busy},
    {"together_interrupted", sample_together_interrupted},
    {"together_unknown", sample_together_unknown},
    {"busy_one", sample_busy_one},
    {"busy_deadlock", sample_busy_deadlock},
    {"every", sample_every},
    {"every_and_commands", sample_every_and_commands},
    {"interrupted", sample_interrupted},
    {"interrupted_late", sample_interrupted_late},
    {"interrupted_early", sample_interrupted_early},
    {"pending", sample_pending},
    {"internal", sample_internal},
    {"many", sample_many},
    {"hostile", sample_hostile},
    {"applied", sample_applied},
    {"applied_partly", sample_applied_partly},
    {"nothing", sample_nothing},
    {"older_image", sample_older_image},
    {"duplicate", sample_duplicate},
    {"ignored", sample_ignored},
    {"stack", sample_stack},
    {"dry_run", sample_dry_run},
    {"dry_run_nothing", sample_dry_run_nothing},
    {"dry_run_conflict", sample_dry_run_conflict},
    {"late", sample_late},
};

#endif
