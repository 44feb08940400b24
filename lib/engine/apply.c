#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"
#include "engine/message.h"
#include "sql/sql.h"

enum { EXCERPT_MAX = 400, UNDO_MS = 5000 };

/* One migration on its way. */
struct application {
    struct engine *engine;
    const struct plan_migration *migration;
    struct ledger_claim claim;
    struct message_source source;
};

static void log_notice(void *context, const struct pg_notice *notice)
{
    const char *id = context;
    const char *severity = notice->severity;
    if (strcmp(severity, "WARNING") == 0) {
        log_warn(notice->message, LOG_TEXT("migration", id));
    } else {
        log_write(strcmp(severity, "NOTICE") == 0 || strcmp(severity, "INFO") == 0 ? LOG_INFO
                                                                                   : LOG_DEBUG,
                  notice->message,
                  (const struct log_field[]){LOG_TEXT("migration", id),
                                             LOG_QUIET_TEXT("severity", severity)},
                  2);
    }
}

/* What a SQLSTATE means for the run; everything else has failed. */
static void judge(struct error *err)
{
    if (strcmp(err->code, "55P03") == 0 || strcmp(err->code, "40P01") == 0 ||
        strcmp(err->code, "40001") == 0) {
        err->kind = ERROR_BUSY;
        error_hint(err, "Others were in the way and the migration was rolled back: start the task "
                        "again when the table is quieter. lock_timeout is how long a statement "
                        "waits.");
    } else if (strcmp(err->code, "57014") == 0 && strstr(err->message, "statement timeout")) {
        error_hint(err, "Give this migration's entry in the plan a longer statement_timeout.");
    } else if (strcmp(err->code, "25001") == 0) {
        error_hint(err, "PostgreSQL refuses this statement inside a transaction, and migrations "
                        "outside one are not supported yet.");
    } else if (strcmp(err->code, "3F000") == 0 && !*err->hint) {
        error_hint(err, "The schema that database.schema of the plan names must exist.");
    }
}

static void judge_settings(const struct application *application, struct error *err)
{
    const char *role = application->source.role;
    if (role && (strcmp(err->code, "42501") == 0 || strcmp(err->code, "22023") == 0)) {
        err->kind = ERROR_INVALID;
        error_wrap(err, "the login may not act as database.role \"%s\"", role);
        error_hint(err,
                   "The role must exist and the login be a member of it: GRANT \"%s\" TO the "
                   "login.",
                   role);
    }
}

static void judge_claim(struct error *err)
{
    if (ledger_is_overtaken(err->code)) {
        err->kind = ERROR_INTERRUPTED;
        error_wrap(err, "another run took the plan over");
        error_hint(err, "This run was silent for too long and stopped; the other one goes on. "
                        "\"postlude status\" shows how far it is.");
    } else if (strcmp(err->code, "55P03") == 0 || strcmp(err->code, "57014") == 0) {
        err->kind = ERROR_BUSY;
        error_wrap(err, "the ledger's row of the plan is locked by somebody else");
        error_hint(err, "Nothing was changed. Somebody holds a row or table of schema postlude: "
                        "pg_locks tells who. Start the task again when it is free.");
    } else if (strcmp(err->code, "PL004") == 0) {
        err->kind = ERROR_INVALID;
        error_hint(err, "ALTER ROLE the_login SET standard_conforming_strings = on.");
    } else if (strcmp(err->code, "42501") == 0) {
        err->kind = ERROR_DENIED;
        error_hint(err, "The login needs EXECUTE on the functions of schema postlude and SELECT, "
                        "INSERT, UPDATE, DELETE on its tables.");
    }
}

/* Our own statements fail when the migration took the ledger away from under them. */
static void judge_closing(struct error *err)
{
    judge(err);
    if (strcmp(err->code, "3F000") == 0 || strcmp(err->code, "42P01") == 0 ||
        strcmp(err->code, "42883") == 0 || strcmp(err->code, "PL003") == 0) {
        error_hint(err, "Schema postlude is the ledger, without which nobody knows what was "
                        "applied: leave it out of the migration.");
    }
}

