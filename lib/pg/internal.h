/* What the files of the pg room share. Not for other rooms. */
#ifndef POSTLUDE_PG_INTERNAL_H
#define POSTLUDE_PG_INTERNAL_H

#include <libpq-fe.h>

#include "pg/pg.h"

struct pg {
    PGconn *conn;
    const struct stop *stop;
    pg_notice_fn *notice;
    void *notice_context;
    bool broken;     /* an answer is missing: what comes next would be taken for it */
    char where[300]; /* host:port */
};

/* Fills err from a login that failed; text is libpq's message in verbose form. Pure. */
bool pg_login_error(const struct pg_address *address, const char *text, struct error *err);

/* Appends libpq's or the server's text as one line, without libpq's own prefixes. Pure. */
void pg_one_line(struct buf *out, const char *text);

#endif
