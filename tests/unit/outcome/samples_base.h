/* What samples are made from. */
#ifndef POSTLUDE_TESTS_OUTCOME_SAMPLES_BASE_H
#define POSTLUDE_TESTS_OUTCOME_SAMPLES_BASE_H

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "check.h"
#include "outcome/outcome.h"

static inline void sample_contacted(struct outcome *outcome)
{
    outcome->host = memory_text("orders.proxy-c2x8.eu-west-3.rds.amazonaws.com");
    outcome->port = 5432;
    outcome->database = memory_text("orders");
    outcome->user = memory_text("migrator");
}

static inline void sample_connected(struct outcome *outcome)
{
    sample_contacted(outcome);
    outcome->known_server = true;
    outcome->pooled = true;
    text_copy(outcome->server_version, sizeof outcome->server_version, "15.6");
}

static inline struct outcome *sample_started(int64_t took_ms)
{
    struct outcome *outcome = outcome_new();
    int64_t started_ms = 0;
    assert_true(clock_parse("2031-03-14T09:26:53.120Z", &started_ms));
    text_copy(outcome->run_id, sizeof outcome->run_id, "0198c0de-7a11-7c3e-9f00-5a6b7c8d9e0f");
    outcome->plan = memory_text("orders");
    outcome->started_ms = started_ms;
    outcome->finished_ms = started_ms + took_ms;
    return outcome;
}

static inline struct outcome *sample_pipeline(int64_t took_ms)
{
    struct outcome *outcome = sample_started(took_ms);
    outcome->trigger_kind = memory_text("codepipeline");
    outcome->pipeline = memory_text("orders-prod");
    outcome->execution_id = memory_text("5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18");
    outcome->attempt = 1;
    outcome->event_id = memory_text("1f0a6c0e-52b7-9d11-6a3e-7a9a1f6c2b10");
    outcome->account = memory_text("210987654321");
    outcome->region = memory_text("eu-west-3");
    outcome->task_arn = memory_text("arn:aws:ecs:eu-west-3:210987654321:task/ops/0f9d3a");
    outcome->cluster = memory_text("ops");
    outcome->family = memory_text("orders-migrate");
    outcome->revision = memory_text("42");
    outcome->image = memory_text("210987654321.dkr.ecr.eu-west-3.amazonaws.com/orders:2031.11");
    outcome->log_url = memory_text("https://eu-west-3.console.aws.amazon.com/cloudwatch/home#x");
    outcome->rerun = memory_text("aws ecs run-task --cluster ops --task-definition orders-migrate "
                                 "--overrides '{\"containerOverrides\":[]}'");
    return outcome;
}

static inline struct outcome *sample_failing(enum error_kind kind, const char *message,
                                             const char *hint)
{
    struct outcome *outcome = sample_pipeline(820);
    struct error err = {0};
    sample_connected(outcome);
    outcome_add_applied(outcome, "0001_create_orders", 12);
    outcome_add_pending(outcome, "0002_add_total");
    outcome_add_pending(outcome, "0003_index");
    error_set(&err, kind, "%s", message);
    error_hint(&err, "%s", hint);
    outcome_fail(outcome, &err);
    text_copy(outcome->failure.migration, sizeof outcome->failure.migration, "0002_add_total");
    text_copy(outcome->failure.file, sizeof outcome->failure.file, "0002_add_total.sql");
    return outcome;
}

static inline struct outcome *sample_plain(enum error_kind kind, const char *where,
                                           const char *message, const char *hint)
{
    struct outcome *outcome = sample_pipeline(600000);
    struct error err = {0};
    error_set(&err, kind, "%s", message);
    error_where(&err, "%s", where);
    error_hint(&err, "%s", hint);
    outcome_fail(outcome, &err);
    return outcome;
}

#endif
