/*
 * A migration's transaction as messages of the simple protocol, and the way back: from what the
 * server says of a message to a place in the file. Pure.
 *
 *   BEGIN; SET LOCAL ...; claim; SET LOCAL ...; <the file's statements>; undo what is session-wide;
 * finish; COMMIT
 *
 * A message holds at most MESSAGE_MAX bytes or one statement; a longer file goes in several.
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
#include "sql/sql.h"

enum { MESSAGE_MAX = 1024 * 1024 };

/* All that the messages of one migration are made from; borrowed. */
struct message_source {
    const struct ledger_claim *claim;
    const char *text; /* the file */
    const struct sql_script *script;
    const char *schema, *role; /* role NULL = the login's own */
    int64_t lock_timeout_ms, statement_timeout_ms;
    int server_version; /* 150006 */
};

/* Where a piece of the message comes from. */
struct message_part {
    size_t at;        /* offset in the message's text */
    size_t statement; /* index into script->statements */
};

struct message {
    struct buf text;
    struct message_part *parts;
    size_t part_count, part_capacity;
    struct pg_copy *copies;
    size_t copy_count, copy_capacity;
    size_t lead;  /* statements of ours before the first part */
    size_t claim; /* which of them is the claim */
    size_t next;  /* the script's statement that the following message begins with */
    bool last;    /* it ends with COMMIT */
};

/* The message that begins with the script's statement `from` (script->first for the first one). */
void message_make(const struct message_source *source, size_t from, struct message *out_message);
void message_free(struct message *message);

enum message_place {
    MESSAGE_CLAIM,     /* taking the plan for this migration */
    MESSAGE_SETTINGS,  /* BEGIN; SET LOCAL search_path, role, timeouts */
    MESSAGE_STATEMENT, /* a statement of the file */
    MESSAGE_CLOSING,   /* deferred constraints, undoing, the ledger, COMMIT */
};

struct message_spot {
    enum message_place place;
    size_t statement; /* MESSAGE_STATEMENT: index into script->statements */
    size_t offset;    /* MESSAGE_STATEMENT: in the file, in bytes */
};

/* Where it failed: `done` statements were completed, and position (in characters from 1, 0 = none)
 * is the server's. */
struct message_spot message_locate(const struct message *message,
                                   const struct message_source *source, size_t done, int position);

static inline void message_auto_(struct message *message)
{
    message_free(message);
}

#endif
