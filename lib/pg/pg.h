/*
 * One connection to PostgreSQL, with a deadline on everything. The only room that knows libpq.
 *
 * Simple protocol only: a message is text that may hold many statements. It works the same direct
 * and behind a pooler: no startup options, no prepared statements, no session state relied upon.
 * What the statements mean is for the rooms above. libpq 15 to 17.
 */
#ifndef POSTLUDE_PG_PG_H
#define POSTLUDE_PG_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/stop.h"
#include "base/wait.h"

/* Where and as whom. All texts are borrowed during pg_open only. */
struct pg_address {
    const char *host; /* a name, an address, or the folder of a Unix socket */
    int port;
    const char *database;
    const char *user;
    const struct secret *password;
    const char *sslmode; /* libpq's word: verify-full, verify-ca, require, disable */
    const char *ca_file;
    const char *application_name; /* the server keeps 63 bytes */
    const struct stop *stop;      /* kept: watched by every wait on this connection; may be NULL */
};

/* What whoever hands out addresses is to know of the connection that one is for. */
struct pg_asking {
    const struct error *refused; /* why the login with what it gave last was refused; or NULL */
    int refusals;                /* how often that happened for this connection */
    struct deadline deadline;
    const struct stop *stop; /* may be NULL */
};

/* Tells where the next connection goes, and as whom; asked anew for each, since passwords change
 * and tokens run out. The address borrows from the context until the next call. Where there is
 * nothing else to try after a refusal: false, with that error, or one that says more. */
typedef bool pg_address_fn(void *context, const struct pg_asking *asking,
                           struct pg_address *out_address, struct error *err);

struct pg;

/* The code of an error that says no more than that there was no answer in time. */
#define PG_NO_ANSWER "ETIMEDOUT"

/* Connects and logs in. ERROR_UNREACHABLE: not there (yet), trying again can help; ERROR_DENIED:
 * login, database rights or certificate; ERROR_INTERRUPTED: stop was asked. `where` is host:port,
 * `code` the SQLSTATE where the server gave one. The name look-up is libpq's own and may block. */
MUST_CHECK bool pg_open(const struct pg_address *address, struct deadline deadline,
                        struct pg **out_pg, struct error *err);
void pg_close(struct pg *pg);

/* Pure: whether this error of pg_open says that the server took neither user nor password, so that
 * another password may help. */
bool pg_refused(const struct error *err);

/* What the server says beside its answers. Never NULL; "" where it said none. */
struct pg_notice {
    const char *severity; /* NOTICE, WARNING, INFO, ..., in English */
    const char *sqlstate;
    const char *message;
};

/* Called for each notice, warning and INFO the server sends; notice is valid during the call. */
typedef void pg_notice_fn(void *context, const struct pg_notice *notice);
void pg_on_notice(struct pg *pg, pg_notice_fn *notice, void *context);

/* Called each every_ms while pg_send waits for the server, first after every_ms, and not any more
 * once the statement was cancelled; tick NULL: none. False: cancel what runs. It may use other
 * connections, but not this one. */
typedef bool pg_tick_fn(void *context);
void pg_on_wait(struct pg *pg, int64_t every_ms, pg_tick_fn *tick, void *context);

/* Called at most once a pg_send, when the server has not obeyed the request to cancel within 2 s,
 * or the request could not be delivered (a proxy may pass none on): it may cancel by SQL over
 * another connection, within a deadline of its own and without regard to the stop, which was asked
 * perhaps. */
typedef void pg_cancel_fn(void *context);
void pg_on_cancel(struct pg *pg, pg_cancel_fn *cancel, void *context);

/* The process id the login was told; a pooler invents it, and so it differs from
 * pg_backend_pid(). */
int pg_told_pid(const struct pg *pg);
/* "TLSv1.3", or "" without TLS. */
const char *pg_tls_version(const struct pg *pg);
/* Watches another stop from now on; NULL: what is sent is not to be interrupted any more. */
void pg_watch(struct pg *pg, const struct stop *stop);
/* False once the connection is broken and good for pg_close only. */
bool pg_alive(const struct pg *pg);

/* Data for one COPY ... FROM stdin of the message. */
struct pg_copy {
    const char *data;
    size_t length;
};

struct pg_message {
    const char *sql;
    const struct pg_copy *copies; /* in the order of their statements */
    size_t copy_count;
    bool keep_rows; /* false: rows are read and dropped */
};

/* What the server says of an error, in full. */
struct pg_failure {
    char sqlstate[6];
    char message[1024];
    char detail[1024];
    char hint[1024];
    char context[1024];
    char inner[1024]; /* the text of a command that a function ran, where it is that which failed */
    int position;     /* in characters from the start of the message's text, from 1; 0 = none */
    char schema[64], table[64], column[64], constraint[64];
};

struct pg_rows;

struct pg_reply {
    size_t done; /* statements of the message that were completed */
    struct pg_rows *rows;
    size_t row_sets;           /* with keep_rows: one for each completed statement */
    struct pg_failure failure; /* sqlstate "" = the server reported none */
};

/* Sends the message and reads all answers into *reply, which is made by `= {0}` and freed by
 * pg_reply_free; it is filled on failure too: what was done before, and the server's fields.
 *  ERROR_FAILED       the server refused a statement: `code` is the SQLSTATE; the rest of the
 *                     message was not run; the connection goes on, perhaps inside an aborted
 *                     transaction (ROLLBACK is for the caller)
 *  ERROR_LOST         the connection broke: what the server did of the message is not known; also
 *                     when a server that was asked to cancel gave no answer within 5 s, or, where
 *                     pg_on_cancel was called, within 4 s after that returned
 *  ERROR_INTERRUPTED  stop was asked, the deadline passed, or a tick said so ("cancelled"), and the
 *                     statement was cancelled */
MUST_CHECK bool pg_send(struct pg *pg, const struct pg_message *message, struct deadline deadline,
                        struct pg_reply *reply, struct error *err);
void pg_reply_free(struct pg_reply *reply);

/* pg_send for text alone, rows kept. */
MUST_CHECK bool pg_query(struct pg *pg, const char *sql, struct deadline deadline,
                         struct pg_reply *reply, struct error *err);

/* Rows of the set-th statement, 0 when there are none. */
int pg_row_count(const struct pg_reply *reply, size_t set);
/* A value as text, NULL for SQL's null or for what is not there. Valid until pg_reply_free. */
const char *pg_value(const struct pg_reply *reply, size_t set, int row, int column);

/* Pure: appends text as an SQL literal that is right whatever standard_conforming_strings is
 * (NULL: the word NULL), or as a quoted identifier. */
void pg_literal(struct buf *out, const char *text);
void pg_identifier(struct buf *out, const char *name);

static inline void pg_reply_auto_(struct pg_reply *reply)
{
    pg_reply_free(reply);
}
DEFINE_AUTO(pg, struct pg *, pg_close)

#endif
