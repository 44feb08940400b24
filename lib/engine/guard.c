/* The guard: a second connection that holds the owner row while a step runs outside a transaction,
 * so that no other run takes the plan. And whether such steps can run at all. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/internal.h"

enum {
    HOLD_MS = 15000,
    HOLD_POOLED_MS = 4000, /* libpq waits 5 s more for an answer to its cancelling */
    POLL_MS = 150,
    PING_EVERY_MS = 2000, /* inside the lease, and every idle limit there is */
    PING_MS = 3000,
    REGAIN_MS = 1500,
    INHERIT_BY_GRANT = 160000, /* the version from which a GRANT itself says whether */
};

static bool try_hold(struct engine *engine, struct deadline deadline, struct error *err)
{
    const struct engine_request *request = &engine->request;
    if (engine->guard && !pg_alive(engine->guard)) {
        pg_close(engine->guard);
        engine->guard = NULL;
    }
    if (!engine->guard && !engine_open_another(engine, deadline, &engine->guard, err)) {
        return false;
    }
    pg_watch(engine->guard, NULL);
    /* Whoever polls for the plan locks its row for a moment. */
    while (
        !ledger_hold(engine->guard, request->plan->name, engine->outcome->run_id, deadline, err)) {
        if (err->kind != ERROR_BUSY || deadline_passed(deadline)) {
            return false;
        }
        if (!wait_pause(POLL_MS, deadline, request->stop)) {
            return error_set(err, ERROR_INTERRUPTED, "told to stop");
        }
    }
    engine->guarding = true;
    engine->guarded_ms = clock_steady_ms();
    return true;
}

static bool one_connection(const char *reason, struct error *err)
{
    error_set(err, ERROR_UNREACHABLE, "the pool gave no second server connection within %d s%s%s",
              HOLD_POOLED_MS / 1000, *reason ? ": " : "", reason);
    error_code(err, "pool");
    return error_hint(err, "A step outside a transaction needs two: one works, one holds the lock. "
                           "Give this user's pool at least two (PgBouncer: pool_size; RDS Proxy: "
                           "MaxConnectionsPercent), or try again when others leave it room.");
}

static struct deadline patience(const struct engine *engine)
{
    return deadline_in(engine->server.pooled ? HOLD_POOLED_MS : HOLD_MS);
}

/* With the guard's transaction open, does the worker still get a server connection? */
static bool probe_worker(struct engine *engine, struct error *err)
{
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (pg_query(engine->pg, "SHOW server_version_num", patience(engine), &reply, err)) {
        return true;
    }
    if (stop_asked(engine->request.stop)) {
        return false;
    }
    struct error why = *err;
    /* Whatever it waits for in the pooler's queue, it is not to be answered any more. */
    pg_close(engine->pg);
    engine->pg = NULL;
    return one_connection(
        why.kind == ERROR_LOST && !strstr(why.message, "cancel") ? why.message : "", err);
}

bool engine_hold(struct engine *engine, struct error *err)
{
    engine->overtaken = false;
    if (!try_hold(engine, patience(engine), err)) {
        bool silent =
            err->kind == ERROR_INTERRUPTED && !*err->code && !stop_asked(engine->request.stop);
        return silent ? one_connection("", err) : false;
    }
    if (probe_worker(engine, err)) {
        return true;
    }
    engine_release(engine);
    return false;
}

void engine_release(struct engine *engine)
{
    struct error err;
    if (!engine->guarding) {
        return;
    }
    engine->guarding = false;
    if (!engine->guard || !pg_alive(engine->guard) ||
        !ledger_release(engine->guard, engine->request.plan->name, engine->outcome->run_id,
                        deadline_in(PING_MS), &err)) {
        pg_close(engine->guard); /* its end releases the row, too */
        engine->guard = NULL;
    }
}

/* The plan may be anybody's now; unless it is, it is ours again. What runs goes on meanwhile: a run
 * that takes the plan waits for it to end. */
static bool regain(struct engine *engine)
{
    struct error err;
    if (try_hold(engine, deadline_in(REGAIN_MS), &err)) {
        log_info("the connection that guards this run is back");
        return true;
    }
    engine->guarded_ms = clock_steady_ms();
    engine->overtaken = ledger_is_overtaken(err.code);
    if (engine->overtaken) {
        log_write(LOG_ERROR, "another run took the plan over: what runs is cancelled", NULL, 0);
    }
    return !engine->overtaken;
}

bool engine_keep_guard(struct engine *engine)
{
    struct error err;
    if (!engine->guarding || clock_steady_ms() - engine->guarded_ms < PING_EVERY_MS) {
        return !engine->overtaken;
    }
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!engine->guard) {
        return regain(engine);
    }
    /* SHOW takes no snapshot: a concurrent index build would wait for one. */
    if (pg_query(engine->guard, "SHOW server_version_num", deadline_in(PING_MS), &reply, &err)) {
        engine->guarded_ms = clock_steady_ms();
        return true;
    }
    log_trouble(LOG_WARN, "the connection that guards this run was lost", &err);
    pg_close(engine->guard);
    engine->guard = NULL;
    return regain(engine);
}

