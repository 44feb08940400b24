/* What became of the statement that was in flight; and what the migration's verify says. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/alone.h"

struct settle_statement alone_settling(const struct alone *alone)
{
    struct settle_statement statement = {.text = alone->item.text,
                                         .statement = alone_statement(alone, alone->done),
                                         .note = alone->note};
    if (statement.statement->kind == SQL_ALONE) {
        sql_target(alone->item.text, statement.statement, &statement.target);
    }
    return statement;
}

static bool nobody_knows(struct alone *alone, struct error *err)
{
    error_set(err, ERROR_CONFLICT,
              "run %s was cut off in statement %zu of \"%s\", and nobody can tell whether it took "
              "effect",
              alone->former, alone->done + 1, alone->migration->id);
    engine_name_failed(alone->engine, alone->migration, err);
    alone_name_statement(alone, err);
    alone_left(alone, OUTCOME_LEFT_UNKNOWN);
    error_hint(err,
               "Look at the database and settle it: postlude resolve %s --retry when the "
               "statement took no effect, --applied when nothing is left to do. A verify: in "
               "the plan lets a run tell by itself.",
               alone->migration->id);
    alone_record_failure(alone, false, err);
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
    if (!ledger_undo(engine->pg, deadline_in(ALONE_RECORD_MS), &trouble)) {
        log_trouble(LOG_WARN, "could not roll back", &trouble);
    }
    return strcmp(err->code, MESSAGE_VERIFY_FAILED) == 0;
}

bool engine_ask_whether_done(struct engine *engine, const struct plan_migration *migration,
                             const struct message_item *item, bool *out_done, struct error *err)
{
    struct error said;
    if (engine_ask_verify(engine, migration, item, out_done, &said)) {
        return true;
    }
    *out_done = false;
    if (said.kind == ERROR_FAILED &&
        (strcmp(said.code, "42P01") == 0 || strcmp(said.code, "3F000") == 0)) {
        return true;
    }
    *err = said;
    return false;
}

bool alone_await(struct alone *alone, struct error *err)
{
    if (!alone->in_flight || alone->awaited) {
        return true;
    }
    const struct sql_statement *statement = alone_statement(alone, alone->done);
    AUTO(text)
    char *text = memory_text_n(alone->item.text + statement->offset, statement->length);
    engine_watch(alone->engine, alone->migration); /* the guard is kept alive meanwhile */
    alone->awaited = settle_wait(alone->engine, alone->former, text, err);
    engine_unwatch(alone->engine);
    return alone->awaited || alone_not_begun(alone, err);
}

/* What an earlier run, or a lost connection, left in flight. *out_finished: nothing is left to do.
 */
bool alone_settle(struct alone *alone, bool *out_finished, struct error *err)
{
    struct engine *engine = alone->engine;
    const struct settle_statement statement = alone_settling(alone);
    enum settle_verdict verdict = SETTLE_UNKNOWN;
    bool holds = false;
    char checksum[ALONE_CHECKSUM_SIZE];
    *out_finished = false;
    if (!alone_await(alone, err)) {
        return false;
    }
    engine_watch(engine, alone->migration);
    bool asked = settle_ask(engine, &statement, &verdict, err);
    engine_unwatch(engine);
    if (!asked) {
        return alone_not_begun(alone, err);
    }
    if (verdict == SETTLE_UNKNOWN && alone->migration->verify) {
        if (!engine_ask_whether_done(engine, alone->migration, &alone->item, &holds, err)) {
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
    alone_checksum(alone, alone->done, checksum);
    return ledger_step_done(engine->pg, &alone->item.claim, alone->done, checksum,
                            engine->request.deadline, err);
}
