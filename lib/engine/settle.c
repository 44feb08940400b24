#include "engine/settle.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    POLL_MS = 500,
    SAY_EVERY_MS = 30000,
    LOOKS = 2, /* a pooler may hand a message to the server between two looks */
    DROP_MS = 60000,
    NAME_SIZE_MAX = 4096,
};

/* The code by which an outcome knows that the server is not done with what was begun before. */
#define AT_WORK "at-work"

static bool told_to_stop(struct error *err)
{
    return error_set(err, ERROR_INTERRUPTED,
                     "told to stop while waiting for what an earlier run "
                     "left on the server");
}

static bool still_there(const struct catalog_sessions *sessions, const char *run_id,
                        struct error *err)
{
    if (sessions->active == 0) {
        error_set(err, ERROR_BUSY,
                  "a session of run %s is still there, and this login may not see what it does",
                  run_id);
        error_code(err, AT_WORK);
        return error_hint(err,
                          "GRANT pg_read_all_stats to the login, or end the session "
                          "(application_name postlude/%s/...), then start the task again.",
                          run_id);
    }
    error_set(err, ERROR_BUSY, "the server still works for run %s, which is gone (pid %d)", run_id,
              sessions->first_pid);
    error_code(err, AT_WORK);
    return error_hint(err,
                      "Let it come to its end, or end it: select pg_cancel_backend(%d); then "
                      "start the task again. run.lock_wait is how long a run waits.",
                      sessions->first_pid);
}

static void say_waiting(const char *what, int pid, int64_t *next_ms)
{
    int64_t now = clock_steady_ms();
    if (now >= *next_ms) {
        AUTO(buf) struct buf line = buf_make(1024);
        buf_format(&line, "%s (pid %d): waiting for its end", what, pid);
        log_warn(line.data, LOG_QUIET_NUMBER("pid", pid));
        *next_ms = now + SAY_EVERY_MS;
    }
}

bool settle_wait(struct engine *engine, const char *run_id, const char *statement,
                 struct error *err)
{
    const struct engine_request *request = &engine->request;
    struct deadline patience =
        deadline_min(deadline_in(request->plan->run.lock_wait_ms), request->deadline);
    char prefix[64];
    int64_t next_ms = 0;
    int quiet = 0;
    bool own = strcmp(run_id, engine->outcome->run_id) == 0;
    const char *still = own ? "the server still works for this run, on a connection that was lost"
                            : "the server still works for an earlier run that is gone";
    engine_session_prefix(run_id, prefix);
    while (quiet < LOOKS) {
        struct catalog_sessions sessions;
        if (!catalog_sessions(engine->pg, prefix, statement, request->deadline, &sessions, err)) {
            return false;
        }
        bool busy = sessions.active > 0 || sessions.unseen > 0;
        quiet = busy ? 0 : quiet + 1;
        if (busy && deadline_passed(patience)) {
            return still_there(&sessions, run_id, err);
        }
        if (busy) {
            say_waiting(still, sessions.first_pid, &next_ms);
        }
        if (quiet < LOOKS && !wait_pause(POLL_MS, request->deadline, request->stop)) {
            return told_to_stop(err);
        }
        if (!engine_look(engine)) {
            return error_set(err, ERROR_INTERRUPTED, "another run took the plan over");
        }
    }
    return true;
}

/* A name as it stands in the statement, without comments in it. */
static char *written(const struct settle_statement *statement, size_t offset, size_t length)
{
    struct buf name = buf_make(NAME_SIZE_MAX);
    if (length && !sql_plain_name(statement->text, offset, length, &name)) {
        buf_truncate(&name, 0);
        buf_add(&name, statement->text + offset, length);
    }
    if (!length) {
        buf_free(&name);
        return NULL;
    }
    return buf_take(&name);
}

static char *object_of(const struct settle_statement *statement)
{
    return written(statement, statement->target.object_offset, statement->target.object_length);
}

static char *table_of(const struct settle_statement *statement)
{
    return written(statement, statement->target.table_offset, statement->target.table_length);
}

