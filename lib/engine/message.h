/*
 * Migrations' transactions as messages of the simple protocol, and the way back: from what the
 * server says of a message to a place in a file. Pure.
 *
 *   BEGIN; SET LOCAL ...; claim; SET LOCAL ...; <the file's statements>; verify; undo what is
 *   session-wide; finish; COMMIT; BEGIN; ...
 *
 * A message carries as many migrations as fit in MESSAGE_MAX bytes; only its last COMMIT waits for
 * the flush, which flushes those before it. A longer file's transaction goes in several messages of
 * at most MESSAGE_MAX bytes or one statement. The server parses a whole message before it runs any
 * of it, and runs nothing of what stands behind an error.
 */
#ifndef POSTLUDE_ENGINE_MESSAGE_H
#define POSTLUDE_ENGINE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "ledger/ledger.h"
#include "pg/pg.h"
#include "plan/plan.h"
#include "sql/sql.h"

enum {
    MESSAGE_MAX = 1024 * 1024,
    MESSAGE_FRAME_SIZE = 2048, /* about what a migration costs besides its text */
};

/* One migration; all borrowed. */
struct message_item {
    const struct plan_migration *migration; /* for the caller */
    struct ledger_claim claim;
    const char *text; /* the file */
    const struct sql_script *script;
    const char *verify; /* must return one true; NULL = none */
    int64_t lock_timeout_ms, statement_timeout_ms;
};

/* A statement that raises this SQLSTATE unless the query returns one row of one column that is
 * true. The query may end with semicolons. */
#define MESSAGE_VERIFY_FAILED "PL005"
void message_verify_sql(const char *query, struct buf *out);

/* What is the same for all migrations of a run; borrowed. */
struct message_frame {
    const char *schema, *role; /* role NULL = the login's own */
    int server_version;        /* 150006 */
    bool async_commit;         /* the login's commits do not wait for the flush */
};

/* What goes in one message, or, when it is one migration that is too long, in several. */
struct message_batch {
    const struct message_frame *frame;
    const struct message_item *items;
    size_t count;
    bool begun;         /* message_begin was sent before it */
    bool together;      /* all in one transaction, of which this batch ... */
    bool opens, closes; /* ... has the beginning, the end */
};

enum message_place {
    MESSAGE_CLAIM,     /* taking the plan for this migration */
    MESSAGE_SETTINGS,  /* BEGIN; SET LOCAL search_path, role, timeouts */
    MESSAGE_STATEMENT, /* a statement of the file */
    MESSAGE_VERIFY,    /* deferred constraints are no part of it */
    MESSAGE_CLOSING,   /* deferred constraints, undoing, the ledger */
    MESSAGE_COMMIT,
};

/* One statement of the message, ours or the file's: each gives one result. */
struct message_part {
    size_t at; /* offset in the message's text */
    size_t item;
    size_t statement; /* MESSAGE_STATEMENT: index into the item's script->statements */
    enum message_place place;
};

struct message {
    struct buf text;
    struct message_part *parts;
    size_t part_count, part_capacity;
    struct pg_copy *copies;
    size_t copy_count, copy_capacity;
    size_t next; /* the script's statement that the following message begins with */
    bool last;   /* nothing of the batch is left to send */
};

/* The message that begins with the statement `from` of the first item's script; script->first is
 * the batch's beginning. */
void message_make(const struct message_batch *batch, size_t from, struct message *out_message);
void message_free(struct message *message);

/* A statement of a file that runs outside a transaction, in one of its own together with the record
 * that it is done: the batch has one item. done_checksum: of the statements up to it. */
void message_make_step(const struct message_batch *batch, size_t statement,
                       const char *done_checksum, struct message *out_message);

/* The statement's text alone, for one that cannot run in a transaction. */
void message_make_bare(const struct message_item *item, size_t statement,
                       struct message *out_message);

/* A read-only transaction that asks the item's verify. */
void message_make_verify(const struct message_batch *batch, struct message *out_message);

/* What may be sent before a batch with `begun`, where the login's own statement_timeout would cut
 * the parsing of a large message. */
extern const char *const message_begin;

struct message_spot {
    enum message_place place;
    size_t item;
    size_t statement; /* MESSAGE_STATEMENT: index into the item's script->statements */
    size_t offset;    /* MESSAGE_STATEMENT: in the file, in bytes */
};

/* Where it failed: `done` statements were completed, and position (in characters from 1, 0 = none)
 * is the server's. */
struct message_spot message_locate(const struct message *message, const struct message_batch *batch,
                                   size_t done, int position);

/* How many items, from the first, were committed when `done` statements were completed. */
size_t message_committed(const struct message *message, size_t done);

static inline void message_auto_(struct message *message)
{
    message_free(message);
}

#endif
