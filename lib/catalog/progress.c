#include <inttypes.h>

#include "catalog/internal.h"

enum { PHASE, BLOCKS_DONE, BLOCKS, ROWS_DONE, ROWS, LOCKERS_DONE, LOCKERS };

static void share(const struct pg_reply *reply, int done_column, const char *of, struct buf *line)
{
    int64_t done = catalog_number(reply, 0, done_column);
    int64_t total = catalog_number(reply, 0, done_column + 1);
    buf_format(line, ", %" PRId64 " %% of %s", done * 100 / total, of);
}

bool catalog_progress(struct pg *pg, const char *application_prefix, struct deadline deadline,
                      struct buf *line, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD
             "SELECT p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total,"
             " p.lockers_done, p.lockers_total FROM pg_catalog.pg_stat_progress_create_index p"
             " JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid"
             " WHERE p.phase IS NOT NULL AND ");
    catalog_ours(&sql, application_prefix);
    buf_text(&sql, " ORDER BY a.query_start LIMIT 1");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    buf_text(line, pg_value(&reply, CATALOG_SET, 0, PHASE));
    if (catalog_number(&reply, 0, LOCKERS) > 0) {
        buf_format(line, ", %" PRId64 " of %" PRId64 " waited for",
                   catalog_number(&reply, 0, LOCKERS_DONE), catalog_number(&reply, 0, LOCKERS));
    } else if (catalog_number(&reply, 0, BLOCKS) > 0) {
        share(&reply, BLOCKS_DONE, "blocks", line);
    } else if (catalog_number(&reply, 0, ROWS) > 0) {
        share(&reply, ROWS_DONE, "rows", line);
    }
    return true;
}
