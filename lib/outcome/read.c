#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "outcome/parts.h"

static int64_t number(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static int small(const json_t *object, const char *key)
{
    int64_t value = number(object, key, 0);
    return value >= INT_MIN && value <= INT_MAX ? (int)value : 0;
}

static char *copy(const json_t *object, const char *key)
{
    return memory_text(json_text(object, key));
}

static void put(const json_t *object, const char *key, char *field, size_t size)
{
    text_copy(field, size, json_text(object, key));
}

static int64_t moment(const json_t *object, const char *key)
{
    int64_t wall_ms = 0;
    const char *text = json_text(object, key);
    return text && clock_parse(text, &wall_ms) && wall_ms > 0 ? wall_ms : 0;
}

/* The kinds that share a name share what is said of them, but for "unreachable": a login that was
 * refused has an SQLSTATE, and none of a server that is going away. */
static enum error_kind kind_named(const char *name, const char *sqlstate)
{
    for (int kind = ERROR_FAILED; kind <= ERROR_INTERNAL; kind++) {
        if (kind != ERROR_UNDELIVERED && text_same(name, error_name((enum error_kind)kind))) {
            bool gone = !sqlstate || text_starts(sqlstate, "08") || text_starts(sqlstate, "53") ||
                        text_starts(sqlstate, "57P");
            return kind == ERROR_UNREACHABLE && !gone ? ERROR_DENIED : (enum error_kind)kind;
        }
    }
    return ERROR_NONE;
}

/* False: a name that this release does not have. */
static bool read_kind(const json_t *report, struct outcome *outcome)
{
    const char *name = json_text(report, "outcome");
    for (int kind = OUTCOME_APPLIED; kind < OUTCOME_ERROR; kind++) {
        outcome->kind = (enum outcome_kind)kind;
        if (text_same(name, outcome_name(outcome))) {
            return true;
        }
    }
    outcome->kind = OUTCOME_ERROR;
    outcome->error.kind = kind_named(name, json_text(json_object_get(report, "error"), "sqlstate"));
    return outcome->error.kind != ERROR_NONE;
}

static void read_trigger(const json_t *trigger, struct outcome *outcome)
{
    outcome->trigger_kind = copy(trigger, "kind");
    outcome->pipeline = copy(trigger, "pipeline");
    outcome->stage = copy(trigger, "stage");
    outcome->execution_id = copy(trigger, "execution_id");
    outcome->attempt = number(trigger, "attempt", 0);
    outcome->event_id = copy(trigger, "event_id");
    outcome->account = copy(trigger, "account");
    outcome->region = copy(trigger, "region");
    outcome->schedule = copy(trigger, "schedule");
    outcome->scheduled_time = copy(trigger, "scheduled_time");
    outcome->reason = copy(trigger, "reason");
    outcome->by = copy(trigger, "by");
    outcome->source_revision = copy(trigger, "revision");
    outcome->stack = copy(trigger, "stack");
    outcome->logical_id = copy(trigger, "logical_id");
    outcome->request_type = copy(trigger, "request_type");
}

static void read_database(const json_t *database, struct outcome *outcome)
{
    const char *via = json_text(database, "via");
    outcome->host = copy(database, "host");
    outcome->port = small(database, "port");
    outcome->database = copy(database, "name");
    outcome->user = copy(database, "user");
    put(database, "server_version", outcome->server_version, sizeof outcome->server_version);
    outcome->known_server = via != NULL;
    outcome->pooled = text_same(via, "pooler");
}

static void read_task(const json_t *task, struct outcome *outcome)
{
    outcome->task_arn = copy(task, "arn");
    outcome->cluster = copy(task, "cluster");
    outcome->family = copy(task, "family");
    outcome->revision = copy(task, "revision");
    outcome->image = copy(task, "image");
    outcome->container = copy(task, "container");
    outcome->image_digest = copy(task, "image_digest");
}

typedef void add_text(struct outcome *outcome, const char *id);

static void read_ids(const json_t *list, struct outcome *outcome, add_text *add)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (id) {
            add(outcome, id);
        }
    }
}

static void read_applied(const json_t *list, struct outcome *outcome)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *step = json_array_get(list, i);
        const char *id = json_text(step, "id");
        if (id && json_is_integer(json_object_get(step, "exit_status"))) {
            outcome_add_command(outcome, id, number(step, "duration_ms", 0),
                                small(step, "exit_status"));
        } else if (id) {
            outcome_add_applied(outcome, id, number(step, "duration_ms", 0));
        }
    }
}

static void read_every(const json_t *list, struct outcome *outcome)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *step = json_array_get(list, i);
        const char *id = json_text(step, "id");
        if (id) {
            outcome_add_every(outcome, id, number(step, "duration_ms", 0),
                              small(step, "exit_status"));
        }
    }
}