/* What a pooler has open keeps the settings it began with. */
#define NEW_SESSIONS                                                                               \
    "then let a pooler open its connections anew (PgBouncer: RECONNECT) and start the task again."

static bool refuse(struct error *err, const char *hint_format, const char *a, const char *b,
                   const char *c)
{
    AUTO(buf) struct buf hint = buf_make(900);
    for (const char *at = hint_format; *at; at++) {
        if (*at != '%') {
            buf_char(&hint, *at);
        } else {
            at++;
            pg_identifier(&hint, *at == 'a' ? a : *at == 'b' ? b : c);
        }
    }
    return error_hint(err, "%s", hint.data);
}

static bool check_names(const struct engine *engine, const struct catalog_login *login, bool late,
                        struct error *err)
{
    const struct plan_database *database = &engine->request.plan->database;
    if (!login->schema_is_current && (late || login->schema_exists)) {
        error_set(err, ERROR_INVALID,
                  "outside a transaction the login's own search_path applies: its current schema "
                  "is \"%s\", the plan's \"%s\"",
                  login->current_schema, database->schema.text);
        return refuse(err, "ALTER ROLE %a IN DATABASE %c SET search_path = %b; " NEW_SESSIONS,
                      login->user, database->schema.text, engine->outcome->database);
    }
    if (!login->may_act && (late || login->role_exists)) {
        error_set(err, ERROR_INVALID,
                  "outside a transaction the login works as itself, and \"%s\" does not have the "
                  "rights of database.role \"%s\"",
                  login->user, database->role.text);
        return refuse(err,
                      engine->server.version_num >= INHERIT_BY_GRANT
                          ? "GRANT %b TO %a WITH INHERIT TRUE; then start the task again."
                          : "GRANT %b TO %a; ALTER ROLE %a INHERIT; then start the task again.",
                      login->user, database->role.text, "");
    }
    return true;
}

static bool cut_short(const struct engine *engine, const struct catalog_login *login,
                      const char *setting, int64_t ms, const struct plan_migration *migration,
                      struct error *err)
{
    AUTO(buf) struct buf limit = buf_make(64);
    text_show_duration(&limit, ms);
    error_set(err, ERROR_INVALID,
              "outside a transaction the login's own %s applies, and %s would cut \"%s\" short",
              setting, limit.data, migration->id);
    error_where(err, "%s", migration->file);
    AUTO(buf) struct buf hint = buf_make(300);
    buf_format(&hint, "ALTER ROLE %%a IN DATABASE %%c SET %s = 0; " NEW_SESSIONS, setting);
    return refuse(err, hint.data, login->user, "", engine->outcome->database);
}

static bool check_limits(const struct engine *engine, const struct catalog_login *login,
                         const struct plan_migration *migration, struct error *err)
{
    int64_t limit = migration->statement_timeout_ms;
    int64_t login_limit = login->statement_timeout_ms;
    if (login->lock_timeout_ms > 0) {
        return cut_short(engine, login, "lock_timeout", login->lock_timeout_ms, migration, err);
    }
    if (login_limit > 0 && (limit == 0 || login_limit < limit)) {
        return cut_short(engine, login, "statement_timeout", login_limit, migration, err);
    }
    login_limit = login->transaction_timeout_ms;
    if (login_limit > 0 && (limit == 0 || login_limit < limit)) {
        return cut_short(engine, login, "transaction_timeout", login_limit, migration, err);
    }
    return true;
}

static bool ask_login(struct engine *engine, struct catalog_login *out_login, struct error *err)
{
    const struct plan_database *database = &engine->request.plan->database;
    return catalog_login(engine->pg, database->schema.text, database->role.text,
                         engine->request.deadline, out_login, err);
}

bool engine_check_login(struct engine *engine, const struct plan_migration *migration,
                        struct error *err)
{
    struct catalog_login login;
    return ask_login(engine, &login, err) && check_names(engine, &login, true, err) &&
           check_limits(engine, &login, migration, err);
}

bool engine_check_outside(struct engine *engine, const struct decision *decision, struct error *err)
{
    struct catalog_login login;
    bool outside = false;
    bool asked = false;
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct plan_migration *migration =
            &engine->request.plan->migrations[decision->steps[i]];
        enum inspect_mode mode = engine->files[decision->steps[i]].mode;
        outside = outside || mode != INSPECT_TRANSACTION;
        if (mode != INSPECT_ALONE) {
            continue;
        }
        if (!asked &&
            !(ask_login(engine, &login, err) && check_names(engine, &login, false, err))) {
            return false;
        }
        asked = true;
        if (!check_limits(engine, &login, migration, err)) {
            return false;
        }
    }
    if (outside && !engine_hold(engine, err)) {
        return false;
    }
    engine_release(engine);
    return true;
}
