/*
 * A file that runs outside a transaction: statement by statement, each recorded, so that a later
 * run goes on behind the last one done. What can run in a transaction does, together with its
 * record; before what cannot, the ledger says that it is in flight.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/settle.h"

enum {
    RECORD_MS = 10000,
    CLEAN_MS = 30000,
    CLEAN_STOPPED_MS = 4000,
    CHECKSUM_SIZE = 7 + DIGEST_HEX_SIZE
};

/* One file on its way. */
struct alone {
    struct engine *engine;
    const struct plan_migration *migration;
    struct message_frame frame;
    struct message_item item;
    struct message_batch batch;
    size_t total;                /* statements of the file */
    size_t done;                 /* of them */
    bool in_flight;              /* the statement `done` was begun by an earlier try */
    char *note;                  /* what that try noted, or NULL */
    char former[UUID_TEXT_SIZE]; /* the run of that try */
    int64_t attempts;            /* failed tries of the statement at hand */
};

static const struct sql_statement *statement_at(const struct alone *alone, size_t number)
{
    return &alone->item.script->statements[alone->item.script->first + number];
}

/* Digest of the first `count` statements as they stand in the file. */
static void checksum_of(const struct alone *alone, size_t count, char out_checksum[CHECKSUM_SIZE])
{
    unsigned char sum[DIGEST_SIZE];
    struct digest *digest = digest_begin();
    for (size_t i = 0; i < count; i++) {
        const struct sql_statement *statement = statement_at(alone, i);
        digest_add(digest, alone->item.text + statement->offset, statement->length);
        digest_add(digest, alone->item.text + statement->data_offset, statement->data_length);
        digest_add(digest, ";", 1);
    }
    digest_end(digest, sum);
    memcpy(out_checksum, "sha256:", 7);
    digest_hex(sum, out_checksum + 7);
}

static void left(struct alone *alone, enum outcome_left what)
{
    struct outcome_failure *failure = &alone->engine->outcome->failure;
    failure->left = what;
    failure->statements_done = (int)alone->done;
    failure->statements_total = (int)alone->total;
}

static bool prefix_changed(struct alone *alone, const struct ledger_row *row, struct error *err)
{
    error_set(err, ERROR_CONFLICT,
              "%d statements of \"%s\" are done, and they have changed in the file since",
              (int)row->statements_done, alone->migration->id);
    engine_name_failed(alone->engine, alone->migration, err);
    alone->done = (size_t)row->statements_done;
    left(alone, OUTCOME_LEFT_STATEMENTS);
    return error_hint(err,
                      "Bring those statements back as they were (run %s); what stands behind "
                      "them may change. Or settle it: postlude resolve %s --applied when "
                      "nothing of the file is left to do.",
                      row->run_id, alone->migration->id);
}

/* Where the ledger says that this file stands. */
static bool read_row(struct alone *alone, struct error *err)
{
    const struct ledger_row *row = ledger_find(alone->engine->ledger, alone->migration->id);
    char checksum[CHECKSUM_SIZE];
    free(alone->note);
    alone->note = NULL;
    alone->done = 0;
    alone->in_flight = false;
    if (!row || row->state == LEDGER_APPLIED || row->state == LEDGER_SKIPPED) {
        return true;
    }
    size_t done = row->statements_done > 0 ? (size_t)row->statements_done : 0;
    if (done > 0) {
        checksum_of(alone, done < alone->total ? done : alone->total, checksum);
        if (done > alone->total || !text_same(row->done_checksum, checksum)) {
            return prefix_changed(alone, row, err);
        }
    }
    alone->done = done;
    alone->in_flight = row->attempting >= 0 && (size_t)row->attempting < alone->total;
    alone->note = memory_text(row->note);
    return true;
}

/* The step's row is ours from here on; an earlier run's last statement may just have been
 * committed, so only what is read after that counts. */
static bool start(struct alone *alone, struct error *err)
{
    struct engine *engine = alone->engine;
    const struct ledger_row *row = ledger_find(engine->ledger, alone->migration->id);
    text_copy(alone->former, sizeof alone->former, row ? row->run_id : NULL);
    if (!read_row(alone, err) ||
        !ledger_step_start(engine->pg, &alone->item.claim, engine->request.deadline, err) ||
        !engine_read(engine, err) || !read_row(alone, err)) {
        return false;
    }
    if (alone->done > 0 || alone->in_flight) {
        AUTO(buf) struct buf line = buf_make(512);
        buf_format(&line, "%s: %zu of %zu statements are done, going on behind them",
                   alone->migration->id, alone->done, alone->total);
        log_info(line.data, LOG_QUIET_TEXT("migration", alone->migration->id));
    }
    return true;
}

