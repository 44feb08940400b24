/* What the files of the catalog room share. Not for other rooms. */
#ifndef POSTLUDE_CATALOG_INTERNAL_H
#define POSTLUDE_CATALOG_INTERNAL_H

#include "catalog/catalog.h"

/* How a question begins: several statements of one message are a transaction of their own, which
 * ends with the message, in an error too. */
#define CATALOG_LEVEL "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY;\n"
#define CATALOG_LEAD                                                                               \
    CATALOG_LEVEL "SET LOCAL statement_timeout = '10s';\nSET LOCAL lock_timeout = '2s';\n"
enum { CATALOG_SET = 3, CATALOG_SQL_MAX = 64 * 1024 * 1024 };

/* Asks; the answer is set CATALOG_SET of the reply when sql begins with CATALOG_LEAD. */
MUST_CHECK bool catalog_ask(struct pg *pg, const struct buf *sql, struct deadline deadline,
                            struct pg_reply *reply, struct error *err);

/* A value of that set as a number, 0 for null. */
int64_t catalog_number(const struct pg_reply *reply, int row, int column);
bool catalog_true(const struct pg_reply *reply, int row, int column);

/* Appends a condition: session a (of pg_stat_activity) is another one whose application_name begins
 * so. */
void catalog_ours(struct buf *sql, const char *application_prefix);

#endif
