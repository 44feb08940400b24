#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"

enum { RETRY_MS = 1000, LAST_MS = 1000, SAY_EVERY_MS = 15000 };

void engine_session_prefix(const char *run_id, char out_prefix[64])
{
    (void)snprintf(out_prefix, 64, "postlude/%s/", run_id);
}

static void set_text(char **place, const char *text)
{
    if (!text_same(*place, text)) {
        free(*place);
        *place = memory_text(text);
    }
}

static void name_database(struct outcome *outcome, const struct pg_address *address)
{
    set_text(&outcome->host, address->host);
    set_text(&outcome->database, address->database);
    set_text(&outcome->user, address->user);
    outcome->port = address->port;
}

bool engine_address(const struct engine *engine, const struct pg_asking *asking,
                    struct pg_address *out_address, struct error *err)
{
    const struct engine_request *request = &engine->request;
    if (!request->address(request->address_context, asking, out_address, err)) {
        return false;
    }
    name_database(engine->outcome, out_address);
    return true;
}

bool engine_open_login(const struct engine *engine, const char *name,
                       const struct pg_asking *asking, struct pg **out_pg, struct error *err)
{
    struct pg_asking now = *asking;
    struct pg_address address;
    struct error refused;
    while (engine_address(engine, &now, &address, err)) {
        address.application_name = name;
        address.stop = asking->stop;
        if (pg_open(&address, asking->deadline, out_pg, err)) {
            return true;
        }
        if (!pg_refused(err)) {
            return false;
        }
        refused = *err;
        now.refused = &refused;
        now.refusals++;
    }
    return false;
}

bool engine_open_another(const struct engine *engine, struct deadline deadline, struct pg **out_pg,
                         struct error *err)
{
    const struct engine_request *request = &engine->request;
    const struct pg_asking asking = {.deadline = deadline_min(deadline, request->deadline),
                                     .stop = request->stop};
    char name[64];
    AUTO(buf) struct buf whole = buf_make(512);
    buf_format(&whole, "postlude/%s/%s", engine->outcome->run_id, request->plan->name);
    text_copy(name, sizeof name, whole.data);
    return engine_open_login(engine, name, &asking, out_pg, err);
}

/* A login through a proxy may succeed with no database behind it: the first statement decides. */
static bool no_database_behind(const struct error *err)
{
    return err->kind == ERROR_LOST ||
           (err->kind == ERROR_FAILED &&
            (text_starts(err->code, "08") || text_starts(err->code, "53") ||
             text_starts(err->code, "57P")));
}

bool engine_read(struct engine *engine, struct error *err)
{
    const struct engine_request *request = &engine->request;
    const struct trigger *trigger = request->trigger;
    bool keyed = trigger_has_key(trigger);
    const struct ledger_query query = {
        .plan = request->plan->name,
        .account = trigger->account,
        .region = trigger->region,
        .pipeline = trigger->pipeline,
        .stage = trigger->stage,
        .execution_id = keyed ? trigger->execution_id : NULL,
        .attempt = trigger->attempt,
        .schedule = keyed ? trigger->schedule : NULL,
        .scheduled_time = keyed ? trigger->scheduled_time : NULL,
        .reader = request->only_reads ? engine->outcome->user : NULL,
    };
    struct ledger *ledger = NULL;
    if (!ledger_read(engine->pg, &query, request->deadline, &engine->server, &ledger, err)) {
        return false;
    }
    ledger_free(engine->ledger);
    engine->ledger = ledger;
    struct outcome *outcome = engine->outcome;
    text_copy(outcome->server_version, sizeof outcome->server_version, engine->server.version);
    outcome->pooled = engine->server.pooled;
    outcome->known_server = true;
    return catalog_server_check(&engine->server, err);
}

