/* postlude status: where each migration of the plan stands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/status.h"
#include "cmd/verbs.h"
#include "target/target.h"

static bool gather(const struct settings *settings, struct status *status, struct error *err)
{
    status->outcome = outcome_new();
    uuid_make(status->outcome->run_id);
    status->trigger = memory_new(1, sizeof *status->trigger);
    if (!load_plan(settings, &status->plan, err) ||
        !target_open(status->plan, settings->env, &status->aws, &status->target, err)) {
        return false;
    }
    const struct engine_request request = {
        .plan = status->plan,
        .trigger = status->trigger,
        .address = target_address,
        .address_context = status->target,
        .stop = &settings->stop,
        .deadline = deadline_in(status->plan->run.deadline_ms),
        .dry_run = true,
        .only_reads = true,
    };
    if (!engine_open(&request, status->outcome, &status->engine, err)) {
        return false;
    }
    const struct ledger *ledger = engine_ledger(status->engine);
    status->decision = decide(status->plan, ledger, NULL);
    struct error refusal;
    if (!decide_check(status->decision, status->plan, ledger, &refusal)) {
        status->refusal = refusal;
    }
    return true;
}

static void release(struct status *status)
{
    decide_free(status->decision);
    engine_close(status->engine);
    target_close(status->target);
    outcome_free(status->outcome);
    trigger_free(status->trigger);
    plan_free(status->plan);
    aws_close(&status->aws);
}

static json_t *row_json(const char *id, const char *state, const struct ledger_row *row)
{
    json_t *object = json_object();
    if (!object) {
        memory_die();
    }
    (void)json_object_set_new(object, "id", json_safe(id));
    (void)json_object_set_new(object, "state", json_string(state));
    (void)json_object_set_new(object, "applied_at", json_optional(row ? row->applied_at : NULL));
    (void)json_object_set_new(object, "duration_ms",
                              row && row->applied_at ? json_integer(row->duration_ms)
                                                     : json_null());
    (void)json_object_set_new(object, "run_id", json_optional(row ? row->run_id : NULL));
    (void)json_object_set_new(object, "checksum", json_optional(row ? row->checksum : NULL));
    (void)json_object_set_new(object, "kind", json_optional(row ? row->kind : NULL));
    (void)json_object_set_new(object, "statements_done",
                              row && row->statements_done >= 0 ? json_integer(row->statements_done)
                                                               : json_null());
    (void)json_object_set_new(object, "attempting",
                              row && row->attempting >= 0 ? json_integer(row->attempting)
                                                          : json_null());
    (void)json_object_set_new(object, "exit_status",
                              row && row->has_exit ? json_integer(row->exit_status) : json_null());
    json_t *error = row && row->error ? json_loads(row->error, 0, NULL) : NULL;
    (void)json_object_set_new(object, "error", error ? error : json_null());
    return object;
}

static json_t *migrations_json(const struct status *status)
{
    json_t *list = json_array();
    const struct decision *decision = status->decision;
    for (size_t i = 0; decision && i < decision->count; i++) {
        const char *id = status->plan->migrations[i].id;
        const struct ledger_row *row = ledger_find(engine_ledger(status->engine), id);
        (void)json_array_append_new(list,
                                    row_json(id, decide_shown(decision->states[i], row), row));
    }
    for (size_t i = 0; decision && i < decision->stranger_count; i++) {
        (void)json_array_append_new(
            list, row_json(decision->strangers[i]->id, "unknown", decision->strangers[i]));
    }
    return list;
}

/* The run that owns the plan now, or null. */
static json_t *running_json(const struct status *status)
{
    const struct ledger *ledger = status->engine ? engine_ledger(status->engine) : NULL;
    if (!ledger || !ledger->holder.run_id[0]) {
        return json_null();
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "run_id", json_string(ledger->holder.run_id));
    (void)json_object_set_new(object, "since", json_optional(ledger->holder.since));
    return object;
}

static json_t *status_json(const struct status *status, const struct error *error)
{
    AUTO(json) json_t *report = outcome_json(status->outcome, OUTCOME_WHOLE);
    json_t *document = json_object();
    if (!document) {
        memory_die();
    }
    (void)json_object_set_new(document, "schema", json_string("postlude.status/1"));
    (void)json_object_set_new(document, "exit_code", json_integer(error_exit_code(error->kind)));
    (void)json_object_set_new(document, "plan",
                              json_optional(status->plan ? status->plan->name : NULL));
    (void)json_object_set(document, "database", json_object_get(report, "database"));
    (void)json_object_set_new(document, "migrations", migrations_json(status));
    (void)json_object_set_new(document, "running", running_json(status));
    (void)json_object_set_new(document, "refusal", answer_error_object(&status->refusal));
    (void)json_object_set_new(document, "error", answer_error_object(error));
    return document;
}

int cmd_status(const struct settings *settings)
{
    struct status status = {.aws = aws_open(settings->env)};
    struct error err = {0};
    struct error failed = {0};
    bool ok = gather(settings, &status, &err);
    if (!ok) {
        failed = err;
        AUTO(buf) struct buf text = buf_make(16384);
        answer_describe(&failed, settings->width, &text);
        (void)fputs(settings->json ? "" : text.data, stderr);
    }
    int code = error_exit_code(failed.kind);
    int written = 0;
    if (settings->json) {
        AUTO(json) json_t *document = status_json(&status, &failed);
        written = answer_json(document);
    } else if (ok) {
        AUTO(buf) struct buf text = buf_make(64U * 1024 * 1024);
        status_text(&status, settings->width, &text);
        written = answer_text(&text);
    }
    release(&status);
    return code ? code : written;
}