static void read_blockers(const json_t *list, struct outcome_failure *failure)
{
    for (size_t i = 0; i < json_array_size(list) && i < OUTCOME_BLOCKERS_MAX; i++) {
        const json_t *one = json_array_get(list, i);
        struct outcome_blocker *blocker = &failure->blockers[failure->blocker_count++];
        blocker->pid = small(one, "pid");
        put(one, "user", blocker->user, sizeof blocker->user);
        put(one, "application", blocker->application, sizeof blocker->application);
        blocker->age_ms = number(one, "age_ms", -1);
        put(one, "query", blocker->query, sizeof blocker->query);
    }
}

/* What `file` was taken from `where` stays there: it is said in one place only. */
static void read_place(const json_t *error, struct outcome *outcome)
{
    struct part_place place;
    put(error, "where", outcome->error.where, sizeof outcome->error.where);
    outcome_part_place(outcome, &place);
    const char *file = json_text(error, "file");
    if (file && strcmp(file, place.file) != 0) {
        struct outcome_failure *failure = &outcome->failure;
        int64_t line = number(error, "line", 0);
        int64_t column = number(error, "column", 0);
        text_copy(failure->file, sizeof failure->file, file);
        failure->line = line > 0 && line <= INT_MAX ? (unsigned)line : 0;
        failure->column = column > 0 && column <= INT_MAX ? (unsigned)column : 0;
    }
}

static void read_left(const json_t *error, struct outcome_failure *failure)
{
    static const char *const names[] = {
        [OUTCOME_LEFT_NOTHING] = "nothing", [OUTCOME_LEFT_STATEMENTS] = "statements",
        [OUTCOME_LEFT_UNKNOWN] = "unknown", [OUTCOME_LEFT_COMMAND] = "command",
        [OUTCOME_LEFT_ALL] = "all",
    };
    const char *name = json_text(error, "left");
    for (size_t i = 0; i < COUNT(names); i++) {
        failure->left = text_same(name, names[i]) ? (enum outcome_left)i : failure->left;
    }
    if (json_is_true(json_object_get(error, "together"))) {
        failure->left = OUTCOME_LEFT_ALL;
    }
    failure->statements_done = small(error, "statements_done");
    failure->statements_total = small(error, "statements_total");
    failure->has_exit_status = json_is_integer(json_object_get(error, "exit_status"));
    failure->exit_status = small(error, "exit_status");
}

static void read_error(const json_t *error, struct outcome *outcome)
{
    struct outcome_failure *failure = &outcome->failure;
    struct error *err = &outcome->error;
    const char *code = json_text(error, "code");
    text_copy(err->code, sizeof err->code, code ? code : json_text(error, "sqlstate"));
    put(error, "message", err->message, sizeof err->message);
    put(error, "hint", err->hint, sizeof err->hint);
    put(error, "migration", failure->migration, sizeof failure->migration);
    put(error, "detail", failure->detail, sizeof failure->detail);
    put(error, "statement", failure->statement, sizeof failure->statement);
    put(error, "schema", failure->schema, sizeof failure->schema);
    put(error, "table", failure->table, sizeof failure->table);
    put(error, "column_name", failure->column_name, sizeof failure->column_name);
    put(error, "constraint", failure->constraint, sizeof failure->constraint);
    read_place(error, outcome);
    read_left(error, failure);
    read_blockers(json_object_get(error, "blockers"), failure);
}

static void read_lists(const json_t *report, struct outcome *outcome)
{
    enum outcome_kind kind = outcome->kind; /* which adding to a list would change */
    int64_t before = number(report, "already_applied", 0);
    read_applied(json_object_get(report, "applied"), outcome);
    read_every(json_object_get(report, "every"), outcome);
    read_ids(json_object_get(report, "pending"), outcome, outcome_add_pending);
    read_ids(json_object_get(report, "unknown"), outcome, outcome_add_unknown);
    outcome->already_applied = before > 0 ? (size_t)before : 0;
    outcome->kind = kind;
}

bool outcome_read(const json_t *report, struct outcome **out_outcome, struct error *err)
{
    AUTO(outcome) struct outcome *outcome = outcome_new();
    if (!read_kind(report, outcome)) {
        error_set(err, ERROR_INVALID, "not a report that this release can read");
        return error_hint(err, "The release that wrote it can.");
    }
    put(report, "run_id", outcome->run_id, sizeof outcome->run_id);
    outcome->plan = copy(report, "plan");
    outcome->dry_run = json_is_true(json_object_get(report, "dry_run"));
    outcome->late = json_is_true(json_object_get(report, "late"));
    outcome->note = copy(report, "note");
    outcome->log_url = copy(report, "log_url");
    outcome->rerun = copy(report, "rerun");
    outcome->started_ms = moment(report, "started_at");
    outcome->finished_ms = moment(report, "finished_at");
    read_trigger(json_object_get(report, "trigger"), outcome);
    read_database(json_object_get(report, "database"), outcome);
    read_task(json_object_get(report, "task"), outcome);
    read_lists(report, outcome);
    if (outcome->kind == OUTCOME_ERROR) {
        read_error(json_object_get(report, "error"), outcome);
    }
    *out_outcome = TAKE(outcome);
    return true;
}
