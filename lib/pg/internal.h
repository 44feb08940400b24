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
    pg_tick_fn *tick;
    void *tick_context;
    int64_t tick_ms;
    pg_cancel_fn *cancel;
    void *cancel_context;
    bool broken;     /* an answer is missing: what comes next would be taken for it */
    char where[300]; /* host:port */
};

/* What is being done to end a statement. */
enum pg_ending { PG_NOT_ENDING, PG_REQUESTED, PG_PASSED_ON };

enum pg_reason { PG_REASON_STOP, PG_REASON_DEADLINE, PG_REASON_TICK };

/* One message on its way. */
struct pg_exchange {
    struct pg *pg;
    const struct pg_message *message;
    struct deadline deadline;
    struct pg_reply *reply;
    size_t copies_sent;
    size_t capacity;
    struct deadline next_tick;
    bool late; /* the deadline had passed, and there was something to read yet */
    enum pg_ending ending;
    enum pg_reason reason;
};

/* Waits until the connection can be read (and, with WAIT_BOTH, written), calling the tick. Where
 * the statement is to end, asks the server to cancel it, and goes on waiting; false once that was
 * in vain (ERROR_LOST). */
MUST_CHECK bool pg_ready(struct pg_exchange *exchange, enum wait_for what, struct error *err);
/* Says why it was cancelled, and returns false. */
bool pg_cancelled(const struct pg_exchange *exchange, struct error *err);

/* Fills err from a login that failed; text is libpq's message in verbose form. Pure. */
bool pg_login_error(const struct pg_address *address, const char *text, struct error *err);

/* Appends libpq's or the server's text as one line, without libpq's own prefixes. Pure. */
void pg_one_line(struct buf *out, const char *text);

#endif