static void place_in_file(const struct application *application, const struct message_spot *spot,
                          struct outcome_failure *failure, struct error *err)
{
    const struct sql_statement *statement =
        &application->source.script->statements[spot->statement];
    text_position(application->source.text, spot->offset, spot->offset, &failure->line,
                  &failure->column);
    AUTO(buf) struct buf excerpt = buf_make(sizeof failure->statement - 1);
    sql_excerpt(application->source.text, statement, EXCERPT_MAX, &excerpt);
    text_copy(failure->statement, sizeof failure->statement, excerpt.data);
    error_where(err, "%s:%u:%u", application->migration->file, failure->line, failure->column);
}

static bool names_password(const char *text)
{
    return strcasestr(text, "password") != NULL;
}

/* A statement with the word PASSWORD is never shown, nor what may quote it: the statement itself
 * can be hidden in a function, and then stands in the context. */
static void withhold_password(const struct pg_failure *server, struct outcome_failure *failure,
                              struct error *err)
{
    if (!names_password(failure->statement) && !names_password(server->context) &&
        !names_password(server->detail) && !names_password(server->inner)) {
        return;
    }
    failure->detail[0] = '\0';
    if (!names_password(failure->statement)) { /* the word is put together at run time */
        text_copy(failure->statement, sizeof failure->statement,
                  "(not shown: it runs one with the word PASSWORD)");
    }
    if (text_starts(err->code, "22") || text_starts(err->code, "42601")) {
        text_copy(err->message, sizeof err->message,
                  "(not shown: it may quote a statement that holds the word PASSWORD)");
    }
}

static void describe(const struct application *application, const struct message *message,
                     const struct pg_reply *reply, struct error *err)
{
    struct outcome_failure *failure = &application->engine->outcome->failure;
    const struct pg_failure *server = &reply->failure;
    *failure = (struct outcome_failure){0};
    text_copy(failure->migration, sizeof failure->migration, application->migration->id);
    text_copy(failure->file, sizeof failure->file, application->migration->file);
    /* The line of a COPY's data, or of a function's body, stands in the context only. */
    text_copy(failure->detail, sizeof failure->detail,
              *server->detail ? server->detail : server->context);
    text_copy(failure->schema, sizeof failure->schema, server->schema);
    text_copy(failure->table, sizeof failure->table, server->table);
    text_copy(failure->column_name, sizeof failure->column_name, server->column);
    text_copy(failure->constraint, sizeof failure->constraint, server->constraint);
    error_where(err, "%s", application->migration->file);
    struct message_spot spot =
        message_locate(message, &application->source, reply->done, server->position);
    switch (spot.place) {
    case MESSAGE_CLAIM:
        judge_claim(err);
        return;
    case MESSAGE_SETTINGS:
        judge_settings(application, err);
        return;
    case MESSAGE_STATEMENT:
        place_in_file(application, &spot, failure, err);
        withhold_password(server, failure, err);
        judge(err);
        return;
    case MESSAGE_CLOSING:
        error_wrap(err, "at the end of the migration's transaction");
        judge_closing(err);
        return;
    }
}

/* Leaves no transaction open, and the failure in the ledger. What stands in the way of that is
 * logged: the migration's own error is the one to report. */
