#include "base/text.h"
#include "catalog/internal.h"

static void blockers_sql(const char *application_prefix, struct buf *sql)
{
    buf_text(sql, CATALOG_LEAD "WITH waiting AS (SELECT a.pid FROM pg_catalog.pg_stat_activity a"
                               " WHERE a.wait_event_type = 'Lock' AND ");
    catalog_ours(sql, application_prefix);
    buf_text(sql, "), blocker(pid) AS ("
                  "SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) FROM waiting w"
                  " UNION SELECT p.current_locker_pid"
                  " FROM pg_catalog.pg_stat_progress_create_index p JOIN waiting w ON w.pid = p.pid"
                  " WHERE p.current_locker_pid <> 0)"
                  " SELECT b.pid, a.usename, a.application_name, (extract(epoch FROM"
                  " pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint,"
                  " CASE WHEN b.pid = 0 THEN 'a prepared transaction'"
                  " WHEN a.query ~* 'password' THEN '(not shown: it holds the word PASSWORD)'"
                  " WHEN a.state IS NOT NULL THEN pg_catalog.left(a.query, 95) END, a.state"
                  " FROM blocker b LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid");
    buf_format(sql, " ORDER BY a.xact_start NULLS LAST, b.pid LIMIT %d", CATALOG_BLOCKERS_MAX);
}

bool catalog_blockers(struct pg *pg, const char *application_prefix, struct deadline deadline,
                      struct catalog_blockers *out_blockers, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    blockers_sql(application_prefix, &sql);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    *out_blockers = (struct catalog_blockers){.count = pg_row_count(&reply, CATALOG_SET)};
    for (int i = 0; i < out_blockers->count; i++) {
        struct catalog_blocker *one = &out_blockers->list[i];
        one->pid = (int)catalog_number(&reply, i, 0);
        text_copy(one->user, sizeof one->user, pg_value(&reply, CATALOG_SET, i, 1));
        text_copy(one->application, sizeof one->application, pg_value(&reply, CATALOG_SET, i, 2));
        one->age_ms = pg_value(&reply, CATALOG_SET, i, 3) ? catalog_number(&reply, i, 3) : -1;
        text_copy(one->query, sizeof one->query, pg_value(&reply, CATALOG_SET, i, 4));
        text_copy(one->state, sizeof one->state, pg_value(&reply, CATALOG_SET, i, 5));
    }
    return true;
}
