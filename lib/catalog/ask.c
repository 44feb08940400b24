#include <string.h>

#include "base/text.h"
#include "catalog/internal.h"

static enum error_kind kind_of(const char *sqlstate)
{
    /* query_canceled: the statement_timeout; the last three: of what is no name. */
    static const struct {
        const char *sqlstate;
        enum error_kind kind;
    } kinds[] = {
        {"57014", ERROR_BUSY},    {"55P03", ERROR_BUSY},    {"42501", ERROR_DENIED},
        {"42602", ERROR_INVALID}, {"22023", ERROR_INVALID}, {"42601", ERROR_INVALID},
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (strcmp(sqlstate, kinds[i].sqlstate) == 0) {
            return kinds[i].kind;
        }
    }
    return ERROR_INTERNAL;
}

bool catalog_ask(struct pg *pg, const struct buf *sql, struct deadline deadline,
                 struct pg_reply *reply, struct error *err)
{
    if (sql->full) {
        return error_set(err, ERROR_INTERNAL, "the question to the server's catalogue is too long");
    }
    if (pg_query(pg, sql->data, deadline, reply, err)) {
        return true;
    }
    if (err->kind == ERROR_FAILED) {
        err->kind = kind_of(err->code);
        error_wrap(err, "could not read the server's catalogue");
    }
    return false;
}

int64_t catalog_number(const struct pg_reply *reply, int row, int column)
{
    int64_t value = 0;
    const char *text = pg_value(reply, CATALOG_SET, row, column);
    return text && text_integer(text, INT64_MIN, INT64_MAX, &value) ? value : 0;
}

bool catalog_true(const struct pg_reply *reply, int row, int column)
{
    return text_same(pg_value(reply, CATALOG_SET, row, column), "t");
}

void catalog_ours(struct buf *sql, const char *application_prefix)
{
    buf_text(sql, "a.pid <> pg_catalog.pg_backend_pid()"
                  " AND pg_catalog.starts_with(a.application_name, ");
    pg_literal(sql, application_prefix);
    buf_text(sql, ")");
}
