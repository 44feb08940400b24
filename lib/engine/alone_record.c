/* The ledger's row of a step outside a transaction: how far it is, and what became of it. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/alone.h"

enum { EXCERPT_MAX = 400 };

const struct sql_statement *alone_statement(const struct alone *alone, size_t number)
{
    return &alone->item.script->statements[alone->item.script->first + number];
}

/* Digest of the first `count` statements as they stand in the file. */
void alone_checksum(const struct alone *alone, size_t count, char out_checksum[ALONE_CHECKSUM_SIZE])
{
    unsigned char sum[DIGEST_SIZE];
    struct digest *digest = digest_begin();
    for (size_t i = 0; i < count; i++) {
        const struct sql_statement *statement = alone_statement(alone, i);
        digest_add(digest, alone->item.text + statement->offset, statement->length);
        digest_add(digest, alone->item.text + statement->data_offset, statement->data_length);
        digest_add(digest, ";", 1);
    }
    digest_end(digest, sum);
    memcpy(out_checksum, "sha256:", 7);
    digest_hex(sum, out_checksum + 7);
}

void alone_left(struct alone *alone, enum outcome_left what)
{
    struct outcome_failure *failure = &alone->engine->outcome->failure;
    failure->left = what;
    failure->statements_done = (int)alone->done;
    failure->statements_total = (int)alone->total;
}

void alone_name_statement(struct alone *alone, struct error *err)
{
    const struct sql_statement *statement = alone_statement(alone, alone->done);
    struct outcome_failure *failure = &alone->engine->outcome->failure;
    failure->line = statement->line;
    failure->column = statement->column;
    AUTO(buf) struct buf excerpt = buf_make(sizeof failure->statement - 1);
    sql_excerpt(alone->item.text, statement, EXCERPT_MAX, &excerpt);
    text_copy(failure->statement, sizeof failure->statement, excerpt.data);
    error_where(err, "%s:%u:%u", alone->migration->file, statement->line, statement->column);
}

bool alone_not_begun(struct alone *alone, struct error *err)
{
    if (err->kind != ERROR_LOST) {
        engine_name_failed(alone->engine, alone->migration, err);
        alone_name_statement(alone, err);
        alone_left(alone, OUTCOME_LEFT_STATEMENTS);
        engine_name_blockers(alone->engine, &alone->engine->outcome->failure);
    }
    return false;
}

static bool prefix_changed(struct alone *alone, const struct ledger_row *row, struct error *err)
{
    int done = (int)row->statements_done;
    error_set(err, ERROR_CONFLICT,
              "%d statement%s of \"%s\" %s done, and %s changed in the file since", done,
              done == 1 ? "" : "s", alone->migration->id, done == 1 ? "is" : "are",
              done == 1 ? "has" : "have");
    engine_name_failed(alone->engine, alone->migration, err);
    return error_hint(err,
                      "Bring the file back to how it begins with them (run %s); what stands behind "
                      "them may change. Or, when nothing of the file is left to do: postlude "
                      "resolve %s --applied --reason TEXT",
                      row->run_id, alone->migration->id);
}

/* Where the ledger says that this file stands. */
static bool read_row(struct alone *alone, struct error *err)
{
    const struct ledger_row *row = ledger_find(alone->engine->ledger, alone->migration->id);
    char checksum[ALONE_CHECKSUM_SIZE];
    free(alone->note);
    alone->note = NULL;
    alone->done = 0;
    alone->in_flight = false;
    if (!row || row->state == LEDGER_APPLIED || row->state == LEDGER_SKIPPED) {
        return true;
    }
    size_t done = row->statements_done > 0 ? (size_t)row->statements_done : 0;
    if (done > 0) {
        alone_checksum(alone, done < alone->total ? done : alone->total, checksum);
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
 * committed, so only what is read after that counts. Not before the server is done with what that
 * run left in flight: its row is how a later run, and "postlude resolve", know whom to wait for. */
bool alone_start(struct alone *alone, struct error *err)
{
    struct engine *engine = alone->engine;
    const struct ledger_row *row = ledger_find(engine->ledger, alone->migration->id);
    text_copy(alone->former, sizeof alone->former, row ? row->run_id : NULL);
    if (!read_row(alone, err) || !alone_await(alone, err) ||
        !ledger_step_start(engine->pg, &alone->item.claim, engine->request.deadline, err) ||
        !engine_read(engine, err) || !read_row(alone, err)) {
        return false;
    }
    if (alone->in_flight || alone->done > 0) {
        AUTO(buf) struct buf line = buf_make(512);
        buf_format(&line,
                   alone->in_flight ? "%s: the run before was cut off in statement %zu of %zu, "
                                      "finding out what became of it"
                                    : "%s: going on with statement %zu of %zu",
                   alone->migration->id, alone->done + 1, alone->total);
        log_info(line.data, LOG_QUIET_TEXT("migration", alone->migration->id));
    }
    return true;
}

/* Records the failure, if the connection is still there, and lets err be. */
void alone_record_failure(struct alone *alone, bool clear, const struct error *err)
{
    struct engine *engine = alone->engine;
    struct error trouble;
    if (!engine->pg || !pg_alive(engine->pg) || err->kind == ERROR_LOST) {
        return;
    }
    AUTO(json) json_t *error = engine_failure_json(engine, err);
    const struct ledger_step_failure failure = {.error = error, .clear = clear};
    pg_watch(engine->pg, NULL);
    if (!ledger_step_fail(engine->pg, &alone->item.claim, &failure, deadline_in(ALONE_RECORD_MS),
                          &trouble)) {
        log_trouble(LOG_WARN, "could not record the failure in the ledger", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

/* The statement in flight is not any more; the row stays as it was before it. */
void alone_record_stand(struct alone *alone)
{
    struct engine *engine = alone->engine;
    struct error trouble;
    char checksum[ALONE_CHECKSUM_SIZE];
    if (!pg_alive(engine->pg)) {
        return;
    }
    alone_checksum(alone, alone->done, checksum);
    pg_watch(engine->pg, NULL);
    if (!ledger_step_done(engine->pg, &alone->item.claim, alone->done, checksum,
                          deadline_in(ALONE_RECORD_MS), &trouble)) {
        log_trouble(LOG_WARN, "could not record in the ledger how far it came", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}
