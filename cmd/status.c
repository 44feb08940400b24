/* postlude status: where each migration of the plan stands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/verbs.h"
#include "engine/decide.h"
#include "engine/engine.h"
#include "target/target.h"

struct status {
    struct plan *plan;
    struct trigger *trigger; /* an empty one: status asks for no execution */
    struct outcome *outcome; /* its database part */
    struct engine *engine;
    struct decision *decision;
    struct error refusal; /* what a run would be told; kind ERROR_NONE: nothing stands against it */
};

enum { ID_ALIGNED_MAX = 48 };

static bool gather(const struct settings *settings, struct status *status,
                   struct pg_address *address, struct error *err)
{
    status->outcome = outcome_new();
    uuid_make(status->outcome->run_id);
    status->trigger = memory_new(1, sizeof *status->trigger);
    if (!load_plan(settings, &status->plan, err) ||
        !target_resolve(status->plan, settings->env, address, err)) {
        return false;
    }
    const struct engine_request request = {
        .plan = status->plan,
        .trigger = status->trigger,
        .address = address,
        .stop = &settings->stop,
        .deadline = deadline_in(status->plan->run.deadline_ms),
        .dry_run = true,
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
    outcome_free(status->outcome);
    trigger_free(status->trigger);
    plan_free(status->plan);
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
        (void)json_array_append_new(list, row_json(id, decide_state_name(decision->states[i]),
                                                   ledger_find(engine_ledger(status->engine), id)));
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

static size_t widest_id(const struct status *status)
{
    size_t widest = 0;
    for (size_t i = 0; i < status->decision->count; i++) {
        size_t length = strlen(status->plan->migrations[i].id);
        widest = length > widest && length <= ID_ALIGNED_MAX ? length : widest;
    }
    return widest;
}

static void show_row(struct buf *out, const char *state, const char *id, size_t width,
                     const char *more)
{
    AUTO(buf) struct buf shown = buf_make(2048);
    text_escape(&shown, id, strlen(id));
    if (text_empty(more)) {
        buf_format(out, "  %-8s %s\n", state, shown.data);
    } else {
        buf_format(out, "  %-8s %-*s  %s\n", state, (int)width, shown.data, more);
    }
}

/* Why the last try failed, as the ledger keeps it. */
static void show_failure(const struct ledger_row *row, size_t width, struct buf *out)
{
    AUTO(json) json_t *error = json_loads(row->error, 0, NULL);
    const char *message = json_text(error, "message");
    if (!message) {
        return;
    }
    const char *where = json_text(error, "where");
    const char *sqlstate = json_text(error, "sqlstate");
    AUTO(buf) struct buf line = buf_make(4096);
    buf_format(&line, "%s%s%s", where ? where : "", where ? ": " : "", message);
    buf_format(&line, "%s%s%s", sqlstate ? " (SQLSTATE " : "", sqlstate ? sqlstate : "",
               sqlstate ? ")" : "");
    answer_wrap(line.data, width, "           ", "             ", out);
}

static void show_migration(const struct status *status, size_t i, size_t id_width, size_t width,
                           struct buf *out)
{
    const struct plan_migration *migration = &status->plan->migrations[i];
    const struct ledger_row *row = ledger_find(engine_ledger(status->engine), migration->id);
    enum decide_state state = status->decision->states[i];
    show_row(out, decide_state_name(state), migration->id, id_width, row ? row->applied_at : NULL);
    if (state == DECIDE_FAILED && row && row->error) {
        show_failure(row, width, out);
    }
}

static void show_totals(const struct status *status, struct buf *out)
{
    const struct decision *decision = status->decision;
    size_t counts[DECIDE_UNKNOWN + 1] = {0};
    for (size_t i = 0; i < decision->count; i++) {
        counts[decision->states[i]]++;
    }
    counts[DECIDE_UNKNOWN] += decision->stranger_count;
    buf_format(out, "\n%zu applied, %zu pending, %zu changed, %zu failed, %zu unknown\n",
               counts[DECIDE_APPLIED], counts[DECIDE_PENDING], counts[DECIDE_CHANGED],
               counts[DECIDE_FAILED], counts[DECIDE_UNKNOWN]);
}

/* Who is at work now, and what a run would be told. */
static void show_prospect(const struct status *status, size_t width, struct buf *out)
{
    const struct ledger *ledger = engine_ledger(status->engine);
    AUTO(buf) struct buf line = buf_make(4096);
    if (ledger->holder.run_id[0]) {
        buf_format(&line,
                   "Run %s is at work since %s; its sessions have application_name "
                   "postlude/%s/...",
                   ledger->holder.run_id, ledger->holder.since, ledger->holder.run_id);
        answer_wrap(line.data, width, "", "  ", out);
    }
    if (status->refusal.kind != ERROR_NONE) {
        buf_truncate(&line, 0);
        buf_format(&line, "A run would end \"%s\": %s", error_name(status->refusal.kind),
                   status->refusal.message);
        answer_wrap(line.data, width, "", "  ", out);
        answer_wrap(status->refusal.hint, width, "  hint: ", "        ", out);
    }
}

static void status_text(const struct status *status, size_t width, struct buf *out)
{
    const struct outcome *outcome = status->outcome;
    size_t id_width = widest_id(status);
    buf_format(out, "%s in database %s at %s:%d\n\n", status->plan->name, outcome->database,
               outcome->host, outcome->port);
    for (size_t i = 0; i < status->decision->count; i++) {
        show_migration(status, i, id_width, width, out);
    }
    for (size_t i = 0; i < status->decision->stranger_count; i++) {
        show_row(out, "unknown", status->decision->strangers[i]->id, id_width, "not in this plan");
    }
    show_totals(status, out);
    show_prospect(status, width, out);
}

int cmd_status(const struct settings *settings)
{
    struct status status = {0};
    struct pg_address address;
    struct error err = {0};
    struct error failed = {0};
    bool ok = gather(settings, &status, &address, &err);
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
