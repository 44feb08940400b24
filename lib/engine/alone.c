/*
 * A file that runs outside a transaction: statement by statement, each recorded, so that a later
 * run goes on behind the last one done. What can run in a transaction does, together with its
 * record; before what cannot, the ledger says that it is in flight.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/alone.h"

enum { CLEAN_MS = 30000, CLEAN_STOPPED_MS = 4000 };

static bool back_off(struct alone *alone, const struct error *why, struct error *err)
{
    AUTO(buf) struct buf what = buf_make(512);
    buf_format(&what, "statement %zu of %s is", alone->done + 1, alone->migration->id);
    return engine_back_off(alone->engine, what.data, alone->migration->retries, &alone->attempts,
                           why, err);
}

/* A function that does what only a statement of its own can is refused again. */
static void hint_bare(const struct alone *alone, struct error *err)
{
    const struct settle_statement statement = alone_settling(alone);
    if (engine_needs_no_transaction(err->code)) {
        error_hint(err, "It runs outside a transaction already; functions, DO blocks and "
                        "procedures called by them are inside one all the same. Make it a "
                        "statement of the file.");
    } else if (statement.target.kind == SQL_ALONE_UNKNOWN && !*err->hint) {
        error_hint(err, "What it committed before the error stays, and the next run carries it "
                        "out again from its beginning.");
    }
}

/* The server refused the statement. clear: it left nothing. True: try it again. */
static bool refused(struct alone *alone, bool clear, const struct message *message,
                    const struct pg_reply *reply, struct error *err)
{
    struct engine *engine = alone->engine;
    struct error why = *err;
    engine_describe(engine, &alone->batch, message, reply, &why);
    if (clear && engine_may_retry(&why) && alone->attempts < alone->migration->retries) {
        return back_off(alone, &why, err);
    }
    if (engine_may_retry(&why)) {
        engine_name_blockers(engine, &engine->outcome->failure);
    }
    if (!alone->wrapped) {
        hint_bare(alone, &why);
    }
    alone_left(alone, OUTCOME_LEFT_STATEMENTS);
    alone_record_failure(alone, clear, &why);
    *err = why;
    return false;
}

/* clear: it left nothing; if not, the row goes on saying that it is in flight, and the next run
 * finds out. */
static bool cancelled(struct alone *alone, bool clear, enum outcome_left what, struct error *err)
{
    struct engine *engine = alone->engine;
    if (engine->overtaken) {
        error_set(err, ERROR_INTERRUPTED, "another run took the plan over");
    }
    engine_name_interrupted(engine, alone->migration, "its statement was cancelled", err);
    alone_left(alone, what);
    if (engine->overtaken) {
        error_hint(err, "The connection that guards the plan was gone for a while; the other run "
                        "finds out what became of the statement. \"postlude status\" shows how "
                        "far it is.");
    } else if (clear) {
        alone_record_stand(alone);
    }
    return false;
}

static void on_notice(void *context, const struct pg_notice *notice)
{
    engine_log_notice(context, notice);
}

static bool send(struct alone *alone, const struct message *message, struct deadline deadline,
                 struct pg_reply *reply, struct error *err)
{
    struct engine *engine = alone->engine;
    const struct pg_message sent = {
        .sql = message->text.data, .copies = message->copies, .copy_count = message->copy_count};
    engine_watch(engine, alone->migration);
    pg_on_notice(engine->pg, on_notice, alone->migration->id);
    bool ok = pg_send(engine->pg, &sent, deadline, reply, err);
    pg_on_notice(engine->pg, NULL, NULL);
    engine_unwatch(engine);
    return ok;
}

/* In a transaction with its record. *out_bare: PostgreSQL does not take it there. */
static bool run_wrapped(struct alone *alone, bool *out_bare, struct error *err)
{
    struct engine *engine = alone->engine;
    char checksum[ALONE_CHECKSUM_SIZE];
    AUTO(message) struct message message;
    AUTO(pg_reply) struct pg_reply reply = {0};
    alone->wrapped = true;
    alone_checksum(alone, alone->done + 1, checksum);
    message_make_step(&alone->batch, alone->item.script->first + alone->done, checksum, &message);
    if (send(alone, &message, engine->request.deadline, &reply, err)) {
        alone->done++;
        alone->attempts = 0;
        return true;
    }
    struct error why = *err;
    engine_roll_back(alone->engine, ALONE_RECORD_MS);
    *err = why;
    if (err->kind == ERROR_INTERRUPTED) {
        return cancelled(alone, true, OUTCOME_LEFT_STATEMENTS, err);
    }
    *out_bare = err->kind == ERROR_FAILED && engine_needs_no_transaction(err->code);
    return *out_bare || (err->kind == ERROR_FAILED && refused(alone, true, &message, &reply, err));
}