static void undo(const struct application *application, const struct error *err)
{
    struct engine *engine = application->engine;
    struct error trouble;
    bool ok = true;
    if (!pg_alive(engine->pg)) {
        return;
    }
    pg_watch(engine->pg, NULL);
    pg_on_notice(engine->pg, NULL, NULL); /* "no transaction in progress" would only frighten */
    if (err->kind == ERROR_FAILED) {
        struct outcome failed = *engine->outcome;
        failed.kind = OUTCOME_ERROR;
        failed.error = *err;
        AUTO(json) json_t *error = outcome_error_json(&failed, OUTCOME_WHOLE);
        ok = ledger_fail(engine->pg, &application->claim, error, deadline_in(UNDO_MS), &trouble);
    } else {
        ok = ledger_undo(engine->pg, deadline_in(UNDO_MS), &trouble);
    }
    if (!ok) {
        log_trouble(LOG_WARN, "could not record the failure in the ledger", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

static void name_interrupted(const struct application *application, struct error *err)
{
    struct outcome_failure *failure = &application->engine->outcome->failure;
    text_copy(failure->migration, sizeof failure->migration, application->migration->id);
    text_copy(failure->file, sizeof failure->file, application->migration->file);
    error_set(err, ERROR_INTERRUPTED, "%s while %s ran; it was cancelled and rolled back",
              err->message, application->migration->id);
    error_where(err, "%s", application->migration->file);
    if (!stop_asked(application->engine->request.stop)) {
        error_hint(err, "run.deadline of the plan is how long a run may take: raise it if this "
                        "migration needs longer.");
    }
}

static bool send_messages(const struct application *application, struct error *err)
{
    struct engine *engine = application->engine;
    size_t from = application->source.script->first;
    for (bool last = false; !last;) {
        AUTO(message) struct message message;
        message_make(&application->source, from, &message);
        const struct pg_message sent = {
            .sql = message.text.data, .copies = message.copies, .copy_count = message.copy_count};
        AUTO(pg_reply) struct pg_reply reply = {0};
        if (!pg_send(engine->pg, &sent, engine->request.deadline, &reply, err)) {
            if (err->kind == ERROR_FAILED) {
                describe(application, &message, &reply, err);
            } else if (err->kind == ERROR_INTERRUPTED) {
                name_interrupted(application, err);
            }
            undo(application, err);
            return false;
        }
        last = message.last;
        from = message.next;
    }
    return true;
}

static void log_applied(const struct plan_migration *migration, int64_t duration_ms)
{
    AUTO(buf) struct buf line = buf_make(1024);
    buf_format(&line, "applied %s in ", migration->id);
    text_show_duration(&line, duration_ms);
    log_info(line.data, LOG_QUIET_TEXT("migration", migration->id),
             LOG_QUIET_NUMBER("duration_ms", duration_ms));
}

static void prepare(struct application *application, size_t index)
{
    const struct engine *engine = application->engine;
    const struct plan *plan = engine->request.plan;
    const struct plan_migration *migration = application->migration;
    application->claim = (struct ledger_claim){
        .plan = plan->name,
        .run_id = engine->outcome->run_id,
        .id = migration->id,
        .before = index ? plan->migrations[index - 1].id : NULL,
        .kind = "sql",
        .checksum = migration->checksum,
    };
    application->source.claim = &application->claim;
    application->source.schema = plan->database.schema.text;
    application->source.role = plan->database.role.text;
    application->source.lock_timeout_ms = migration->lock_timeout_ms;
    application->source.statement_timeout_ms = migration->statement_timeout_ms;
    application->source.server_version = engine->server.version_num;
}

bool engine_apply(struct engine *engine, size_t index, struct error *err)
{
    struct application application = {.engine = engine,
                                      .migration = &engine->request.plan->migrations[index]};
    AUTO(text) char *text = NULL;
    size_t length = 0;
    AUTO(sql) struct sql_script *script = NULL;
    if (!plan_read_sql(application.migration, &text, &length, err) ||
        !sql_split(text, length, &script, err)) {
        return false;
    }
    prepare(&application, index);
    application.source.text = text;
    application.source.script = script;
    int64_t started = clock_steady_ms();
    pg_on_notice(engine->pg, log_notice, application.migration->id);
    bool ok = send_messages(&application, err);
    pg_on_notice(engine->pg, NULL, NULL);
    if (ok) {
        int64_t duration = clock_steady_ms() - started;
        outcome_add_applied(engine->outcome, application.migration->id, duration);
        log_applied(application.migration, duration);
    }
    return ok;
}
