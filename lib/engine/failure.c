/* What a failing message means for the run, and what is to be said of it. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/internal.h"

enum {
    EXCERPT_MAX = 400,
    BACK_OFF_LEAST_MS = 400,
    BACK_OFF_MOST_MS = 15000,
};

struct message_frame engine_frame(const struct engine *engine)
{
    const struct plan_database *database = &engine->request.plan->database;
    return (struct message_frame){
        .schema = database->schema.text,
        .role = database->role.text,
        .server_version = engine->server.version_num,
        .async_commit = engine->server.async_commit,
    };
}

struct message_item engine_item(const struct engine *engine, size_t migration)
{
    const struct plan *plan = engine->request.plan;
    const struct plan_migration *entry = &plan->migrations[migration];
    const struct inspect_file *file = &engine->files[migration];
    static const char *const kinds[] = {
        [INSPECT_TRANSACTION] = "sql", [INSPECT_ALONE] = "alone", [INSPECT_COMMAND] = "command"};
    return (struct message_item){
        .migration = entry,
        .claim = {.plan = plan->name,
                  .run_id = engine->outcome->run_id,
                  .id = entry->id,
                  .before = migration ? plan->migrations[migration - 1].id : NULL,
                  .kind = entry->every ? "every" : kinds[file->mode],
                  .checksum = *entry->checksum ? entry->checksum : NULL},
        .text = file->text,
        .script = file->script,
        .verify = entry->verify,
        .lock_timeout_ms = entry->lock_timeout_ms,
        .statement_timeout_ms = entry->statement_timeout_ms,
    };
}

bool engine_may_retry(const struct error *err)
{
    return strcmp(err->code, "55P03") == 0 || strcmp(err->code, "40P01") == 0 ||
           strcmp(err->code, "40001") == 0;
}

static int64_t back_off_ms(int64_t attempt)
{
    int64_t most = BACK_OFF_LEAST_MS;
    for (int64_t i = 1; i < attempt && most < BACK_OFF_MOST_MS; i++) {
        most *= 2;
    }
    most = most < BACK_OFF_MOST_MS ? most : BACK_OFF_MOST_MS;
    return most / 2 + random_up_to(most / 2); /* jitter, so that several do not come in step */
}

bool engine_back_off(struct engine *engine, const char *what, int64_t retries, int64_t *attempts,
                     const struct error *why, struct error *err)
{
    int64_t pause = back_off_ms(++*attempts);
    AUTO(buf) struct buf line = buf_make(1024);
    buf_format(&line, "%s tried again in ", what);
    text_show_duration(&line, pause);
    buf_format(&line, ", retry %d of %d", (int)*attempts, (int)retries);
    log_trouble(LOG_WARN, line.data, why);
    engine_name_blockers(engine, &engine->outcome->failure);
    return engine_linger(engine, pause, err);
}

