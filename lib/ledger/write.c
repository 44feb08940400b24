#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "ledger/internal.h"

enum {
    LEASE_S =
        5, /* an owner without a sign of life for so long, and without the row's lock, is gone */
};

#define LEDGER_TIDY "SELECT postlude.tidy();\n"
void ledger_json(struct buf *sql, const json_t *value)
{
    AUTO(buf) struct buf text = buf_make(LEDGER_ROW_MAX);
    json_write(value, &text);
    pg_literal(sql, text.data);
    buf_text(sql, "::jsonb");
}

bool ledger_overtaken(struct error *err, const char *code)
{
    error_set(err, ERROR_INTERRUPTED, "another run took the plan over");
    error_code(err, "%s", code);
    return error_hint(err, "This run was silent for too long and stopped; the other one goes on. "
                           "\"postlude status\" shows how far it is.");
}

static void explain(struct error *err)
{
    if (ledger_is_overtaken(err->code)) {
        char code[sizeof err->code];
        text_copy(code, sizeof code, err->code);
        (void)ledger_overtaken(err, code);
    } else if (strcmp(err->code, "PL003") == 0) {
        err->kind = ERROR_INTERRUPTED;
        error_hint(err, "Another run, or a person, changed it: \"postlude status\" shows how it is "
                        "now. Start the task again.");
    } else if (strcmp(err->code, "PL004") == 0) {
        err->kind = ERROR_INVALID;
        error_hint(err, "ALTER ROLE the_login SET standard_conforming_strings = on.");
    } else {
        err->kind = strcmp(err->code, "55P03") == 0   ? ERROR_BUSY
                    : strcmp(err->code, "42501") == 0 ? ERROR_DENIED
                                                      : ERROR_INTERNAL;
        error_wrap(err, "could not write to the ledger");
    }
}

bool ledger_write(struct pg *pg, const char *sql, struct deadline deadline, struct pg_reply *reply,
                  struct error *err)
{
    if (pg_query(pg, sql, deadline, reply, err)) {
        return true;
    }
    AUTO(pg_reply) struct pg_reply undone = {0};
    struct error ignored;
    (void)(pg_alive(pg) && pg_query(pg, "ROLLBACK", deadline_in(5000), &undone, &ignored));
    if (err->kind == ERROR_FAILED) {
        explain(err);
    }
    return false;
}

/* What the holder is at: a step outside a transaction says so in its row, a transaction's row
 * nobody else sees yet, but its session carries the name, cut to what the server keeps. */
static void at_work_sql(struct buf *sql, const char *plan)
{
    buf_text(sql, "CASE WHEN NOT taken THEN coalesce("
                  "(SELECT id FROM postlude.migration WHERE state = 'started'"
                  " AND run_id = holder AND plan = ");
    pg_literal(sql, plan);
    buf_text(sql, " ORDER BY started_at DESC LIMIT 1), (SELECT pg_catalog.substr("
                  "a.application_name, pg_catalog.length(p.prefix) + 1)"
                  " FROM pg_catalog.pg_stat_activity a,"
                  " (SELECT 'postlude/' || holder || '/') p(prefix)"
                  " WHERE a.datname = pg_catalog.current_database()"
                  " AND pg_catalog.starts_with(a.application_name, p.prefix)"
                  " AND a.application_name <> pg_catalog.left(p.prefix || ");
    pg_literal(sql, plan);
    buf_text(sql, ", 63) ORDER BY a.query_start DESC NULLS LAST LIMIT 1)) END");
}

bool ledger_take(struct pg *pg, const json_t *run_row, struct deadline deadline, bool *out_taken,
                 struct ledger_holder *out_holder, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql,
             LEDGER_OPEN LEDGER_SHORT_WAIT "SELECT taken, holder, " LEDGER_TIME("held_since") ", ");
    at_work_sql(&sql, json_text(run_row, "plan"));
    buf_text(&sql, " FROM postlude.take(");
    ledger_json(&sql, run_row);
    buf_format(&sql, ", interval '%d s');\nCOMMIT", LEASE_S);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!ledger_write(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    *out_taken = text_same(pg_value(&reply, LEDGER_LEAD, 0, 0), "t");
    text_copy(out_holder->run_id, sizeof out_holder->run_id, pg_value(&reply, LEDGER_LEAD, 0, 1));
    text_copy(out_holder->since, sizeof out_holder->since, pg_value(&reply, LEDGER_LEAD, 0, 2));
    text_copy(out_holder->migration, sizeof out_holder->migration,
              pg_value(&reply, LEDGER_LEAD, 0, 3));
    return true;
}

