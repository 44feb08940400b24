#include "base/text.h"
#include "catalog/internal.h"

/* A pooler leaves application_name on its idle connections, and a guard, ours too, waits in an open
 * transaction. What backend_type is not ours to see is taken for a client. */
#define AT_WORK                                                                                    \
    "coalesce(a.state, '') NOT IN"                                                                 \
    " ('idle', 'idle in transaction', 'idle in transaction (aborted)')"                            \
    " AND coalesce(a.backend_type, 'client backend') = 'client backend'"
#define UNSEEN "(a.state IS NULL OR a.state = 'disabled')"

/* The server keeps so many bytes of a query, less those of a character cut in the middle. */
static void runs_text(struct buf *sql, const char *statement)
{
    buf_text(sql, " OR a.pid <> pg_catalog.pg_backend_pid() AND a.usename = session_user"
                  " AND a.query <> '' AND pg_catalog.starts_with(");
    pg_literal(sql, statement);
    buf_text(sql, ", a.query) AND (pg_catalog.octet_length(a.query) = pg_catalog.octet_length(");
    pg_literal(sql, statement);
    buf_text(sql, ") OR pg_catalog.octet_length(a.query) >= pg_catalog.pg_size_bytes("
                  "pg_catalog.current_setting('track_activity_query_size')) - 4)");
}

bool catalog_sessions(struct pg *pg, const char *application_prefix, const char *statement,
                      struct deadline deadline, struct catalog_sessions *out_sessions,
                      struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD "SELECT a.pid, " UNSEEN ", a.state FROM pg_catalog.pg_stat_activity"
                                " a WHERE " AT_WORK " AND (");
    catalog_ours(&sql, application_prefix);
    if (!text_empty(statement)) {
        runs_text(&sql, statement);
    }
    buf_text(&sql, ") ORDER BY 2, a.query_start");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    struct catalog_sessions sessions = {.first_pid = (int)catalog_number(&reply, 0, 0)};
    text_copy(sessions.state, sizeof sessions.state,
              catalog_true(&reply, 0, 1) ? "" : pg_value(&reply, CATALOG_SET, 0, 2));
    for (int i = 0; i < pg_row_count(&reply, CATALOG_SET); i++) {
        *(catalog_true(&reply, i, 1) ? &sessions.unseen : &sessions.active) += 1;
    }
    *out_sessions = sessions;
    return true;
}

bool catalog_cancel(struct pg *pg, const char *application_prefix, struct deadline deadline,
                    int *out_cancelled, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD "SELECT count(*) FILTER (WHERE pg_catalog.pg_cancel_backend(a.pid))"
                                " FROM pg_catalog.pg_stat_activity a WHERE a.state = 'active'"
                                " AND a.usename = session_user AND ");
    catalog_ours(&sql, application_prefix);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    *out_cancelled = (int)catalog_number(&reply, 0, 0);
    return true;
}
