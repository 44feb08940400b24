#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/internal.h"

enum {
    POLL_LEAST_MS = 200,
    POLL_SPREAD_MS = 400, /* jitter, so that several waiters do not poll in step */
    SAY_EVERY_MS = 30000,
    TOUCH_EVERY_MS = 1500, /* well inside the lease */
};

static bool busy(const struct engine *engine, const struct ledger_holder *holder, int64_t waited_ms,
                 struct error *err)
{
    AUTO(buf) struct buf limit = buf_make(64);
    text_show_duration(&limit, waited_ms);
    if (!*holder->run_id) {
        error_set(err, ERROR_BUSY, "the ledger's row of plan \"%s\" was locked for longer than %s",
                  engine->request.plan->name, limit.data);
        return error_hint(err, "Nothing was changed. Somebody holds a row or table of schema "
                               "postlude: pg_locks tells who. Start the task again when it is "
                               "free.");
    }
    if (strcmp(holder->run_id, engine->outcome->run_id) == 0) {
        error_set(err, ERROR_BUSY,
                  "the server still runs what this run sent before it lost the "
                  "connection");
        return error_hint(err,
                          "Its session carries application_name postlude/%s/...; the next run "
                          "waits for it.",
                          holder->run_id);
    }
    error_set(err, ERROR_BUSY, "another run held plan \"%s\" for longer than %s: run %s, since %s",
              engine->request.plan->name, limit.data, holder->run_id, holder->since);
    return error_hint(err,
                      "When that run has ended, start this task again; run.lock_wait is how "
                      "long a run waits. Its sessions carry application_name "
                      "postlude/%s/...",
                      holder->run_id);
}

static void say_who(const struct engine *engine, const struct ledger_holder *holder,
                    struct deadline patience, int64_t *next_ms)
{
    bool ours = text_same(holder->run_id, engine->outcome->run_id);
    int64_t now = clock_steady_ms();
    if (now >= *next_ms) {
        AUTO(buf) struct buf line = buf_make(256);
        buf_format(&line, "waiting for %s, for ",
                   ours ? "what this run left on the server" : "another run of this plan");
        text_show_duration(&line, deadline_left_ms(patience));
        buf_text(&line, " more at most");
        log_info(line.data, LOG_TEXT("holder", holder->run_id), LOG_TEXT("since", holder->since),
                 LOG_TEXT("migration", holder->migration));
        *next_ms = now + SAY_EVERY_MS;
    }
}

/* One try; a row lock that was in the way counts as "not taken". */
static bool try_take(struct engine *engine, const json_t *row, bool *out_taken,
                     struct ledger_holder *holder, struct error *err)
{
    if (ledger_take(engine->pg, row, engine->request.deadline, out_taken, holder, err)) {
        return true;
    }
    *out_taken = false;
    return err->kind == ERROR_BUSY;
}

static bool poll_until_taken(struct engine *engine, const json_t *row, struct error *err)
{
    const struct engine_request *request = &engine->request;
    int64_t left_ms = deadline_left_ms(request->deadline);
    int64_t wait_ms = request->plan->run.lock_wait_ms;
    wait_ms = wait_ms < left_ms ? wait_ms : left_ms;
    struct deadline patience = deadline_min(deadline_in(wait_ms), request->deadline);
    struct ledger_holder holder = {.run_id = "", .since = ""};
    int64_t next_ms = 0;
    for (;;) {
        bool taken = false;
        if (!try_take(engine, row, &taken, &holder, err)) {
            return false;
        }
        if (taken) {
            return true;
        }
        if (deadline_passed(patience)) {
            return busy(engine, &holder, wait_ms, err);
        }
        say_who(engine, &holder, patience, &next_ms);
        if (!wait_pause(POLL_LEAST_MS + random_up_to(POLL_SPREAD_MS), patience, request->stop)) {
            return error_set(err, ERROR_INTERRUPTED, "told to stop while waiting for another run");
        }
    }
}

void engine_bury(struct engine *engine)
{
    struct ledger_holder holder;
    struct error err;
    if (!engine->ledger->holder.run_id[0] || engine->taken) {
        return;
    }
    AUTO(json) json_t *row = engine_run_row(engine, false);
    if (!try_take(engine, row, &engine->taken, &holder, &err)) {
        log_trouble(LOG_DEBUG, "could not look after the run that owns the plan", &err);
    }
}

static bool may_not_install(const struct outcome *outcome, struct error *err)
{
    AUTO(buf) struct buf grant = buf_make(1024);
    pg_identifier(&grant, outcome->database);
    buf_text(&grant, " TO ");
    pg_identifier(&grant, outcome->user);
    error_set(err, ERROR_DENIED,
              "the login may not create the ledger, schema postlude, in database \"%s\"",
              outcome->database);
    error_code(err, "42501");
    return error_hint(err,
                      "As the database's owner: GRANT CREATE ON DATABASE %s; it is needed for "
                      "the first run only.",
                      grant.data);
}

static bool install(struct engine *engine, struct error *err)
{
    const struct engine_request *request = &engine->request;
    if (engine->ledger->version >= ledger_newest_version()) {
        return true;
    }
    if (!engine->ledger->exists && !engine->server.may_create) {
        return may_not_install(engine->outcome, err);
    }
    if (!ledger_install(engine->pg, request->deadline, request->stop, err)) {
        return false;
    }
    engine->ledger->version = ledger_newest_version();
    engine->ledger->exists = true; /* and this run wrote it: it has a row from here on */
    return true;
}

bool engine_take(struct engine *engine, struct error *err)
{
    if (!install(engine, err)) {
        return false;
    }
    AUTO(json) json_t *row = engine_run_row(engine, false);
    if (!poll_until_taken(engine, row, err)) {
        return false;
    }
    engine->taken = true;
    /* Only what is read after taking decides. */
    return engine_read(engine, err);
}

bool engine_linger(struct engine *engine, int64_t ms, struct error *err)
{
    const struct engine_request *request = &engine->request;
    struct deadline end = deadline_in(ms);
    while (!deadline_passed(end)) {
        if (engine->guarding ? !engine_look(engine)
                             : !ledger_touch(engine->pg, request->plan->name,
                                             engine->outcome->run_id, request->deadline, err)) {
            return !engine->guarding
                       ? false
                       : error_set(err, ERROR_INTERRUPTED, "another run took the plan over");
        }
        if (deadline_passed(request->deadline)) {
            return error_set(err, ERROR_INTERRUPTED, "the time allowed for this run is over");
        }
        if (!wait_pause(TOUCH_EVERY_MS, deadline_min(end, request->deadline), request->stop)) {
            return error_set(err, ERROR_INTERRUPTED, "told to stop");
        }
    }
    return true;
}
