#include "catalog/internal.h"

/* A database whose DROP was cut short has a connection limit of -2. */
bool catalog_object(struct pg *pg, enum catalog_kind kind, const char *name,
                    struct deadline deadline, struct catalog_object *out_object, struct error *err)
{
    static const char *const questions[] = {
        [CATALOG_DATABASE] = "SELECT datconnlimit <> -2 FROM pg_catalog.pg_database"
                             " WHERE datname = ",
        [CATALOG_TABLESPACE] = "SELECT true FROM pg_catalog.pg_tablespace WHERE spcname = ",
        [CATALOG_SUBSCRIPTION] = "SELECT true FROM pg_catalog.pg_subscription WHERE subdbid ="
                                 " (SELECT oid FROM pg_catalog.pg_database"
                                 " WHERE datname = pg_catalog.current_database())"
                                 " AND subname = ",
    };
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD);
    buf_text(&sql, questions[kind]);
    buf_text(&sql, "(pg_catalog.parse_ident(");
    pg_literal(&sql, name);
    buf_text(&sql, "))[1]::name");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    *out_object = (struct catalog_object){
        .exists = pg_row_count(&reply, CATALOG_SET) > 0,
        .valid = catalog_true(&reply, 0, 0),
    };
    return true;
}
