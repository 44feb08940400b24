#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "ledger/internal.h"

static bool update(struct pg *pg, const char *set, const char *run_id, struct deadline deadline,
                   struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(1024);
    buf_text(&sql, LEDGER_OPEN LEDGER_SHORT_WAIT "UPDATE postlude.run SET ");
    buf_text(&sql, set);
    buf_text(&sql, " AND run_id = ");
    pg_literal(&sql, run_id);
    buf_text(&sql, ";\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql.data, deadline, &reply, err);
}

bool ledger_report_sent(struct pg *pg, const char *run_id, struct deadline deadline,
                        struct error *err)
{
    return update(pg, "reported_at = pg_catalog.clock_timestamp() WHERE reported_at IS NULL",
                  run_id, deadline, err);
}

bool ledger_report_leave(struct pg *pg, const char *run_id, struct deadline deadline,
                         struct error *err)
{
    return update(pg,
                  "report_after = pg_catalog.clock_timestamp()"
                  " WHERE reported_at IS NULL AND report_after IS NOT NULL",
                  run_id, deadline, err);
}

/* What another run claims at this moment is locked: it is left to that one. */
static void claim_sql(const char *plan, struct buf *sql)
{
    buf_text(sql, LEDGER_OPEN LEDGER_SHORT_WAIT
             "UPDATE postlude.run SET report_after = pg_catalog.clock_timestamp()"
             " + interval '" LEDGER_REPORT_LEASE "' WHERE run_id ="
             " (SELECT run_id FROM postlude.run WHERE reported_at IS NULL"
             " AND report_after <= pg_catalog.statement_timestamp() AND plan = ");
    pg_literal(sql, plan);
    buf_text(sql, " ORDER BY started_at, run_id LIMIT 1 FOR UPDATE SKIP LOCKED)"
                  " RETURNING run_id, report;\nCOMMIT");
}

bool ledger_report_claim(struct pg *pg, const char *plan, struct deadline deadline,
                         char out_run_id[UUID_TEXT_SIZE], json_t **out_report, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(4096);
    claim_sql(plan, &sql);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!ledger_write(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    const char *run_id = pg_value(&reply, LEDGER_LEAD, 0, 0);
    if (!run_id) {
        *out_report = NULL;
        return true;
    }
    const char *text = pg_value(&reply, LEDGER_LEAD, 0, 1);
    json_t *report = NULL;
    struct error ignored; /* changed by hand: whoever reads it says what is missing */
    if (!text || !json_read(text, strlen(text), &report, &ignored)) {
        report = json_object();
    }
    if (!report) {
        memory_die();
    }
    text_copy(out_run_id, UUID_TEXT_SIZE, run_id);
    *out_report = report;
    return true;
}