void engine_roll_back(struct engine *engine, int64_t within_ms)
{
    struct error trouble;
    if (!pg_alive(engine->pg)) {
        return;
    }
    pg_watch(engine->pg, NULL);
    pg_on_notice(engine->pg, NULL, NULL); /* "no transaction in progress" would only frighten */
    if (!ledger_undo(engine->pg, deadline_in(within_ms), &trouble)) {
        log_trouble(LOG_WARN, "could not roll back", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

bool engine_may_begin(const struct engine *engine, const struct plan_migration *migration,
                      struct error *err)
{
    const struct engine_request *request = &engine->request;
    if (stop_asked(request->stop)) {
        return error_set(err, ERROR_INTERRUPTED, "told to stop before %s", migration->id);
    }
    if (deadline_passed(request->deadline)) {
        error_set(err, ERROR_INTERRUPTED, "the time allowed for this run is over");
        return error_hint(err, "run.deadline is how long a run may take; the next run goes on "
                               "from here.");
    }
    return true;
}

/* What only the server knows of a statement: it does not go with others in one transaction. */
bool engine_needs_no_transaction(const char *sqlstate)
{
    return strcmp(sqlstate, "25001") == 0 || strcmp(sqlstate, "2D000") == 0 ||
           strcmp(sqlstate, "55P04") == 0;
}

static void hint_transaction(const struct engine *engine, struct error *err)
{
    if (engine->request.plan->run.transaction == PLAN_SCOPE_ALL) {
        error_hint(err,
                   "PostgreSQL refuses this together with what stands before it in one "
                   "transaction: set run.transaction to \"each\" (and, where the file alone is "
                   "refused too, its entry to transaction: \"no\").");
    } else if (strcmp(err->code, "55P04") == 0) {
        error_hint(err, "A new enum value can be used only after the COMMIT that added it: put its "
                        "use into a migration of its own, or give this entry transaction: \"no\".");
    } else {
        error_hint(err,
                   "PostgreSQL refuses this statement inside a transaction: give this "
                   "migration's entry transaction: \"no\", and its statements run one by one.");
    }
}

/* What a SQLSTATE means for the run; everything else has failed. */
static void judge(const struct engine *engine, struct error *err)
{
    if (engine_may_retry(err)) {
        err->kind = ERROR_BUSY;
        error_hint(err, "Others were in the way through every retry: start the task again when the "
                        "table is quieter. lock_timeout is how long a statement waits, retries how "
                        "often it is tried again.");
    } else if (strcmp(err->code, "57014") == 0 && strstr(err->message, "statement timeout")) {
        error_hint(err, "Give this migration's entry in the plan a longer statement_timeout.");
    } else if (engine_needs_no_transaction(err->code)) {
        hint_transaction(engine, err);
    } else if (strcmp(err->code, "3F000") == 0 && !*err->hint) {
        error_hint(err, "The schema that database.schema of the plan names must exist.");
    }
}

static void judge_settings(const struct engine *engine, struct error *err)
{
    const char *role = engine->request.plan->database.role.text;
    if (role && (strcmp(err->code, "42501") == 0 || strcmp(err->code, "22023") == 0)) {
        err->kind = ERROR_INVALID;
        error_wrap(err, "the login may not act as database.role \"%s\"", role);
        AUTO(buf) struct buf quoted = buf_make(1024);
        pg_identifier(&quoted, role);
        error_hint(err,
                   "The role must exist and the login be a member of it: GRANT %s TO the login.",
                   quoted.data);
    }
}

static void judge_claim(struct error *err)
{
    if (ledger_is_overtaken(err->code)) {
        err->kind = ERROR_INTERRUPTED;
        error_wrap(err, "another run took the plan over");
        error_hint(err, "This run was silent for too long and stopped; the other one goes on. "
                        "\"postlude status\" shows how far it is.");
    } else if (engine_may_retry(err) || strcmp(err->code, "57014") == 0) {
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
static void judge_closing(const struct engine *engine, struct error *err)
{
    if (ledger_is_overtaken(err->code) && strcmp(err->code, "23505") != 0) {
        judge_claim(err);
        return;
    }
    error_wrap(err, "at the end of the migration's transaction");
    judge(engine, err);
    if (strcmp(err->code, "3F000") == 0 || strcmp(err->code, "42P01") == 0 ||
        strcmp(err->code, "42883") == 0 || strcmp(err->code, "PL003") == 0) {
        error_hint(err, "Schema postlude is the ledger, without which nobody knows what was "
                        "applied: leave it out of the migration.");
    }
}

static void judge_verify(const struct engine *engine, const struct plan_migration *migration,
                         struct error *err)
{
    bool asked = strcmp(err->code, MESSAGE_VERIFY_FAILED) == 0;
    if (!asked) {
        error_wrap(err, "verify could not be asked");
    }
    struct outcome_failure *failure = &engine->outcome->failure;
    text_copy(failure->file, sizeof failure->file, engine->request.plan->path);
    failure->line = migration->verify_line;
    failure->column = migration->verify_column;
    error_where(err, "%s:%u:%u", failure->file, failure->line, failure->column);
    judge(engine, err);
    if (asked) {
        error_hint(err, "The migration ran, but did not do what its verify asks for. Mend the "
                        "migration or the query; the query is to return one true.");
    }
}

static void place_in_file(const struct message_item *item, const struct plan_migration *migration,
                          const struct message_spot *spot, struct outcome_failure *failure,
                          struct error *err)
{
    const struct sql_statement *statement = &item->script->statements[spot->statement];
    text_position(item->text, spot->offset, spot->offset, &failure->line, &failure->column);
    AUTO(buf) struct buf excerpt = buf_make(sizeof failure->statement - 1);
    sql_excerpt(item->text, statement, EXCERPT_MAX, &excerpt);
    text_copy(failure->statement, sizeof failure->statement, excerpt.data);
    error_where(err, "%s:%u:%u", migration->file, failure->line, failure->column);
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

void engine_name_failed(struct engine *engine, const struct plan_migration *migration,
                        struct error *err)
{
    struct outcome_failure *failure = &engine->outcome->failure;
    text_copy(failure->migration, sizeof failure->migration, migration->id);
    text_copy(failure->file, sizeof failure->file, migration->file);
    AUTO(buf) struct buf place = buf_make(sizeof err->where);
    plan_place(engine->request.plan, migration, &place);
    error_where(err, "%s", place.data);
}

static void fill_failure(const struct pg_failure *server, struct outcome_failure *failure)
{
    *failure = (struct outcome_failure){0};
    /* The line of a COPY's data, or of a function's body, stands in the context only. */
    text_copy(failure->detail, sizeof failure->detail,
              *server->detail ? server->detail : server->context);
    text_copy(failure->schema, sizeof failure->schema, server->schema);
    text_copy(failure->table, sizeof failure->table, server->table);
    text_copy(failure->column_name, sizeof failure->column_name, server->column);
    text_copy(failure->constraint, sizeof failure->constraint, server->constraint);
}

void engine_describe(struct engine *engine, const struct message_batch *batch,
                     const struct message *message, const struct pg_reply *reply, struct error *err)
{
    struct outcome_failure *failure = &engine->outcome->failure;
    struct message_spot spot = message_locate(message, batch, reply->done, reply->failure.position);
    const struct message_item *item = &batch->items[spot.item];
    const struct plan_migration *migration = item->migration;
    fill_failure(&reply->failure, failure);
    engine_name_failed(engine, migration, err);
    switch (spot.place) {
    case MESSAGE_CLAIM:
        judge_claim(err);
        return;
    case MESSAGE_SETTINGS:
        judge_settings(engine, err);
        return;
    case MESSAGE_STATEMENT:
        place_in_file(item, migration, &spot, failure, err);
        withhold_password(&reply->failure, failure, err);
        judge(engine, err);
        return;
    case MESSAGE_VERIFY:
        failure->detail[0] = '\0'; /* the context is ours */
        judge_verify(engine, migration, err);
        return;
    case MESSAGE_CLOSING:
    case MESSAGE_COMMIT:
        judge_closing(engine, err);
        return;
    }
}

void engine_name_interrupted(struct engine *engine, const struct plan_migration *migration,
                             const char *what_became, struct error *err)
{
    AUTO(buf) struct buf why = buf_make(sizeof err->message);
    buf_text(&why, err->message);
    error_set(err, ERROR_INTERRUPTED, "%s while %s ran; %s", why.data, migration->id, what_became);
    engine_name_failed(engine, migration, err);
    if (!stop_asked(engine->request.stop) && deadline_passed(engine->request.deadline)) {
        error_hint(err, "run.deadline of the plan is how long a run may take: raise it if this "
                        "migration needs longer.");
    }
}

json_t *engine_failure_json(const struct engine *engine, const struct error *err)
{
    struct outcome failed = *engine->outcome;
    failed.kind = OUTCOME_ERROR;
    failed.error = *err;
    return outcome_error_json(&failed, OUTCOME_WHOLE);
}

void engine_log_notice(const char *id, const struct pg_notice *notice)
{
    bool shown = strcmp(notice->severity, "NOTICE") == 0 || strcmp(notice->severity, "INFO") == 0;
    if (strcmp(notice->severity, "WARNING") == 0) {
        log_warn(notice->message, LOG_TEXT("migration", id));
    } else {
        log_write(shown ? LOG_INFO : LOG_DEBUG, notice->message,
                  (const struct log_field[]){LOG_TEXT("migration", id),
                                             LOG_QUIET_TEXT("severity", notice->severity)},
                  2);
    }
}

void engine_log_applied(const char *id, int64_t duration_ms)
{
    AUTO(buf) struct buf line = buf_make(1024);
    buf_format(&line, "applied %s in ", id);
    text_show_duration(&line, duration_ms);
    log_info(line.data, LOG_QUIET_TEXT("migration", id),
             LOG_QUIET_NUMBER("duration_ms", duration_ms));
}
