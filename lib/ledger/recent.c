#include "base/text.h"
#include "ledger/internal.h"

enum { SET_FAILED = 3, SET_HOLDER = 4 };

/* Of an answer nobody waits for long: it only makes another one easier to understand. */
static const char begin[] = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY;\n"
                            "SET LOCAL statement_timeout = '5s';\nSET LOCAL lock_timeout = '2s';\n";

static const char failed_sql[] = "SELECT f.run_id, " LEDGER_TIME(
    "f.finished_at") ", r.trigger, r.pipeline, r.execution_id,"
                     " r.operator, f.outcome, f.migration, f.sqlstate, f.message"
                     " FROM postlude.last_failure f JOIN postlude.run r ON r.run_id = f.run_id"
                     " WHERE NOT EXISTS (SELECT FROM postlude.run w WHERE w.plan = f.plan"
                     " AND w.started_at > f.started_at AND w.outcome IN ('applied', 'nothing')) "
                     "AND f.plan = ";

static const char holder_sql[] = "SELECT p.owner, " LEDGER_TIME(
    "p.owned_since") ", r.trigger, r.pipeline, r.execution_id,"
                     " r.operator, (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a"
                     " WHERE pg_catalog.starts_with(a.application_name, 'postlude/' || p.owner || "
                     "'/'))"
                     " FROM postlude.plan p LEFT JOIN "
                     "postlude.run r ON r.run_id = p.owner"
                     " WHERE p.owner IS NOT NULL AND p.plan = ";

static void read_run(const struct pg_reply *reply, size_t set, struct ledger_recent_run *run)
{
    text_copy(run->run_id, sizeof run->run_id, pg_value(reply, set, 0, 0));
    text_copy(run->at, sizeof run->at, pg_value(reply, set, 0, 1));
    text_copy(run->trigger, sizeof run->trigger, pg_value(reply, set, 0, 2));
    text_copy(run->pipeline, sizeof run->pipeline, pg_value(reply, set, 0, 3));
    text_copy(run->execution_id, sizeof run->execution_id, pg_value(reply, set, 0, 4));
    text_copy(run->operator, sizeof run->operator, pg_value(reply, set, 0, 5));
}

bool ledger_read_recent(struct pg *pg, const char *plan, struct deadline deadline,
                        struct ledger_recent *out_recent, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(8192);
    buf_text(&sql, begin);
    buf_text(&sql, failed_sql);
    pg_literal(&sql, plan);
    buf_text(&sql, ";\n");
    buf_text(&sql, holder_sql);
    pg_literal(&sql, plan);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!pg_query(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    *out_recent = (struct ledger_recent){0};
    read_run(&reply, SET_FAILED, &out_recent->failed);
    read_run(&reply, SET_HOLDER, &out_recent->holder);
    const char *sessions = pg_value(&reply, SET_HOLDER, 0, 6);
    (void)!(sessions && text_integer(sessions, 0, INT64_MAX, &out_recent->holder_sessions));
    text_copy(out_recent->outcome, sizeof out_recent->outcome, pg_value(&reply, SET_FAILED, 0, 6));
    text_copy(out_recent->migration, sizeof out_recent->migration,
              pg_value(&reply, SET_FAILED, 0, 7));
    text_copy(out_recent->sqlstate, sizeof out_recent->sqlstate,
              pg_value(&reply, SET_FAILED, 0, 8));
    text_copy(out_recent->message, sizeof out_recent->message, pg_value(&reply, SET_FAILED, 0, 9));
    return true;
}
