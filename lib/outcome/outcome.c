#include "outcome/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct outcome *outcome_new(void)
{
    struct outcome *outcome = memory_new(1, sizeof *outcome);
    outcome->kind = OUTCOME_NOTHING;
    return outcome;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
}

static void free_steps(struct outcome_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(steps[i].id);
    }
    free(steps);
}

void outcome_free(struct outcome *outcome)
{
    if (!outcome) {
        return;
    }
    char *texts[] = {
        outcome->plan,      outcome->trigger_kind,   outcome->pipeline,
        outcome->stage,     outcome->event_id,       outcome->execution_id,
        outcome->account,   outcome->region,         outcome->schedule,
        outcome->reason,    outcome->scheduled_time, outcome->by,
        outcome->host,      outcome->database,       outcome->user,
        outcome->note,      outcome->image,          outcome->task_arn,
        outcome->cluster,   outcome->family,         outcome->revision,
        outcome->log_url,   outcome->rerun,          outcome->source_revision,
        outcome->stack,     outcome->logical_id,     outcome->request_type,
        outcome->container, outcome->image_digest,
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        free(texts[i]);
    }
    free_steps(outcome->applied, outcome->applied_count);
    free_steps(outcome->every, outcome->every_count);
    free_texts(outcome->pending, outcome->pending_count);
    free_texts(outcome->unknown, outcome->unknown_count);
    free(outcome);
}

static void add_applied(struct outcome *outcome, struct outcome_step step)
{
    outcome->applied = memory_push(outcome->applied, outcome->applied_count,
                                   &outcome->applied_capacity, sizeof *outcome->applied);
    outcome->applied[outcome->applied_count++] = step;
    if (outcome->kind == OUTCOME_NOTHING) {
        outcome->kind = OUTCOME_APPLIED;
    }
}

void outcome_add_applied(struct outcome *outcome, const char *id, int64_t duration_ms)
{
    add_applied(outcome, (struct outcome_step){.id = memory_text(id), .duration_ms = duration_ms});
}

static struct outcome_step command(const char *id, int64_t duration_ms, int exit_status)
{
    return (struct outcome_step){.id = memory_text(id),
                                 .duration_ms = duration_ms,
                                 .has_exit_status = true,
                                 .exit_status = exit_status};
}

void outcome_add_command(struct outcome *outcome, const char *id, int64_t duration_ms,
                         int exit_status)
{
    add_applied(outcome, command(id, duration_ms, exit_status));
}

void outcome_add_every(struct outcome *outcome, const char *id, int64_t duration_ms,
                       int exit_status)
{
    outcome->every = memory_push(outcome->every, outcome->every_count, &outcome->every_capacity,
                                 sizeof *outcome->every);
    outcome->every[outcome->every_count++] = command(id, duration_ms, exit_status);
}

void outcome_add_pending(struct outcome *outcome, const char *id)
{
    outcome->pending = memory_push(outcome->pending, outcome->pending_count,
                                   &outcome->pending_capacity, sizeof *outcome->pending);
    outcome->pending[outcome->pending_count++] = memory_text(id);
}

void outcome_add_unknown(struct outcome *outcome, const char *id)
{
    outcome->unknown = memory_push(outcome->unknown, outcome->unknown_count,
                                   &outcome->unknown_capacity, sizeof *outcome->unknown);
    outcome->unknown[outcome->unknown_count++] = memory_text(id);
}

void outcome_fail(struct outcome *outcome, const struct error *error)
{
    if (error->kind == ERROR_UNDELIVERED) {
        return;
    }
    outcome->kind = OUTCOME_ERROR;
    outcome->error = *error;
    if (error->kind == ERROR_NONE) {
        error_set(&outcome->error, ERROR_INTERNAL, "the run ended with an error that is none");
    }
}

const char *outcome_name(const struct outcome *outcome)
{
    switch (outcome->kind) {
    case OUTCOME_APPLIED:
        return "applied";
    case OUTCOME_NOTHING:
        return "nothing";
    case OUTCOME_DUPLICATE:
        return "duplicate";
    case OUTCOME_IGNORED:
        return "ignored";
    case OUTCOME_ERROR:
        return error_name(outcome->error.kind);
    }
    return error_name(ERROR_INTERNAL);
}

int outcome_exit_code(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_ERROR ? error_exit_code(outcome->error.kind) : 0;
}