/* Session-wide, as the login's own name is: behind a pooler a RESET ALL has emptied it. */
static bool name_session(struct alone *alone, struct error *err)
{
    char prefix[64];
    AUTO(pg_reply) struct pg_reply reply = {0};
    AUTO(buf) struct buf name = buf_make(512);
    AUTO(buf) struct buf sql = buf_make(512);
    engine_session_prefix(alone->engine->outcome->run_id, prefix);
    buf_format(&name, "%s%s", prefix, alone->migration->id);
    char cut[64];
    text_copy(cut, sizeof cut, name.data);
    buf_text(&sql, "SET application_name = ");
    pg_literal(&sql, cut);
    return pg_query(alone->engine->pg, sql.data, alone->engine->request.deadline, &reply, err);
}

static struct deadline clean_deadline(const struct engine *engine)
{
    return deadline_in(stop_asked(engine->request.stop) ? CLEAN_STOPPED_MS : CLEAN_MS);
}

/* Whatever a cancelled statement left in the way is taken away, if that can be done. A run that has
 * lost the plan leaves that to the one that has it. */
static bool clean(struct alone *alone, const struct settle_statement *statement)
{
    struct engine *engine = alone->engine;
    if (engine->overtaken) {
        return false;
    }
    engine_watch(engine, alone->migration); /* the guard is kept alive meanwhile */
    pg_watch(engine->pg, NULL);
    bool clear = settle_clean(engine, statement, clean_deadline(engine));
    pg_watch(engine->pg, engine->request.stop);
    engine_unwatch(engine);
    return clear;
}

static bool timed_out(struct alone *alone, bool clear, enum outcome_left what, struct error *err)
{
    struct engine *engine = alone->engine;
    AUTO(buf) struct buf limit = buf_make(64);
    text_show_duration(&limit, alone->migration->statement_timeout_ms);
    error_set(err, ERROR_FAILED,
              "the statement was cancelled: it took longer than statement_timeout, %s", limit.data);
    error_hint(err, "Give this migration's entry in the plan a longer statement_timeout.");
    engine_name_failed(engine, alone->migration, err);
    alone_name_statement(alone, err);
    alone_left(alone, what);
    alone_record_failure(alone, clear, err);
    return false;
}

static bool bare_failed(struct alone *alone, const struct settle_statement *statement,
                        const struct message *message, const struct pg_reply *reply,
                        struct deadline limit, struct error *err)
{
    struct engine *engine = alone->engine;
    bool late = err->kind == ERROR_INTERRUPTED && !engine->overtaken &&
                !stop_asked(engine->request.stop) && !deadline_passed(engine->request.deadline) &&
                deadline_passed(limit);
    if (err->kind == ERROR_INTERRUPTED) {
        engine_name_blockers(engine, &engine->outcome->failure);
    }
    bool clear = clean(alone, statement);
    if (err->kind != ERROR_INTERRUPTED) {
        return refused(alone, clear, message, reply, err);
    }
    /* What commits in its middle may have done so before it was cancelled. */
    bool open = statement->target.kind == SQL_ALONE_UNKNOWN;
    enum outcome_left what = open ? OUTCOME_LEFT_UNKNOWN : OUTCOME_LEFT_STATEMENTS;
    return late ? timed_out(alone, clear && !open, what, err)
                : cancelled(alone, clear && !open, what, err);
}

static void make_bare(const struct alone *alone, const char *instead, struct message *out_message)
{
    message_make_bare(&alone->item, alone->item.script->first + alone->done, out_message);
    if (instead) {
        buf_truncate(&out_message->text, 0);
        buf_text(&out_message->text, instead);
    }
}

/* Once it is done that is recorded, told to stop or not: only the ledger will know. */
static bool note_done(struct alone *alone, struct settle_statement *statement, struct error *err)
{
    struct engine *engine = alone->engine;
    char checksum[ALONE_CHECKSUM_SIZE];
    alone_checksum(alone, alone->done + 1, checksum);
    pg_watch(engine->pg, NULL);
    bool valid = settle_check(engine, statement, err);
    bool ok = valid && ledger_step_done(engine->pg, &alone->item.claim, alone->done + 1, checksum,
                                        deadline_in(ALONE_RECORD_MS), err);
    pg_watch(engine->pg, engine->request.stop);
    if (!valid && err->kind == ERROR_FAILED) {
        engine_name_failed(engine, alone->migration, err);
        alone_left(alone, OUTCOME_LEFT_STATEMENTS);
        alone_record_failure(alone, true, err);
    }
    alone->done += ok;
    alone->attempts = ok ? 0 : alone->attempts;
    return ok;
}

