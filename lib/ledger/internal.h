/* What the files of the ledger room share. Not for other rooms. */
#ifndef POSTLUDE_LEDGER_INTERNAL_H
#define POSTLUDE_LEDGER_INTERNAL_H

#include "ledger/ledger.h"

/* How a transaction of ours begins, whatever the login's defaults are: our own deadline cancels
 * what takes too long. */
#define LEDGER_OPEN                                                                                \
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n"                                           \
    "SET LOCAL statement_timeout = 0;\n"
/* A row lock somebody holds is never waited for long: the waiter's snapshot would stand in the way
 * of CREATE INDEX CONCURRENTLY. */
#define LEDGER_SHORT_WAIT "SET LOCAL lock_timeout = '2s';\n"
enum { LEDGER_LEAD = 3 }; /* statements of the two */
/* A login whose commits are not flushed is not asked where the record must be on disk. "local" and
 * not "on", which may wait for a standby. */
#define LEDGER_FLUSHED                                                                             \
    "SELECT pg_catalog.set_config('synchronous_commit', 'local', true)"                            \
    " WHERE pg_catalog.current_setting('synchronous_commit') = 'off';\n"

/* How times are shown: "2031-03-14T09:26:53.120Z". */
#define LEDGER_TIME(column)                                                                        \
    "pg_catalog.to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

enum { LEDGER_ROW_MAX = 64 * 1024 * 1024 };

/* Runs text that begins a transaction; rolls back when it fails, so that the connection is usable.
 * Kinds as said of the steps in ledger.h; ERROR_INTERNAL for what else the server refuses. */
MUST_CHECK bool ledger_write(struct pg *pg, const char *sql, struct deadline deadline,
                             struct pg_reply *reply, struct error *err);
/* Another run owns the plan; code is the SQLSTATE that says so. */
bool ledger_overtaken(struct error *err, const char *code);

/* Appends plan, run, id: what every call about a migration begins with. */
void ledger_identify(struct buf *sql, const struct ledger_claim *claim);
/* Appends before, kind, checksum: what a claim ends with. */
void ledger_describe(struct buf *sql, const struct ledger_claim *claim);
void ledger_json(struct buf *sql, const json_t *value);

/* False when name is no state that we know (NULL: no row at all). */
MUST_CHECK bool ledger_state_named(const char *name, enum ledger_state *out_state);

#endif
