/* What a command gets to know of the database, and what of it must not come back in its output. */
#ifndef POSTLUDE_ENGINE_COMMAND_ENV_H
#define POSTLUDE_ENGINE_COMMAND_ENV_H

#include "base/buf.h"
#include "base/env.h"
#include "pg/pg.h"

struct command_env {
    char **variables; /* "NAME=value", NULL-terminated; they hold the password */
    size_t count, capacity;
};

/* All of env, and in place of what it has of these: PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD
 * PGSSLMODE PGSSLROOTCERT, DB_HOST DB_PORT DB_DATABASE DB_USERNAME DB_PASSWORD, DATABASE_URL. */
void command_env_make(const struct env *env, const struct pg_address *address,
                      struct command_env *out_env);
void command_env_free(struct command_env *env); /* wipes them */

/* Appends the line with "***" where it holds the password, as it is or as it stands in a URL (with
 * %2F or %2f) or in JSON. */
void command_env_mask(const struct pg_address *address, const char *line, size_t length,
                      struct buf *out);

static inline void command_env_auto_(struct command_env *env)
{
    command_env_free(env);
}

#endif