/* Records that the statement is in flight; not so when we were told to stop meanwhile. */
static bool note_attempt(struct alone *alone, const char *note, struct error *err)
{
    struct engine *engine = alone->engine;
    pg_watch(engine->pg, NULL);
    bool ok = ledger_step_attempt(engine->pg, &alone->item.claim, alone->done, note,
                                  deadline_in(ALONE_RECORD_MS), err) &&
              name_session(alone, err);
    pg_watch(engine->pg, engine->request.stop);
    if (ok && !engine_may_begin(engine, alone->migration, err)) {
        alone_left(alone, OUTCOME_LEFT_STATEMENTS);
        engine_name_failed(engine, alone->migration, err);
        alone_record_stand(alone);
        return false;
    }
    return ok;
}

static bool execute_bare(struct alone *alone, struct settle_statement *statement,
                         const char *instead, struct error *err)
{
    struct engine *engine = alone->engine;
    int64_t limit_ms = alone->migration->statement_timeout_ms;
    struct deadline limit = deadline_in(limit_ms > 0 ? limit_ms : INT64_MAX);
    AUTO(message) struct message message;
    AUTO(pg_reply) struct pg_reply reply = {0};
    make_bare(alone, instead, &message);
    if (!send(alone, &message, deadline_min(limit, engine->request.deadline), &reply, err)) {
        return err->kind != ERROR_LOST &&
               bare_failed(alone, statement, &message, &reply, limit, err);
    }
    return note_done(alone, statement, err);
}

static bool run_bare(struct alone *alone, struct error *err)
{
    struct engine *engine = alone->engine;
    struct settle_statement statement = alone_settling(alone);
    alone->wrapped = false;
    AUTO(text) char *note = NULL;
    AUTO(text) char *instead = NULL;
    engine_watch(engine, alone->migration);
    bool ready = settle_prepare(engine, &statement, &note, &instead, err);
    engine_unwatch(engine);
    if (!ready) {
        return alone_not_begun(alone, err);
    }
    statement.note = note;
    return note_attempt(alone, note, err) && execute_bare(alone, &statement, instead, err);
}

static bool run_statements(struct alone *alone, struct error *err)
{
    bool bare = false;
    while (alone->done < alone->total) {
        size_t before = alone->done;
        if (!engine_may_begin(alone->engine, alone->migration, err)) {
            alone_left(alone, OUTCOME_LEFT_STATEMENTS);
            engine_name_failed(alone->engine, alone->migration, err);
            return false;
        }
        bare = bare || alone_statement(alone, alone->done)->kind == SQL_ALONE;
        if (!(bare ? run_bare(alone, err) : run_wrapped(alone, &bare, err))) {
            return false;
        }
        bare = bare && alone->done == before;
    }
    return true;
}

static bool finish(struct alone *alone, int64_t began_ms, struct error *err)
{
    struct engine *engine = alone->engine;
    bool holds = false;
    if (alone->migration->verify) {
        struct error asked;
        bool known = engine_ask_verify(engine, alone->migration, &alone->item, &holds, &asked);
        if (!known || !holds) {
            *err = asked;
            alone_left(alone, OUTCOME_LEFT_STATEMENTS);
            alone_record_failure(alone, true, err);
            return false;
        }
    }
    if (!ledger_step_finish(engine->pg, &alone->item.claim, NULL, engine->request.deadline, err)) {
        return false;
    }
    int64_t duration = clock_steady_ms() - began_ms;
    outcome_add_applied(engine->outcome, alone->migration->id, duration);
    engine_log_applied(alone->migration->id, duration);
    return true;
}

static bool run(struct alone *alone, struct error *err)
{
    int64_t began_ms = clock_steady_ms();
    bool finished = false;
    if (!engine_check_login(alone->engine, alone->migration, err)) {
        engine_name_failed(alone->engine, alone->migration, err);
        return false;
    }
    return alone_start(alone, err) && (!alone->in_flight || alone_settle(alone, &finished, err)) &&
           (finished || run_statements(alone, err)) && finish(alone, began_ms, err);
}

bool engine_apply_alone(struct engine *engine, size_t migration, struct error *err)
{
    struct alone alone = {.engine = engine,
                          .migration = &engine->request.plan->migrations[migration]};
    if (!engine_load(engine, migration, err) || !engine_hold(engine, err)) {
        return false;
    }
    alone.frame = engine_frame(engine);
    alone.item = engine_item(engine, migration);
    alone.batch = (struct message_batch){.frame = &alone.frame, .items = &alone.item, .count = 1};
    alone.total = alone.item.script->end - alone.item.script->first;
    bool ok = run(&alone, err);
    free(alone.note);
    engine_release(engine);
    engine_unload(engine, migration);
    return ok;
}
