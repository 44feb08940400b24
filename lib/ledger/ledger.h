/*
 * The ledger: our own tables in the target database, who owns a plan, and the claim that each
 * migration's transaction begins with. All SQL about schema postlude is here or in
 * migrations/postlude/, which is compiled in.
 *
 * The owner row of a plan is its lock (struct ledger_holder says who has it). Nothing here waits
 * for a lock inside a statement: a waiter's snapshot would stall CREATE INDEX CONCURRENTLY.
 */
#ifndef POSTLUDE_LEDGER_LEDGER_H
#define POSTLUDE_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/uuid.h"
#include "base/wait.h"
#include "catalog/catalog.h"
#include "pg/pg.h"

enum ledger_state {
    LEDGER_APPLIED,
    LEDGER_STARTED, /* of a step outside a transaction: how far it came is not settled */
    LEDGER_FAILED,
    LEDGER_SKIPPED,
};

struct ledger_row {
    char *id;
    enum ledger_state state;
    char *kind;       /* "sql", "alone" (outside a transaction), "command", "every" */
    char *checksum;   /* "algorithm:hex"; NULL when the ledger has none */
    char *applied_at; /* "2031-03-14T09:26:53.120Z" */
    char *run_id;
    char *error; /* JSON text of the failure, or NULL */
    int64_t duration_ms;
    /* Of steps outside a transaction: */
    int64_t statements_done;
    int64_t attempting;  /* number, from 0, of the statement in flight; -1 = none */
    char *note;          /* JSON text: what the catalogue said before that one; or NULL */
    char *done_checksum; /* "algorithm:hex" of the text of the statements done; or NULL */
    bool has_exit;
    int exit_status; /* of a command */
};

/* A run that owns a plan; run_id "" = none. */
struct ledger_holder {
    char run_id[UUID_TEXT_SIZE];
    char since[40];
    char migration[256]; /* what it is at, "" = not known: of ledger_take whatever it is, in a
                            transaction cut to some 17 bytes; of ledger_read a step outside one */
};

struct ledger {
    struct ledger_holder holder;
    bool exists;
    int version;
    struct ledger_row *rows; /* sorted by id */
    size_t count;
    int64_t reports_waiting; /* of this plan, which nobody has sent and nobody is sending */
    char duplicate_of[UUID_TEXT_SIZE]; /* the run of this same execution or scheduled time that
                                          reached the plan, or "" */
};

/* Which plan, and the key of what may have been here before: of an execution, or (execution_id
 * NULL) of a schedule, or (schedule NULL too) none. */
struct ledger_query {
    const char *plan;
    const char *account, *region, *pipeline, *stage, *execution_id;
    int64_t attempt;
    const char *schedule;
    const char *scheduled_time; /* RFC 3339; compared as text */
    const char
        *reader; /* this login only reads, and is told the GRANTs for that; NULL: it writes */
};

/* One round trip: what the server is and all that the ledger knows of this plan. A database without
 * a ledger is not an error. ERROR_DENIED: the login may not read it; ERROR_BUSY: it is locked;
 * pg_send's kinds. */
MUST_CHECK bool ledger_read(struct pg *pg, const struct ledger_query *query,
                            struct deadline deadline, struct catalog_server *out_server,
                            struct ledger **out_ledger, struct error *err);
void ledger_free(struct ledger *ledger);

/* How things stand with a plan's runs, for people; "" = nobody, none, not known. */
struct ledger_recent {
    struct ledger_recent_run {
        char run_id[UUID_TEXT_SIZE];
        char at[40]; /* since when the one at work is, when the other ended */
        char trigger[32], pipeline[256], execution_id[128], operator[128];
    } holder, failed;        /* at work; the last to end ill, where none ended well after it */
    int64_t holder_sessions; /* of the one at work, as the server names them; 0: killed, perhaps */
    char outcome[32];        /* of failed, as are those below */
    char migration[256], sqlstate[6], message[1024];
};
/* The kinds are ledger_read's. The ledger must exist. */
MUST_CHECK bool ledger_read_recent(struct pg *pg, const char *plan, struct deadline deadline,
                                   struct ledger_recent *out_recent, struct error *err);
