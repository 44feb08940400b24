#include "base/json.h"

#include "base/clock.h"
#include "base/text.h"
#include "outcome/parts.h"

/* Takes the reference; jansson fails here only when memory is short. */
static void put_text(json_t *object, const char *key, const char *text)
{
    json_put(object, key, json_optional(text));
}

static json_t *number(int64_t value)
{
    return json_made(json_integer(value));
}

static void put_number(json_t *object, const char *key, int64_t value)
{
    json_put(object, key, number(value));
}

/* null instead of a number that stands for "not known". */
static void put_known(json_t *object, const char *key, int64_t value)
{
    json_put(object, key, value > 0 ? number(value) : json_null());
}

static json_t *texts(char *const *items, size_t count)
{
    json_t *array = json_made(json_array());
    for (size_t i = 0; i < count; i++) {
        json_append(array, json_safe(items[i]));
    }
    return array;
}

static json_t *steps(const struct outcome_step *items, size_t count)
{
    json_t *array = json_made(json_array());
    for (size_t i = 0; i < count; i++) {
        json_t *step = json_made(json_object());
        json_put(step, "id", json_safe(items[i].id));
        put_number(step, "duration_ms", items[i].duration_ms);
        if (items[i].has_exit_status) {
            put_number(step, "exit_status", items[i].exit_status);
        }
        json_append(array, step);
    }
    return array;
}

static void put_time(json_t *object, const char *key, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE] = "";
    if (wall_ms > 0) {
        clock_format(wall_ms, text);
    }
    put_text(object, key, text);
}

static void put_times(json_t *report, const struct outcome *outcome)
{
    bool known = outcome->started_ms > 0 && outcome->finished_ms > 0;
    int64_t took = outcome->finished_ms - outcome->started_ms;
    put_time(report, "started_at", outcome->started_ms);
    put_time(report, "finished_at", outcome->finished_ms);
    json_put(report, "duration_ms", known ? number(took > 0 ? took : 0) : json_null());
}

static json_t *trigger(const struct outcome *outcome)
{
    json_t *object = json_made(json_object());
    put_text(object, "kind", outcome->trigger_kind);
    put_text(object, "pipeline", outcome->pipeline);
    put_text(object, "stage", outcome->stage);
    put_text(object, "execution_id", outcome->execution_id);
    put_known(object, "attempt", outcome->attempt);
    put_text(object, "event_id", outcome->event_id);
    put_text(object, "account", outcome->account);
    put_text(object, "region", outcome->region);
    put_text(object, "schedule", outcome->schedule);
    put_text(object, "scheduled_time", outcome->scheduled_time);
    put_text(object, "reason", outcome->reason);
    put_text(object, "by", outcome->by);
    put_text(object, "revision", outcome->source_revision);
    put_text(object, "stack", outcome->stack);
    put_text(object, "logical_id", outcome->logical_id);
    put_text(object, "request_type", outcome->request_type);
    return object;
}

static json_t *database(const struct outcome *outcome)
{
    if (!outcome->host) {
        return json_null();
    }
    bool known = outcome->known_server;
    json_t *object = json_made(json_object());
    put_text(object, "host", outcome->host);
    put_known(object, "port", outcome->port);
    put_text(object, "name", outcome->database);
    put_text(object, "user", outcome->user);
    put_text(object, "server_version", known ? outcome->server_version : NULL);
    put_text(object, "via", !known ? NULL : outcome->pooled ? "pooler" : "direct");
    return object;
}

static json_t *task(const struct outcome *outcome)
{
    if (text_empty(outcome->task_arn) && text_empty(outcome->cluster) &&
        text_empty(outcome->family) && text_empty(outcome->revision) &&
        text_empty(outcome->image)) {
        return json_null();
    }
    json_t *object = json_made(json_object());
    put_text(object, "arn", outcome->task_arn);
    put_text(object, "cluster", outcome->cluster);
    put_text(object, "family", outcome->family);
    put_text(object, "revision", outcome->revision);
    put_text(object, "image", outcome->image);
    put_text(object, "container", outcome->container);
    put_text(object, "image_digest", outcome->image_digest);
    return object;
}

