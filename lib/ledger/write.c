#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "ledger/ledger.h"

enum {
    ROW_MAX = 64 * 1024 * 1024,
    TAKEN_SET = 3, /* the statements before it: BEGIN and two SET LOCAL */
    LEASE_S =
        5, /* an owner without a sign of life for so long, and without the row's lock, is gone */
};

#define LEDGER_TIDY "SELECT postlude.tidy();\n"
/* Whatever the login's defaults are: our own deadline cancels what takes too long. */
#define BEGIN_WRITING                                                                              \
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n"                                           \
    "SET LOCAL statement_timeout = 0;\n"
/* A row lock somebody holds is never waited for long: the waiter's snapshot would stand in the way
 * of CREATE INDEX CONCURRENTLY. */
#define SHORT_WAIT "SET LOCAL lock_timeout = '2s';\n"

static void json_literal(struct buf *sql, const json_t *value)
{
    AUTO(buf) struct buf text = buf_make(ROW_MAX);
    json_write(value, &text);
    pg_literal(sql, text.data);
    buf_text(sql, "::jsonb");
}

/* Runs text that begins a transaction; rolls back when it fails, so that the connection is usable.
 */
static bool run(struct pg *pg, const char *sql, struct deadline deadline, struct pg_reply *reply,
                struct error *err)
{
    if (pg_query(pg, sql, deadline, reply, err)) {
        return true;
    }
    AUTO(pg_reply) struct pg_reply undone = {0};
    struct error ignored;
    (void)(pg_alive(pg) && pg_query(pg, "ROLLBACK", deadline_in(5000), &undone, &ignored));
    if (err->kind == ERROR_FAILED) {
        err->kind = strcmp(reply->failure.sqlstate, "55P03") == 0   ? ERROR_BUSY
                    : strcmp(reply->failure.sqlstate, "42501") == 0 ? ERROR_DENIED
                                                                    : ERROR_INTERNAL;
        error_wrap(err, "could not write to the ledger");
    }
    return false;
}

bool ledger_take(struct pg *pg, const json_t *run_row, struct deadline deadline, bool *out_taken,
                 struct ledger_holder *out_holder, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(ROW_MAX);
    buf_text(&sql, BEGIN_WRITING SHORT_WAIT
             "SELECT taken, holder, pg_catalog.to_char(held_since AT TIME ZONE 'UTC',"
             " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM postlude.take(");
    json_literal(&sql, run_row);
    buf_format(&sql, ", interval '%d s');\nCOMMIT", LEASE_S);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!run(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    *out_taken = text_same(pg_value(&reply, TAKEN_SET, 0, 0), "t");
    text_copy(out_holder->run_id, sizeof out_holder->run_id, pg_value(&reply, TAKEN_SET, 0, 1));
    text_copy(out_holder->since, sizeof out_holder->since, pg_value(&reply, TAKEN_SET, 0, 2));
    return true;
}

bool ledger_end(struct pg *pg, const json_t *run_row, bool durable, struct deadline deadline,
                struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(ROW_MAX);
    buf_text(&sql, BEGIN_WRITING SHORT_WAIT);
    buf_text(&sql, durable ? "" : "SET LOCAL synchronous_commit = off;\n");
    buf_text(&sql, "SELECT postlude.end_run(");
    json_literal(&sql, run_row);
    buf_text(&sql, ");\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return run(pg, sql.data, deadline, &reply, err);
}

bool ledger_forget(struct pg *pg, const char *run_id, struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(1024);
    buf_text(&sql, BEGIN_WRITING SHORT_WAIT "UPDATE postlude.plan SET owner = NULL WHERE owner = ");
    pg_literal(&sql, run_id);
    buf_text(&sql, ";\nDELETE FROM postlude.run WHERE run_id = ");
    pg_literal(&sql, run_id);
    buf_text(&sql, ";\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return run(pg, sql.data, deadline, &reply, err);
}

bool ledger_mark_reported(struct pg *pg, const char *run_id, struct deadline deadline,
                          struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(1024);
    buf_text(&sql, BEGIN_WRITING SHORT_WAIT
             "UPDATE postlude.run SET reported_at = pg_catalog.clock_timestamp() WHERE run_id = ");
    pg_literal(&sql, run_id);
    buf_text(&sql, ";\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return run(pg, sql.data, deadline, &reply, err);
}

/* plan, run, id: what every call about a migration begins with. */
static void identify(struct buf *sql, const struct ledger_claim *claim)
{
    pg_literal(sql, claim->plan);
    buf_text(sql, ", ");
    pg_literal(sql, claim->run_id);
    buf_text(sql, ", ");
    pg_literal(sql, claim->id);
}

bool ledger_fail(struct pg *pg, const struct ledger_claim *claim, const json_t *error,
                 struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(ROW_MAX);
    buf_text(&sql, "ROLLBACK;\n" BEGIN_WRITING SHORT_WAIT LEDGER_TIDY "SELECT postlude.fail(");
    identify(&sql, claim);
    buf_text(&sql, ", ");
    pg_literal(&sql, claim->kind);
    buf_text(&sql, ", ");
    pg_literal(&sql, claim->checksum);
    buf_text(&sql, ", ");
    json_literal(&sql, error);
    buf_text(&sql, ");\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return run(pg, sql.data, deadline, &reply, err);
}

bool ledger_undo(struct pg *pg, struct deadline deadline, struct error *err)
{
    AUTO(pg_reply) struct pg_reply reply = {0};
    return run(pg, "ROLLBACK;\n" BEGIN_WRITING LEDGER_TIDY "COMMIT", deadline, &reply, err);
}

void ledger_begin_sql(const struct ledger_claim *claim, struct buf *out)
{
    buf_text(out, "SELECT postlude.begin(");
    identify(out, claim);
    buf_text(out, ", ");
    pg_literal(out, claim->before);
    buf_text(out, ", ");
    pg_literal(out, claim->kind);
    buf_text(out, ", ");
    pg_literal(out, claim->checksum);
    buf_text(out, ");\n");
}

void ledger_finish_sql(const struct ledger_claim *claim, size_t statements, struct buf *out)
{
    buf_text(out, LEDGER_TIDY "SELECT postlude.finish(");
    identify(out, claim);
    buf_format(out, ", %zu);\n", statements);
}

bool ledger_is_overtaken(const char *sqlstate)
{
    return strcmp(sqlstate, "PL001") == 0 || strcmp(sqlstate, "PL002") == 0 ||
           strcmp(sqlstate, "23505") == 0;
}