/* The row of this id, or NULL. */
const struct ledger_row *ledger_find(const struct ledger *ledger, const char *id);

/* The version this program brings. */
int ledger_newest_version(void);

/* Creates or upgrades the ledger, under one lock for the whole database, polled. ERROR_DENIED: the
 * login may not; ERROR_BUSY: somebody else held the lock until the deadline. */
MUST_CHECK bool ledger_install(struct pg *pg, struct deadline deadline, const struct stop *stop,
                               struct error *err);

/* One try to make the run of this row (of postlude.run: an object with the columns' names) the
 * owner of its plan, which also writes the row. *out_taken says whether it worked; if not,
 * *out_holder who is at work. */
MUST_CHECK bool ledger_take(struct pg *pg, const json_t *run_row, struct deadline deadline,
                            bool *out_taken, struct ledger_holder *out_holder, struct error *err);

/* Writes how the run ended and gives the plan back. durable false: without waiting for the flush.
 * A row with "report_lease" (LEDGER_REPORT_LEASE) says that its report is about to be sent: when
 * that was not recorded by then, any run of the plan may send it. A ledger of a version before
 * LEDGER_WITH_REPORTS takes no notice of it. */
#define LEDGER_REPORT_LEASE                                                                        \
    "240 s" /* a stack that waits is answered first, for up to two minutes */
enum { LEDGER_WITH_REPORTS = 3 };
MUST_CHECK bool ledger_end(struct pg *pg, const json_t *run_row, bool durable,
                           struct deadline deadline, struct error *err);

/* The same of a run that has its row, while the plan is locked by what it sent: the plan stays its
 * own until the next run takes it. "report_lease" needs LEDGER_WITH_REPORTS here. */
MUST_CHECK bool ledger_end_apart(struct pg *pg, const json_t *run_row, struct deadline deadline,
                                 struct error *err);

/* Takes back that this run took the plan: no row of it stays, and the plan is given back. */
MUST_CHECK bool ledger_forget(struct pg *pg, const char *run_id, struct deadline deadline,
                              struct error *err);

/* Takes the oldest report of this plan that waits, for as long as LEDGER_REPORT_LEASE: of two runs
 * that ask at once each gets another one. *out_report NULL: none waits; else the caller owns it
 * (what is no JSON is given as an empty object), and ends the claim by one of the two below.
 * Needs LEDGER_WITH_REPORTS, as ledger_report_leave does. */
MUST_CHECK bool ledger_report_claim(struct pg *pg, const char *plan, struct deadline deadline,
                                    char out_run_id[UUID_TEXT_SIZE], json_t **out_report,
                                    struct error *err);
/* Records that the report of this run was published now. */
MUST_CHECK bool ledger_report_sent(struct pg *pg, const char *run_id, struct deadline deadline,
                                   struct error *err);
/* Leaves it, from now on, to whoever claims it; nothing when nobody waits for it. */
MUST_CHECK bool ledger_report_leave(struct pg *pg, const char *run_id, struct deadline deadline,
                                    struct error *err);

/* One migration as the claim sees it. */
struct ledger_claim {
    const char *plan, *run_id;
    const char *id;
    const char *before; /* the plan's migration before it, which must be in place; NULL = none */
    const char *kind;   /* as in struct ledger_row */
    const char *checksum;
};

/* Rolls back what is open and leaves nothing of it in the session. */
MUST_CHECK bool ledger_undo(struct pg *pg, struct deadline deadline, struct error *err);

/* The same, and records the failure; nothing when the plan has another owner now. */
MUST_CHECK bool ledger_fail(struct pg *pg, const struct ledger_claim *claim, const json_t *error,
                            struct deadline deadline, struct error *err);

/* What frames a migration inside its transaction, each ending with ";\n". When a migration begins
 * the server sends an INFO with LEDGER_BEGUN as its SQLSTATE and "postlude: ID" as its text, at
 * once, and with it the answers it held back. */
#define LEDGER_BEGUN "PL000"
void ledger_begin_sql(const struct ledger_claim *claim, struct buf *out);
void ledger_tidy_sql(struct buf *out); /* advisory locks and prepared statements */
void ledger_finish_sql(const struct ledger_claim *claim, size_t statements, struct buf *out);