/* Statements and detail can hold rows and literals. */
static void put_guarded(json_t *object, const char *key, const char *text,
                        enum outcome_detail detail)
{
    put_text(object, key, detail == OUTCOME_WHOLE ? text : NULL);
}

static json_t *blockers(const struct outcome_failure *failure, enum outcome_detail detail)
{
    json_t *array = json_made(json_array());
    for (size_t i = 0; i < failure->blocker_count && i < OUTCOME_BLOCKERS_MAX; i++) {
        const struct outcome_blocker *blocker = &failure->blockers[i];
        json_t *object = json_made(json_object());
        put_number(object, "pid", blocker->pid);
        put_text(object, "user", blocker->user);
        put_text(object, "application", blocker->application);
        json_put(object, "age_ms", blocker->age_ms >= 0 ? number(blocker->age_ms) : json_null());
        put_guarded(object, "query", outcome_part_shown(blocker->query), detail);
        json_append(array, object);
    }
    return array;
}

static void put_left(json_t *object, const struct outcome *outcome)
{
    const struct outcome_failure *failure = &outcome->failure;
    bool counted = outcome_part_counted(outcome);
    put_text(object, "left", outcome_part_left(outcome));
    json_put(object, "statements_done", counted ? number(failure->statements_done) : json_null());
    json_put(object, "statements_total", counted ? number(failure->statements_total) : json_null());
    json_put(object, "exit_status",
             failure->has_exit_status ? number(failure->exit_status) : json_null());
    json_put(object, "together", json_boolean(outcome_part_shared(outcome)));
}

json_t *outcome_error_json(const struct outcome *outcome, enum outcome_detail detail)
{
    if (outcome->kind != OUTCOME_ERROR) {
        return json_null();
    }
    const struct outcome_failure *failure = &outcome->failure;
    struct part_place place;
    outcome_part_place(outcome, &place);
    json_t *object = json_made(json_object());
    put_text(object, "kind", error_name(outcome->error.kind));
    put_text(object, "migration", failure->migration);
    put_text(object, "sqlstate", outcome_part_sqlstate(outcome));
    put_text(object, "message", outcome->error.message);
    put_guarded(object, "detail", failure->detail, detail);
    put_text(object, "hint", outcome->error.hint);
    put_text(object, "file", place.file);
    put_known(object, "line", place.line);
    put_known(object, "column", place.column);
    put_guarded(object, "statement", outcome_part_shown(failure->statement), detail);
    json_put(object, "blockers", blockers(failure, detail));
    put_text(object, "code", outcome->error.code);
    put_text(object, "where", outcome->error.where);
    put_text(object, "schema", failure->schema);
    put_text(object, "table", failure->table);
    put_text(object, "column_name", failure->column_name);
    put_text(object, "constraint", failure->constraint);
    put_left(object, outcome);
    return object;
}

json_t *outcome_json(const struct outcome *outcome, enum outcome_detail detail)
{
    AUTO(buf) struct buf summary = buf_make(8192);
    outcome_summary(outcome, &summary);
    json_t *report = json_made(json_object());
    put_text(report, "schema", "postlude.report/1");
    put_text(report, "outcome", outcome_name(outcome));
    put_number(report, "exit_code", outcome_exit_code(outcome));
    put_text(report, "plan", outcome->plan);
    put_text(report, "run_id", outcome->run_id);
    put_text(report, "summary", summary.data);
    json_put(report, "trigger", trigger(outcome));
    json_put(report, "database", database(outcome));
    put_times(report, outcome);
    json_put(report, "applied", steps(outcome->applied, outcome->applied_count));
    put_number(report, "already_applied", (int64_t)outcome->already_applied);
    json_put(report, "pending", texts(outcome->pending, outcome->pending_count));
    json_put(report, "error", outcome_error_json(outcome, detail));
    json_put(report, "task", task(outcome));
    put_text(report, "log_url", outcome->log_url);
    put_text(report, "rerun", outcome->rerun);
    json_put(report, "dry_run", json_boolean(outcome->dry_run));
    json_put(report, "unknown", texts(outcome->unknown, outcome->unknown_count));
    put_text(report, "note", outcome->note);
    json_put(report, "every", steps(outcome->every, outcome->every_count));
    json_put(report, "late", json_boolean(outcome->late));
    return report;
}
