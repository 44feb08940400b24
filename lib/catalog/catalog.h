/*
 * What we ask the server about itself: version, recovery, rights and settings; and, for statements
 * that run outside a transaction, whether they took effect, who is in their way, how far they are.
 *
 * Each question is one round trip in a transaction of its own, reads pg_catalog and waits for no
 * table; it is not for a connection with an open transaction. Names "as written" are as in a
 * statement, quoted or not, qualified or not, and resolved as the login's own search_path has it.
 * Kinds of error: pg_send's; ERROR_BUSY: the server took more than seconds to answer; ERROR_DENIED;
 * ERROR_INVALID: a name as written is none; ERROR_INTERNAL. Works with PostgreSQL 13 to 18.
 */
#ifndef POSTLUDE_CATALOG_CATALOG_H
#define POSTLUDE_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "pg/pg.h"

struct catalog_server {
    int version_num;                    /* 150006 */
    char version[32];                   /* "15.6" */
    bool recovering;                    /* a standby or reader: nothing can be written */
    bool pooled;                        /* the backend is not the one the login was told of */
    bool may_create;                    /* the login may create a schema in this database */
    bool old_strings;                   /* standard_conforming_strings is off for this login */
    int64_t login_statement_timeout_ms; /* 0 = none */
    bool async_commit; /* synchronous_commit is off: a commit that was answered can still be lost */
};

/* One SELECT without parameters, so that it can head another query's message; before a SET LOCAL
 * of that one, or it is that which it tells. */
extern const char *const catalog_server_sql;

/* Reads its answer, the set-th of the reply. ERROR_INTERNAL when it is not one. */
MUST_CHECK bool catalog_server_read(const struct pg *pg, const struct pg_reply *reply, size_t set,
                                    struct catalog_server *out_server, struct error *err);

/* Whether postlude can work with it. ERROR_DENIED: too old, or a reader. ERROR_INVALID: it would
 * read the text of a migration in another way than we do. */
MUST_CHECK bool catalog_server_check(const struct catalog_server *server, struct error *err);

/* What only the login's own settings decide where SET LOCAL does not reach. */
struct catalog_login {
    bool schema_exists, schema_is_current; /* is_current: current_schema() is it */
    bool role_exists, may_act;             /* may_act: with the role's rights; both true without a
                                              role */
    char current_schema[64];               /* "" = none */
    char user[64];
    int64_t lock_timeout_ms, statement_timeout_ms, transaction_timeout_ms; /* 0 = none */
};
/* schema and role are names themselves, not "as written"; role may be NULL. */
MUST_CHECK bool catalog_login(struct pg *pg, const char *schema, const char *role,
                              struct deadline deadline, struct catalog_login *out_login,
                              struct error *err);

/* Other sessions of ours that run a statement now; what only keeps a transaction open does not. */
struct catalog_sessions {
    int active;
    int unseen;     /* of our name, but not ours to see: unknown, never gone */
    int first_pid;  /* the one that began first, or 0 */
    char state[24]; /* its state, "" = unseen */
};
/* Those whose application_name begins with the prefix, or (statement not NULL) that run this text
 * as the same user, as far as the server shows text. */
MUST_CHECK bool catalog_sessions(struct pg *pg, const char *application_prefix,
                                 const char *statement, struct deadline deadline,
                                 struct catalog_sessions *out_sessions, struct error *err);
/* pg_cancel_backend for those of this prefix and user that are active; never for this session. */
MUST_CHECK bool catalog_cancel(struct pg *pg, const char *application_prefix,
                               struct deadline deadline, int *out_cancelled, struct error *err);

enum { CATALOG_BLOCKERS_MAX = 8 };
struct catalog_blocker {
    int pid; /* 0 = a prepared transaction */
    char user[64], application[64];
    int64_t age_ms; /* of its transaction; -1 = not ours to see */
    char query[96]; /* its beginning; "" = not ours to see */
    char state[24];
};
/* Oldest transaction first. */
struct catalog_blockers {
    struct catalog_blocker list[CATALOG_BLOCKERS_MAX];
    int count;
};
/* Who is in the way of our sessions of this prefix that wait for a lock now: a table's, or the old
 * transactions that a concurrent index build waits for. */