/* Whether a SQLSTATE is one the claim or the finish raises because the plan has another owner or
 * another history now: read the ledger again. */
bool ledger_is_overtaken(const char *sqlstate);

/* Steps outside a transaction. While they run, a connection of its own, the guard, holds the owner
 * row locked. What follows is one short transaction each, but for ledger_hold. Kinds besides
 * pg_send's: ERROR_INTERRUPTED, code PL00x, when another run owns the plan or the step's row is not
 * the one this run started; ERROR_BUSY when somebody holds a row or table of the ledger;
 * ERROR_DENIED; ERROR_INVALID when standard_conforming_strings is off (ledger_step_start). */

/* Opens the guard's transaction, which holds the owner row until ledger_release or the connection's
 * end, and no snapshot. Keep it alive with text that takes none: SHOW, never SELECT. */
MUST_CHECK bool ledger_hold(struct pg *pg, const char *plan, const char *run_id,
                            struct deadline deadline, struct error *err);
/* Ends it, with a sign of life. */
MUST_CHECK bool ledger_release(struct pg *pg, const char *plan, const char *run_id,
                               struct deadline deadline, struct error *err);
/* A sign of life of a run that owns the plan and does not hold its row: due well within 5 s. */
MUST_CHECK bool ledger_touch(struct pg *pg, const char *plan, const char *run_id,
                             struct deadline deadline, struct error *err);
/* One that is on disk when it returns, and with it whatever was committed before it. */
MUST_CHECK bool ledger_flush(struct pg *pg, const char *plan, const char *run_id,
                             struct deadline deadline, struct error *err);

/* Writes that the step begins, or goes on where its row says. */
MUST_CHECK bool ledger_step_start(struct pg *pg, const struct ledger_claim *claim,
                                  struct deadline deadline, struct error *err);
/* Before a statement (number from 0); note is JSON text or NULL. */
MUST_CHECK bool ledger_step_attempt(struct pg *pg, const struct ledger_claim *claim,
                                    size_t statement, const char *note, struct deadline deadline,
                                    struct error *err);
/* After it: so many are done, and checksum is that of their text. */
MUST_CHECK bool ledger_step_done(struct pg *pg, const struct ledger_claim *claim, size_t statements,
                                 const char *checksum, struct deadline deadline, struct error *err);
/* The same as text, ending with ";\n", to commit together with the statement. */
void ledger_step_done_sql(const struct ledger_claim *claim, size_t statements, const char *checksum,
                          struct buf *out);
/* The step is applied; exit_status is a command's, or NULL. */
MUST_CHECK bool ledger_step_finish(struct pg *pg, const struct ledger_claim *claim,
                                   const int *exit_status, struct deadline deadline,
                                   struct error *err);

struct ledger_step_failure {
    const json_t *error;
    const int *exit_status; /* of a command that ended, or NULL */
    bool clear;             /* what was in flight left nothing: state failed. If not, nobody knows,
                               and the state stays started */
};
MUST_CHECK bool ledger_step_fail(struct pg *pg, const struct ledger_claim *claim,
                                 const struct ledger_step_failure *failure,
                                 struct deadline deadline, struct error *err);

enum ledger_action {
    LEDGER_SET_APPLIED, /* row made where there is none */
    LEDGER_RETRY,       /* to failed: the next run does the statement in flight again, or all of one
                           that was applied */
    LEDGER_SKIP,        /* row made where there is none */
    LEDGER_ACCEPT,      /* the claim's checksum, of an applied one only */
};
/* What there was before; without a row, state means nothing. */
struct ledger_former {
    bool exists;
    enum ledger_state state;
};
/* Settles a migration as a person said, for a run that owns the plan and does not hold its row on
 * another connection. Retry without a row, and accept of what is not applied, change nothing. */
MUST_CHECK bool ledger_resolve(struct pg *pg, const struct ledger_claim *claim,
                               enum ledger_action action, struct deadline deadline,
                               struct ledger_former *out_former, struct error *err);

DEFINE_AUTO(ledger, struct ledger *, ledger_free)

#endif