static bool drop_index(struct engine *engine, const char *qualified, struct deadline deadline,
                       struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(512);
    AUTO(pg_reply) struct pg_reply reply = {0};
    buf_format(&sql, "DROP INDEX CONCURRENTLY IF EXISTS %s", qualified);
    log_warn("dropping an index that was never finished", LOG_TEXT("index", qualified));
    return pg_query(engine->pg, sql.data, deadline, &reply, err);
}

/* The index that CREATE INDEX CONCURRENTLY makes: by its name, or, without one, the one that the
 * table did not have before; its count says how many it may be. */
static bool find_index(struct engine *engine, const struct settle_statement *statement,
                       struct catalog_index *out_index, struct error *err)
{
    AUTO(text) char *table = table_of(statement);
    AUTO(text) char *name = object_of(statement);
    struct deadline deadline = engine->request.deadline;
    *out_index = (struct catalog_index){0};
    if (name) {
        return catalog_index(engine->pg, table, name, deadline, out_index, err);
    }
    return !statement->note ||
           catalog_new_index(engine->pg, table, statement->note, deadline, out_index, err);
}

/* An index that a killed or failed try left: ours to drop only when all of this holds. */
static bool is_leftover(const struct catalog_index *index)
{
    return index->exists && index->on_table && index->relkind == 'i' && !index->valid &&
           !index->being_built;
}

/* Somebody builds that very index: its end is waited for, since dropping it now would break both.
 */
static bool await_builder(struct engine *engine, const struct settle_statement *statement,
                          struct catalog_index *index, struct error *err)
{
    const struct engine_request *request = &engine->request;
    struct deadline patience =
        deadline_min(deadline_in(request->plan->run.lock_wait_ms), request->deadline);
    int64_t next_ms = 0;
    for (;;) {
        if (!find_index(engine, statement, index, err)) {
            return false;
        }
        if (index->count != 1 || !index->being_built) {
            return true;
        }
        if (deadline_passed(patience)) {
            error_set(err, ERROR_BUSY, "another session is building index %s (pid %d)",
                      index->qualified, index->builder_pid);
            error_code(err, AT_WORK);
            return error_hint(err, "Let it come to its end, or end it, then start the task again.");
        }
        AUTO(buf) struct buf what = buf_make(512);
        buf_format(&what, "another session is building index %s", index->qualified);
        say_waiting(what.data, index->builder_pid, &next_ms);
        if (!wait_pause(POLL_MS, request->deadline, request->stop)) {
            return told_to_stop(err);
        }
        if (!engine_look(engine)) {
            return error_set(err, ERROR_INTERRUPTED, "another run took the plan over");
        }
    }
}

static bool ask_index(struct engine *engine, const struct settle_statement *statement,
                      enum settle_verdict *out_verdict, struct error *err)
{
    struct catalog_index index;
    if (!await_builder(engine, statement, &index, err)) {
        return false;
    }
    *out_verdict = index.count > 1                   ? SETTLE_UNKNOWN
                   : index.count == 1 && index.valid ? SETTLE_DONE
                                                     : SETTLE_AGAIN;
    return *out_verdict != SETTLE_AGAIN || !is_leftover(&index) ||
           drop_index(engine, index.qualified,
                      deadline_min(deadline_in(DROP_MS), engine->request.deadline), err);
}

static bool ask_dropped_index(struct engine *engine, const struct settle_statement *statement,
                              enum settle_verdict *out_verdict, struct error *err)
{
    AUTO(text) char *name = object_of(statement);
    struct catalog_index index;
    if (!catalog_index(engine->pg, NULL, name, engine->request.deadline, &index, err)) {
        return false;
    }
    *out_verdict = index.exists ? SETTLE_AGAIN : SETTLE_DONE;
    return true;
}