bool ledger_end(struct pg *pg, const json_t *run_row, bool durable, struct deadline deadline,
                struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, LEDGER_OPEN LEDGER_SHORT_WAIT);
    buf_text(&sql, durable ? LEDGER_FLUSHED : "SET LOCAL synchronous_commit = off;\n");
    buf_text(&sql, "SELECT postlude.end_run(");
    ledger_json(&sql, run_row);
    buf_text(&sql, ");\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql.data, deadline, &reply, err);
}

bool ledger_end_apart(struct pg *pg, const json_t *run_row, struct deadline deadline,
                      struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, LEDGER_OPEN LEDGER_SHORT_WAIT LEDGER_FLUSHED
             "UPDATE postlude.run r SET finished_at = n.finished_at, outcome = n.outcome,"
             " error = n.error, report = n.report");
    const char *lease = json_text(run_row, "report_lease");
    if (lease) {
        buf_text(&sql, ", report_after = pg_catalog.clock_timestamp() + interval ");
        pg_literal(&sql, lease);
    }
    buf_text(&sql, " FROM pg_catalog.jsonb_populate_record(NULL::postlude.run, ");
    ledger_json(&sql, run_row);
    buf_text(&sql, ") n WHERE r.run_id = n.run_id;\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql.data, deadline, &reply, err);
}

bool ledger_forget(struct pg *pg, const char *run_id, struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(1024);
    buf_text(&sql,
             LEDGER_OPEN LEDGER_SHORT_WAIT "UPDATE postlude.plan SET owner = NULL WHERE owner = ");
    pg_literal(&sql, run_id);
    buf_text(&sql, ";\nDELETE FROM postlude.run WHERE run_id = ");
    pg_literal(&sql, run_id);
    buf_text(&sql, ";\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql.data, deadline, &reply, err);
}

void ledger_identify(struct buf *sql, const struct ledger_claim *claim)
{
    pg_literal(sql, claim->plan);
    buf_text(sql, ", ");
    pg_literal(sql, claim->run_id);
    buf_text(sql, ", ");
    pg_literal(sql, claim->id);
}

void ledger_describe(struct buf *sql, const struct ledger_claim *claim)
{
    buf_text(sql, ", ");
    pg_literal(sql, claim->before);
    buf_text(sql, ", ");
    pg_literal(sql, claim->kind);
    buf_text(sql, ", ");
    pg_literal(sql, claim->checksum);
}

bool ledger_fail(struct pg *pg, const struct ledger_claim *claim, const json_t *error,
                 struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, "ROLLBACK;\n" LEDGER_OPEN LEDGER_SHORT_WAIT LEDGER_TIDY "SELECT postlude.fail(");
    ledger_identify(&sql, claim);
    buf_text(&sql, ", ");
    pg_literal(&sql, claim->kind);
    buf_text(&sql, ", ");
    pg_literal(&sql, claim->checksum);
    buf_text(&sql, ", ");
    ledger_json(&sql, error);
    buf_text(&sql, ");\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql.data, deadline, &reply, err);
}

bool ledger_undo(struct pg *pg, struct deadline deadline, struct error *err)
{
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, "ROLLBACK;\n" LEDGER_OPEN LEDGER_TIDY "COMMIT", deadline, &reply, err);
}

void ledger_begin_sql(const struct ledger_claim *claim, struct buf *out)
{
    buf_text(out, "SELECT postlude.begin(");
    ledger_identify(out, claim);
    ledger_describe(out, claim);
    buf_text(out, ");\n");
}

void ledger_tidy_sql(struct buf *out)
{
    buf_text(out, LEDGER_TIDY);
}

void ledger_finish_sql(const struct ledger_claim *claim, size_t statements, struct buf *out)
{
    buf_text(out, "SELECT postlude.finish(");
    ledger_identify(out, claim);
    buf_format(out, ", %zu);\n", statements);
}

bool ledger_is_overtaken(const char *sqlstate)
{
    return strcmp(sqlstate, "PL001") == 0 || strcmp(sqlstate, "PL002") == 0 ||
           strcmp(sqlstate, "23505") == 0;
}
