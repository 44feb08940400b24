#include "base/text.h"
#include "catalog/internal.h"

bool catalog_partition(struct pg *pg, const char *parent, const char *child,
                       struct deadline deadline, enum catalog_partition *out_partition,
                       struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD "WITH aim AS (SELECT pg_catalog.to_regclass(");
    pg_literal(&sql, parent);
    buf_text(&sql, ")::oid AS parent, pg_catalog.to_regclass(");
    pg_literal(&sql, child);
    /* inhdetachpending is there from 14 on: as JSON it may be missing. */
    buf_text(&sql, ")::oid AS child) SELECT parent IS NOT NULL AND child IS NOT NULL,"
                   " i.inhrelid IS NOT NULL,"
                   " coalesce(pg_catalog.to_jsonb(i) ->> 'inhdetachpending', 'false') = 'true'"
                   " FROM aim LEFT JOIN pg_catalog.pg_inherits i"
                   " ON i.inhparent = aim.parent AND i.inhrelid = aim.child");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    *out_partition = !catalog_true(&reply, 0, 0)   ? CATALOG_PARTITION_MISSING
                     : !catalog_true(&reply, 0, 1) ? CATALOG_PARTITION_NONE
                     : catalog_true(&reply, 0, 2)  ? CATALOG_PARTITION_PENDING
                                                   : CATALOG_PARTITION_ATTACHED;
    return true;
}