static struct settle_statement settling(const struct alone *alone)
{
    struct settle_statement statement = {.text = alone->item.text,
                                         .statement = statement_at(alone, alone->done),
                                         .note = alone->note};
    if (statement.statement->kind == SQL_ALONE) {
        sql_target(alone->item.text, statement.statement, &statement.target);
    }
    return statement;
}

/* Records the failure, if the connection is still there, and lets err be. */
static void record_failure(struct alone *alone, bool clear, const struct error *err)
{
    struct engine *engine = alone->engine;
    struct error trouble;
    if (!engine->pg || !pg_alive(engine->pg) || err->kind == ERROR_LOST) {
        return;
    }
    AUTO(json) json_t *error = engine_failure_json(engine, err);
    const struct ledger_step_failure failure = {.error = error, .clear = clear};
    pg_watch(engine->pg, NULL);
    if (!ledger_step_fail(engine->pg, &alone->item.claim, &failure, deadline_in(RECORD_MS),
                          &trouble)) {
        log_trouble(LOG_WARN, "could not record the failure in the ledger", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

/* The statement in flight is not any more; the row stays as it was before it. */
static void record_stand(struct alone *alone)
{
    struct engine *engine = alone->engine;
    struct error trouble;
    char checksum[CHECKSUM_SIZE];
    if (!pg_alive(engine->pg)) {
        return;
    }
    checksum_of(alone, alone->done, checksum);
    pg_watch(engine->pg, NULL);
    if (!ledger_step_done(engine->pg, &alone->item.claim, alone->done, checksum,
                          deadline_in(RECORD_MS), &trouble)) {
        log_trouble(LOG_WARN, "could not record in the ledger how far it came", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

static bool nobody_knows(struct alone *alone, struct error *err)
{
    const struct sql_statement *statement = statement_at(alone, alone->done);
    error_set(err, ERROR_CONFLICT,
              "run %s was cut off in statement %zu of \"%s\", and nobody can tell whether it took "
              "effect",
              alone->former, alone->done + 1, alone->migration->id);
    engine_name_failed(alone->engine, alone->migration, err);
    struct outcome_failure *failure = &alone->engine->outcome->failure;
    failure->line = statement->line;
    failure->column = statement->column;
    AUTO(buf) struct buf excerpt = buf_make(sizeof failure->statement - 1);
    sql_excerpt(alone->item.text, statement, 400, &excerpt);
    text_copy(failure->statement, sizeof failure->statement, excerpt.data);
    error_where(err, "%s:%u:%u", alone->migration->file, statement->line, statement->column);
    left(alone, OUTCOME_LEFT_UNKNOWN);
    error_hint(err,
               "Look at the database and settle it: postlude resolve %s --retry when the "
               "statement took no effect, --applied when nothing is left to do. A verify: in "
               "the plan lets a run tell by itself.",
               alone->migration->id);
    record_failure(alone, false, err);
    return false;
}

bool engine_ask_verify(struct engine *engine, const struct plan_migration *migration,
                       const struct message_item *item, bool *out_true, struct error *err)
{
    const struct message_frame frame = engine_frame(engine);
    const struct message_batch batch = {.frame = &frame, .items = item, .count = 1};
    AUTO(message) struct message message;
    AUTO(pg_reply) struct pg_reply reply = {0};
    message_make_verify(&batch, &message);
    engine_watch(engine, migration);
    bool ok = pg_query(engine->pg, message.text.data, engine->request.deadline, &reply, err);
    engine_unwatch(engine);
    *out_true = ok;
    if (ok || err->kind != ERROR_FAILED) {
        return ok;
    }
    engine_describe(engine, &batch, &message, &reply, err);
    struct error trouble;
    if (!ledger_undo(engine->pg, deadline_in(RECORD_MS), &trouble)) {
        log_trouble(LOG_WARN, "could not roll back", &trouble);
    }
    return strcmp(err->code, MESSAGE_VERIFY_FAILED) == 0;
}

/* What an earlier run, or a lost connection, left in flight. *out_finished: nothing is left to do.
 */
static bool settle(struct alone *alone, bool *out_finished, struct error *err)
{
    struct engine *engine = alone->engine;
    const struct settle_statement statement = settling(alone);
    enum settle_verdict verdict = SETTLE_UNKNOWN;
    bool holds = false;
    char checksum[CHECKSUM_SIZE];
    AUTO(text)
    char *text =
        memory_text_n(alone->item.text + statement.statement->offset, statement.statement->length);
    *out_finished = false;
    if (!settle_wait(engine, alone->former, text, err) ||
        !settle_ask(engine, &statement, &verdict, err)) {
        return false;
    }
    if (verdict == SETTLE_UNKNOWN && alone->migration->verify) {
        struct error asked;
        if (!engine_ask_verify(engine, alone->migration, &alone->item, &holds, &asked)) {
            *err = asked;
            return false;
        }
        *out_finished = holds;
        verdict = SETTLE_AGAIN;
    }
    if (verdict == SETTLE_UNKNOWN) {
        return nobody_knows(alone, err);
    }
    log_info(verdict == SETTLE_DONE || holds ? "the statement in flight had come to its end"
                                             : "the statement in flight left nothing: once more",
             LOG_TEXT("migration", alone->migration->id));
    alone->done += verdict == SETTLE_DONE;
    alone->done = holds ? alone->total : alone->done;
    alone->in_flight = false;
    free(alone->note);
    alone->note = NULL;
    checksum_of(alone, alone->done, checksum);
    return ledger_step_done(engine->pg, &alone->item.claim, alone->done, checksum,
                            engine->request.deadline, err);
}

static bool back_off(struct alone *alone, const struct error *why, struct error *err)
{
    int64_t pause = engine_back_off_ms(++alone->attempts);
    AUTO(buf) struct buf line = buf_make(1024);
    buf_format(&line, "statement %zu of %s is tried again in ", alone->done + 1,
               alone->migration->id);
    text_show_duration(&line, pause);
    buf_format(&line, ", retry %d of %d", (int)alone->attempts, (int)alone->migration->retries);
    log_trouble(LOG_WARN, line.data, why);
    engine_name_blockers(alone->engine, &alone->engine->outcome->failure);
    return engine_linger(alone->engine, pause, err);
}

/* The server refused the statement, which left nothing. True: try it again. */
static bool refused(struct alone *alone, const struct message *message,
                    const struct pg_reply *reply, struct error *err)
{
    struct engine *engine = alone->engine;
    struct error why = *err;
    engine_describe(engine, &alone->batch, message, reply, &why);
    if (engine_may_retry(&why) && alone->attempts < alone->migration->retries) {
        return back_off(alone, &why, err);
    }
    if (engine_may_retry(&why)) {
        engine_name_blockers(engine, &engine->outcome->failure);
    }
    left(alone, OUTCOME_LEFT_STATEMENTS);
    record_failure(alone, true, &why);
    *err = why;
    return false;
}

static bool cancelled(struct alone *alone, struct error *err)
{
    engine_name_interrupted(alone->engine, alone->migration, "its statement was cancelled", err);
    left(alone, OUTCOME_LEFT_STATEMENTS);
    record_stand(alone);
    return false;
}

static void roll_back(struct alone *alone)
{
    struct error trouble;
    struct pg *pg = alone->engine->pg;
    if (pg_alive(pg)) {
        pg_watch(pg, NULL);
        pg_on_notice(pg, NULL, NULL);
        if (!ledger_undo(pg, deadline_in(RECORD_MS), &trouble)) {
            log_trouble(LOG_WARN, "could not roll back", &trouble);
        }
        pg_watch(pg, alone->engine->request.stop);
    }
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
    char checksum[CHECKSUM_SIZE];
    AUTO(message) struct message message;
    AUTO(pg_reply) struct pg_reply reply = {0};
    checksum_of(alone, alone->done + 1, checksum);
    message_make_step(&alone->batch, alone->item.script->first + alone->done, checksum, &message);
    if (send(alone, &message, engine->request.deadline, &reply, err)) {
        alone->done++;
        alone->attempts = 0;
        return true;
    }
    struct error why = *err;
    roll_back(alone);
    *err = why;
    if (err->kind == ERROR_INTERRUPTED) {
        return cancelled(alone, err);
    }
    *out_bare = err->kind == ERROR_FAILED && engine_needs_no_transaction(err->code);
    return *out_bare || (err->kind == ERROR_FAILED && refused(alone, &message, &reply, err));
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

static bool bare_failed(struct alone *alone, const struct settle_statement *statement,
                        const struct message *message, const struct pg_reply *reply,
                        struct deadline limit, struct error *err)
{
    struct engine *engine = alone->engine;
    struct error why = *err;
    bool timed_out = err->kind == ERROR_INTERRUPTED && !stop_asked(engine->request.stop) &&
                     !deadline_passed(engine->request.deadline) && deadline_passed(limit);
    pg_watch(engine->pg, NULL);
    settle_clean(engine, statement, clean_deadline(engine));
    pg_watch(engine->pg, engine->request.stop);
    *err = why;
    if (timed_out) {
        error_set(err, ERROR_FAILED, "canceling statement: it took longer than statement_timeout");
        error_hint(err, "Give this migration's entry in the plan a longer statement_timeout.");
        engine_name_failed(engine, alone->migration, err);
        left(alone, OUTCOME_LEFT_STATEMENTS);
        record_failure(alone, true, err);
        return false;
    }
    if (err->kind == ERROR_INTERRUPTED) {
        return cancelled(alone, err);
    }
    return refused(alone, message, reply, err);
}

static void make_bare(const struct alone *alone, const char *instead, struct message *out_message)
{
    message_make_bare(&alone->item, alone->item.script->first + alone->done, out_message);
    if (instead) {
        buf_truncate(&out_message->text, 0);
        buf_text(&out_message->text, instead);
    }
}

static bool execute_bare(struct alone *alone, struct settle_statement *statement,
                         const char *instead, struct error *err)
{
    struct engine *engine = alone->engine;
    int64_t limit_ms = alone->migration->statement_timeout_ms;
    struct deadline limit = deadline_in(limit_ms > 0 ? limit_ms : INT64_MAX);
    char checksum[CHECKSUM_SIZE];
    AUTO(message) struct message message;
    AUTO(pg_reply) struct pg_reply reply = {0};
    make_bare(alone, instead, &message);
    if (!send(alone, &message, deadline_min(limit, engine->request.deadline), &reply, err)) {
        return err->kind != ERROR_LOST &&
               bare_failed(alone, statement, &message, &reply, limit, err);
    }
    if (!settle_check(engine, statement, err)) {
        if (err->kind == ERROR_FAILED) {
            engine_name_failed(engine, alone->migration, err);
            left(alone, OUTCOME_LEFT_STATEMENTS);
            record_failure(alone, true, err);
        }
        return false;
    }
    checksum_of(alone, alone->done + 1, checksum);
    if (!ledger_step_done(engine->pg, &alone->item.claim, alone->done + 1, checksum,
                          engine->request.deadline, err)) {
        return false;
    }
    alone->done++;
    alone->attempts = 0;
    return true;
}

static bool run_bare(struct alone *alone, struct error *err)
{
    struct engine *engine = alone->engine;
    struct settle_statement statement = settling(alone);
    AUTO(text) char *note = NULL;
    AUTO(text) char *instead = NULL;
    engine_watch(engine, alone->migration);
    bool ready = settle_prepare(engine, &statement, &note, &instead, err);
    engine_unwatch(engine);
    if (!ready) {
        return false;
    }
    statement.note = note;
    return ledger_step_attempt(engine->pg, &alone->item.claim, alone->done, note,
                               engine->request.deadline, err) &&
           name_session(alone, err) && execute_bare(alone, &statement, instead, err);
}

static bool run_statements(struct alone *alone, struct error *err)
{
    bool bare = false;
    while (alone->done < alone->total) {
        size_t before = alone->done;
        if (!engine_may_begin(alone->engine, alone->migration, err)) {
            left(alone, OUTCOME_LEFT_STATEMENTS);
            engine_name_failed(alone->engine, alone->migration, err);
            return false;
        }
        bare = bare || statement_at(alone, alone->done)->kind == SQL_ALONE;
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
            left(alone, OUTCOME_LEFT_STATEMENTS);
            record_failure(alone, true, err);
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
    return start(alone, err) && (!alone->in_flight || settle(alone, &finished, err)) &&
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
