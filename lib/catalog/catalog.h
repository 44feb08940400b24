/*
 * What we ask the server about itself: version, recovery, rights.
 *
 * Blockers, progress, indexes and settings belong here too as they are needed. Reads only.
 */
#ifndef POSTLUDE_CATALOG_CATALOG_H
#define POSTLUDE_CATALOG_CATALOG_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "pg/pg.h"

struct catalog_server {
    int version_num;  /* 150006 */
    char version[32]; /* "15.6" */
    bool recovering;  /* a standby or reader: nothing can be written */
    bool pooled;      /* the backend is not the one the login was told of */
    bool may_create;  /* the login may create a schema in this database */
    bool old_strings; /* standard_conforming_strings is off for this login */
};

/* One SELECT without parameters, so that it can head another query's message. */
extern const char *const catalog_server_sql;

/* Reads its answer, the set-th of the reply. ERROR_INTERNAL when it is not one. */
MUST_CHECK bool catalog_server_read(const struct pg *pg, const struct pg_reply *reply, size_t set,
                                    struct catalog_server *out_server, struct error *err);

/* Whether postlude can work with it. ERROR_DENIED: too old, or a reader. ERROR_INVALID: it would
 * read the text of a migration in another way than we do. */
MUST_CHECK bool catalog_server_check(const struct catalog_server *server, struct error *err);

#endif