MUST_CHECK bool catalog_blockers(struct pg *pg, const char *application_prefix,
                                 struct deadline deadline, struct catalog_blockers *out_blockers,
                                 struct error *err);

/* Appends how far our index build is: "building index: scanning table, 43 % of blocks"; nothing
 * when there is none. */
MUST_CHECK bool catalog_progress(struct pg *pg, const char *application_prefix,
                                 struct deadline deadline, struct buf *line, struct error *err);

enum { CATALOG_NAME_SIZE = 264 };
struct catalog_index {
    int count;         /* how many it may be: 1 when exists and on_table, otherwise 0 */
    bool table_exists; /* always false without a table */
    bool exists;       /* a relation of this name: relkind says whether it is an index */
    bool on_table;     /* an index of that table (without a table: of any) */
    bool valid;
    bool being_built;                  /* by another session, or nobody can say that it is not */
    char relkind;                      /* i, I, r, ...; 0 = none */
    int builder_pid;                   /* 0 = unknown */
    char qualified[CATALOG_NAME_SIZE]; /* quoted and with its schema, as for DROP INDEX */
};
/* With a table (CREATE INDEX): the index of this name in the table's schema; its own must not be
 * written. Without (NULL; DROP INDEX, REINDEX INDEX): as the name is written. */
MUST_CHECK bool catalog_index(struct pg *pg, const char *table, const char *index,
                              struct deadline deadline, struct catalog_index *out_index,
                              struct error *err);
/* A JSON array with the qualified names of all indexes of the table, of its partitions and TOAST
 * tables: the note for the two below. of_index: object is an index, and its table is meant. An
 * object that is not there has none. The caller frees *out_note. */
MUST_CHECK bool catalog_index_names(struct pg *pg, const char *object, bool of_index,
                                    struct deadline deadline, char **out_note, struct error *err);
/* The index of the table (not of partitions) that the note does not have: count says how many, and
 * the rest is zero when it is not 1. A note of NULL is an empty one. */
MUST_CHECK bool catalog_new_index(struct pg *pg, const char *table, const char *note,
                                  struct deadline deadline, struct catalog_index *out_index,
                                  struct error *err);

struct catalog_names {
    char **names;
    size_t count;
};
void catalog_names_free(struct catalog_names *names);
struct catalog_reindex {
    const char *object;
    bool of_index;    /* object is an index, and its table's are looked at */
    const char *note; /* of catalog_index_names before it; NULL is an empty one */
};
/* What a REINDEX CONCURRENTLY that was cut short left: invalid indexes named ..._ccnew or ..._ccold
 * that the note does not have and that are not being built, qualified. */
MUST_CHECK bool catalog_reindex_leftovers(struct pg *pg, const struct catalog_reindex *reindex,
                                          struct deadline deadline, struct catalog_names *out_names,
                                          struct error *err);

enum catalog_partition {
    CATALOG_PARTITION_MISSING, /* parent or child is not there */
    CATALOG_PARTITION_NONE,    /* both are, and child is no partition of parent */
    CATALOG_PARTITION_ATTACHED,
    CATALOG_PARTITION_PENDING, /* detached half: FINALIZE is due */
};
MUST_CHECK bool catalog_partition(struct pg *pg, const char *parent, const char *child,
                                  struct deadline deadline, enum catalog_partition *out_partition,
                                  struct error *err);

enum catalog_kind { CATALOG_DATABASE, CATALOG_TABLESPACE, CATALOG_SUBSCRIPTION };
struct catalog_object {
    bool exists;
    bool valid; /* false: a database whose DROP was cut short, good for another DROP only */
};
MUST_CHECK bool catalog_object(struct pg *pg, enum catalog_kind kind, const char *name,
                               struct deadline deadline, struct catalog_object *out_object,
                               struct error *err);

static inline void catalog_names_auto_(struct catalog_names *names)
{
    catalog_names_free(names);
}

#endif
