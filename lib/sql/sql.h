/*
 * An SQL script as statements with positions, and what can be known about each by reading it.
 *
 * Split by the rules of PostgreSQL's own lexer (psqlscan.l): quotes, E'', U&'', dollar quotes,
 * nested comments, parentheses, BEGIN ATOMIC bodies, and the data lines after COPY ... FROM stdin
 * as pg_dump writes them. Whether a statement is right is for the server to say. Pure.
 */
#ifndef POSTLUDE_SQL_SQL_H
#define POSTLUDE_SQL_SQL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/finding.h"

/* What a statement is, as far as it matters to running it inside our transaction. */
enum sql_kind {
    SQL_ORDINARY,
    SQL_BEGIN,       /* BEGIN, START TRANSACTION */
    SQL_COMMIT,      /* COMMIT, END (not COMMIT PREPARED) */
    SQL_TRANSACTION, /* ROLLBACK, ABORT, SAVEPOINT, RELEASE, PREPARE TRANSACTION, COMMIT PREPARED,
                        ... */
    SQL_COPY_STDIN,  /* COPY ... FROM stdin; its data follows in the file */
    SQL_COPY_STDOUT, /* COPY ... TO stdout: nobody would read it */
    SQL_ALONE,       /* PostgreSQL refuses it inside a transaction block */
    SQL_SESSION,     /* changes the session: SET without LOCAL, LISTEN, temporary objects, ... */
    SQL_FORBIDDEN,   /* LOAD, SET SESSION AUTHORIZATION, another client_encoding, ...: cannot be
                        undone, or would change who we are or how text is read */
    SQL_BACKSLASH,   /* a psql command */
};

struct sql_statement {
    size_t offset;   /* of its first token, in bytes from the start of the script */
    size_t length;   /* to the end of its last token, without the semicolon */
    unsigned line;   /* of its first token, from 1 */
    unsigned column; /* in characters, from 1 */
    enum sql_kind kind;
    const char *name;   /* the words that made it that kind, "CREATE INDEX CONCURRENTLY"; static,
                           "" when ordinary */
    size_t data_offset; /* SQL_COPY_STDIN: its data lines with their line ends, without the */
    size_t data_length; /* closing \. line */
};

struct sql_script {
    struct sql_statement *statements; /* empty statements are left out: the server answers none */
    size_t count;
    size_t capacity;
    /* The statements to run are [first, end): a file's own outer BEGIN and COMMIT stand outside. */
    size_t first;
    size_t end;
};

/* Splits text (UTF-8, a BOM is skipped and is no column), which the script refers to by offsets
 * only and does not keep. A psql command is a statement of its own, to the end of its line.
 * ERROR_INVALID when a quote, comment, parenthesis or body is not closed, when COPY data does not
 * end or does not begin on the next line, and at a zero byte; `where` is then "line:column" (of
 * where it began), in front of which the caller puts the file. The caller frees *out_script. */
MUST_CHECK bool sql_split(const char *text, size_t length, struct sql_script **out_script,
                          struct error *err);
void sql_free(struct sql_script *script);

/* The first statement of the body that cannot run inside a transaction, or NULL. */
const struct sql_statement *sql_alone(const struct sql_script *script);

/* What is left to look at when it is not known whether a statement outside a transaction was done:
 * its kind, and what it makes, removes or changes. */
enum sql_alone_kind {
    SQL_ALONE_UNKNOWN, /* cannot be told: whatever is not listed here, and ALTER SUBSCRIPTION ...
                          ADD or DROP PUBLICATION */
    SQL_ALONE_CREATE_INDEX,
    SQL_ALONE_DROP_INDEX,
    SQL_ALONE_REINDEX, /* of an index or table, concurrently */
    SQL_ALONE_DETACH,  /* of a partition, CONCURRENTLY or FINALIZE */
    SQL_ALONE_CREATE_DATABASE,
    SQL_ALONE_DROP_DATABASE,
    SQL_ALONE_CREATE_TABLESPACE,
    SQL_ALONE_DROP_TABLESPACE,
    SQL_ALONE_CREATE_SUBSCRIPTION,
    SQL_ALONE_DROP_SUBSCRIPTION,
    SQL_ALONE_REPEATABLE, /* doing it twice is doing it once: VACUUM, CLUSTER, ALTER SYSTEM, REINDEX
                             of a schema or database, DISCARD ALL, ... */
};

/* Names are given as written, in bytes from the start of the script: perhaps qualified or in
 * quotes, with whatever blanks and comments stand between their parts. */
struct sql_target {
    enum sql_alone_kind kind;
    /* The index, database, tablespace or subscription; of REINDEX the index or table, of DETACH the
     * parent. Length 0: an index without a name, or a kind that needs none. The first, where DROP
     * INDEX CONCURRENTLY names several: PostgreSQL refuses that. */
    size_t object_offset, object_length;
    size_t table_offset, table_length; /* CREATE INDEX: its table; DETACH: the partition */
    bool only;                         /* CREATE INDEX ... ON ONLY */
    bool finalize;     /* DETACH PARTITION ... FINALIZE, which may run in a transaction, too */
    bool concurrently; /* it waits for old snapshots: CREATE, DROP and REINDEX, DETACH */
    bool of_index;     /* REINDEX INDEX */
};

/* Of a statement of this text of any kind. */
void sql_target(const char *text, const struct sql_statement *statement,
                struct sql_target *out_target);

/* Adds a name of a target as to_regclass() and parse_ident() understand it, without the blanks and
 * comments between its parts; they fold what has no quotes. False, and nothing added, when a part
 * is written U&"...", which they do not understand. */
MUST_CHECK bool sql_plain_name(const char *text, size_t offset, size_t length, struct buf *out);

/* The transaction modes of the file's own outer BEGIN ("ISOLATION LEVEL SERIALIZABLE"), for the one
 * that stands in its place; *out_length 0: it has none. */
void sql_modes(const struct sql_script *script, const char *text, size_t *out_offset,
               size_t *out_length);

/* How the plan wants a script to run. */
enum sql_mode {
    SQL_MODE_AUTO,        /* in a transaction, unless sql_alone() finds a statement */
    SQL_MODE_TRANSACTION, /* in one, whatever it holds */
    SQL_MODE_ALONE,       /* statement by statement, each for itself */
};

/* Adds what is wrong with running this script so. Always errors: psql commands, COPY TO stdout,
 * forbidden statements, transaction control other than an outer BEGIN and COMMIT. In a transaction
 * a statement that must run alone is an error, what changes the session a warning. Outside one,
 * what changes the session and temporary tables are errors, as are DISCARD ALL and an outer BEGIN
 * and COMMIT (in SQL_MODE_AUTO those two are a finding at the statement that must run alone); what
 * would work, but not as meant, is a warning: SET LOCAL, and CREATE INDEX CONCURRENTLY without a
 * name. Each names file:line:column and the remedy. */
void sql_check(const struct sql_script *script, const char *text, const char *file,
               enum sql_mode mode, struct findings *findings);

/* The statement's beginning as one line for people: at most max_characters (then an ellipsis),
 * white space folded, control characters escaped; a statement with the word PASSWORD anywhere, also
 * as a part between underscores (smtp_password), is replaced by its first two words and "(not
 * shown: it holds the word PASSWORD)". */
void sql_excerpt(const char *text, const struct sql_statement *statement, size_t max_characters,
                 struct buf *out);

DEFINE_AUTO(sql, struct sql_script *, sql_free)

#endif