static bool ask_partition(struct engine *engine, const struct settle_statement *statement,
                          enum settle_verdict *out_verdict, struct error *err)
{
    AUTO(text) char *parent = object_of(statement);
    AUTO(text) char *child = table_of(statement);
    enum catalog_partition partition = CATALOG_PARTITION_MISSING;
    if (!catalog_partition(engine->pg, parent, child, engine->request.deadline, &partition, err)) {
        return false;
    }
    *out_verdict = partition == CATALOG_PARTITION_NONE ? SETTLE_DONE : SETTLE_AGAIN;
    return true;
}

/* made: the statement creates the object, or drops it. */
static bool ask_object(struct engine *engine, const struct settle_statement *statement,
                       enum catalog_kind kind, bool made, enum settle_verdict *out_verdict,
                       struct error *err)
{
    AUTO(text) char *name = object_of(statement);
    struct catalog_object object;
    if (!catalog_object(engine->pg, kind, name, engine->request.deadline, &object, err)) {
        return false;
    }
    bool there = object.exists && (object.valid || !made);
    *out_verdict = there == made ? SETTLE_DONE : SETTLE_AGAIN;
    return true;
}

static bool drop_reindex_leftovers(struct engine *engine, const struct settle_statement *statement,
                                   struct deadline deadline)
{
    AUTO(text) char *object = object_of(statement);
    AUTO(catalog_names) struct catalog_names names = {0};
    struct error err;
    if (!statement->note || !object) {
        return true;
    }
    const struct catalog_reindex reindex = {
        .object = object, .of_index = statement->target.of_index, .note = statement->note};
    bool ok = catalog_reindex_leftovers(engine->pg, &reindex, deadline, &names, &err);
    for (size_t i = 0; ok && i < names.count; i++) {
        ok = drop_index(engine, names.names[i], deadline, &err);
    }
    if (!ok) {
        log_trouble(LOG_WARN, "what the REINDEX left stays until the next run drops it", &err);
    }
    return ok;
}

bool settle_ask(struct engine *engine, const struct settle_statement *statement,
                enum settle_verdict *out_verdict, struct error *err)
{
    switch (statement->target.kind) {
    case SQL_ALONE_CREATE_INDEX:
        return ask_index(engine, statement, out_verdict, err);
    case SQL_ALONE_DROP_INDEX:
        return ask_dropped_index(engine, statement, out_verdict, err);
    case SQL_ALONE_DETACH:
        return ask_partition(engine, statement, out_verdict, err);
    case SQL_ALONE_CREATE_DATABASE:
        return ask_object(engine, statement, CATALOG_DATABASE, true, out_verdict, err);
    case SQL_ALONE_DROP_DATABASE:
        return ask_object(engine, statement, CATALOG_DATABASE, false, out_verdict, err);
    case SQL_ALONE_CREATE_TABLESPACE:
        return ask_object(engine, statement, CATALOG_TABLESPACE, true, out_verdict, err);
    case SQL_ALONE_DROP_TABLESPACE:
        return ask_object(engine, statement, CATALOG_TABLESPACE, false, out_verdict, err);
    case SQL_ALONE_CREATE_SUBSCRIPTION:
        return ask_object(engine, statement, CATALOG_SUBSCRIPTION, true, out_verdict, err);
    case SQL_ALONE_DROP_SUBSCRIPTION:
        return ask_object(engine, statement, CATALOG_SUBSCRIPTION, false, out_verdict, err);
    case SQL_ALONE_REINDEX:
        (void)drop_reindex_leftovers(engine, statement, engine->request.deadline);
        *out_verdict = SETTLE_AGAIN;
        return true;
    case SQL_ALONE_REPEATABLE:
        *out_verdict = SETTLE_AGAIN;
        return true;
    case SQL_ALONE_UNKNOWN:
        break;
    }
    *out_verdict = SETTLE_UNKNOWN;
    return true;
}

static bool prepare_index(struct engine *engine, const struct settle_statement *statement,
                          char **out_note, struct error *err)
{
    AUTO(text) char *table = table_of(statement);
    struct catalog_index index;
    if (!await_builder(engine, statement, &index, err)) {
        return false;
    }
    if (index.count == 1 && is_leftover(&index) &&
        !drop_index(engine, index.qualified,
                    deadline_min(deadline_in(DROP_MS), engine->request.deadline), err)) {
        return false;
    }
    return catalog_index_names(engine->pg, table, false, engine->request.deadline, out_note, err);
}