static bool attempt(struct engine *engine, struct deadline deadline, struct error *err)
{
    pg_close(engine->pg);
    engine->pg = NULL;
    if (!engine_open_another(engine, deadline, &engine->pg, err)) {
        return false;
    }
    if (engine_read(engine, err)) {
        return true;
    }
    if (no_database_behind(err)) {
        err->kind = ERROR_UNREACHABLE;
        error_wrap(err, "the login worked, but there is no database behind it");
    }
    return false;
}

static void say_waiting(const struct error *err, struct deadline patience)
{
    AUTO(buf) struct buf line = buf_make(256);
    buf_text(&line, "not connected yet, trying again for ");
    text_show_duration(&line, deadline_left_ms(patience));
    log_trouble(LOG_WARN, line.data, err);
}

/* Attempt after attempt; each may take connect_timeout, and all but the first what patience is
 * left. */
static bool try_for(struct engine *engine, struct deadline patience, struct error *err)
{
    const struct engine_request *request = &engine->request;
    int64_t each_ms = request->plan->database.connect_timeout_ms;
    struct error told = {0};
    struct deadline next = deadline_in(each_ms);
    struct deadline silent = deadline_in(0);
    while (!attempt(engine, next, err)) {
        if (told.kind != ERROR_NONE && strcmp(err->code, PG_NO_ANSWER) == 0) {
            *err = told; /* silence tells less than what was said before it */
        }
        if (request->once || !error_retryable(err->kind) || deadline_passed(patience)) {
            return false;
        }
        if (deadline_passed(silent)) {
            say_waiting(err, patience);
            silent = deadline_in(SAY_EVERY_MS);
        }
        told = *err;
        if (!wait_pause(RETRY_MS, patience, request->stop)) {
            return error_set(err, ERROR_INTERRUPTED, "told to stop while waiting for the database");
        }
        next =
            deadline_min(deadline_in(each_ms), deadline_in(deadline_left_ms(patience) + LAST_MS));
    }
    return true;
}

bool engine_connect(struct engine *engine, struct error *err)
{
    const struct engine_request *request = &engine->request;
    return try_for(
        engine, deadline_min(deadline_in(request->plan->database.wait_ms), request->deadline), err);
}

static void log_connected(const struct engine *engine)
{
    const struct outcome *outcome = engine->outcome;
    const char *tls = pg_tls_version(engine->pg);
    AUTO(buf) struct buf line = buf_make(1024);
    buf_format(&line, "connected to %s at %s:%d as %s, PostgreSQL %s, %s, %s", outcome->database,
               outcome->host, outcome->port, outcome->user, outcome->server_version,
               outcome->pooled ? "through a pooler" : "directly", *tls ? tls : "without TLS");
    /* Who comes again and again would fill the log with it. */
    LOG_AT_(engine->request.once ? LOG_DEBUG : LOG_INFO, line.data,
            LOG_QUIET_TEXT("host", outcome->host), LOG_QUIET_NUMBER("port", outcome->port),
            LOG_QUIET_TEXT("database", outcome->database),
            LOG_QUIET_TEXT("server_version", outcome->server_version),
            LOG_QUIET_TEXT("via", outcome->pooled ? "pooler" : "direct"),
            LOG_QUIET_TEXT("tls", tls));
}

bool engine_open(const struct engine_request *request, struct outcome *outcome,
                 struct engine **out_engine, struct error *err)
{
    AUTO(engine) struct engine *engine = memory_new(1, sizeof *engine);
    engine->request = *request;
    engine->outcome = outcome;
    if (!engine_connect(engine, err)) {
        return false;
    }
    log_connected(engine);
    *out_engine = TAKE(engine);
    return true;
}

void engine_close(struct engine *engine)
{
    if (engine) {
        pg_close(engine->watch.pg);
        pg_close(engine->guard);
        pg_close(engine->pg);
        engine_forget_files(engine);
        ledger_free(engine->ledger);
        free(engine);
    }
}

const struct ledger *engine_ledger(const struct engine *engine)
{
    return engine->ledger;
}