/* DETACH ... CONCURRENTLY that was cut short: only FINALIZE goes on. */
static bool prepare_detach(struct engine *engine, const struct settle_statement *statement,
                           char **out_instead, struct error *err)
{
    AUTO(text) char *parent = object_of(statement);
    AUTO(text) char *child = table_of(statement);
    enum catalog_partition partition = CATALOG_PARTITION_MISSING;
    if (!catalog_partition(engine->pg, parent, child, engine->request.deadline, &partition, err)) {
        return false;
    }
    if (partition == CATALOG_PARTITION_PENDING && !statement->target.finalize) {
        AUTO(buf) struct buf sql = buf_make(2048);
        buf_format(&sql, "ALTER TABLE %s DETACH PARTITION %s FINALIZE", parent, child);
        log_warn("the partition is detached half: finishing that", LOG_TEXT("partition", child));
        *out_instead = buf_take(&sql);
    }
    return true;
}

bool settle_prepare(struct engine *engine, const struct settle_statement *statement,
                    char **out_note, char **out_instead, struct error *err)
{
    *out_note = NULL;
    *out_instead = NULL;
    if (statement->target.kind == SQL_ALONE_CREATE_INDEX) {
        return prepare_index(engine, statement, out_note, err);
    }
    if (statement->target.kind == SQL_ALONE_DETACH) {
        return prepare_detach(engine, statement, out_instead, err);
    }
    if (statement->target.kind == SQL_ALONE_REINDEX) {
        AUTO(text) char *object = object_of(statement);
        return !object || catalog_index_names(engine->pg, object, statement->target.of_index,
                                              engine->request.deadline, out_note, err);
    }
    return true;
}

static bool clean_index(struct engine *engine, const struct settle_statement *statement,
                        struct deadline deadline)
{
    struct catalog_index index;
    struct error err;
    if (find_index(engine, statement, &index, &err) &&
        (index.count != 1 || !is_leftover(&index) ||
         drop_index(engine, index.qualified, deadline, &err))) {
        return true;
    }
    log_trouble(LOG_WARN, "an invalid index stays until the next run drops it", &err);
    return false;
}

bool settle_clean(struct engine *engine, const struct settle_statement *statement,
                  struct deadline deadline)
{
    if (!pg_alive(engine->pg)) {
        return false;
    }
    switch (statement->target.kind) {
    case SQL_ALONE_CREATE_INDEX:
        return clean_index(engine, statement, deadline);
    case SQL_ALONE_REINDEX:
        return drop_reindex_leftovers(engine, statement, deadline);
    case SQL_ALONE_UNKNOWN:
    case SQL_ALONE_DROP_INDEX:
    case SQL_ALONE_DETACH:
    case SQL_ALONE_CREATE_DATABASE:
    case SQL_ALONE_DROP_DATABASE:
    case SQL_ALONE_CREATE_TABLESPACE:
    case SQL_ALONE_DROP_TABLESPACE:
    case SQL_ALONE_CREATE_SUBSCRIPTION:
    case SQL_ALONE_DROP_SUBSCRIPTION:
    case SQL_ALONE_REPEATABLE:
        break;
    }
    return true;
}

bool settle_check(struct engine *engine, const struct settle_statement *statement,
                  struct error *err)
{
    struct catalog_index index;
    if (statement->target.kind != SQL_ALONE_CREATE_INDEX) {
        return true;
    }
    if (!find_index(engine, statement, &index, err)) {
        return false;
    }
    if (index.count != 1 || index.valid || index.relkind != 'i') {
        return true;
    }
    error_set(err, ERROR_FAILED, "the server reported success, but index %s is not valid",
              index.qualified);
    return error_hint(err, "It was there before, unfinished, and IF NOT EXISTS passed over it; the "
                           "next run drops it and builds it anew.");
}
