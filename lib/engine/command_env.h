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

enum { COMMAND_KEPT_MAX = 4096 };

/* All of env, and in place of what it has of these: PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD
 * PGSSLMODE PGSSLROOTCERT (none where the address has no such file), DB_HOST DB_PORT DB_DATABASE
 * DB_USERNAME DB_PASSWORD, DATABASE_URL. PGHOSTADDR and PGSERVICE, which would lead elsewhere, are
 * left out, and so is an event that holds a CloudFormation request's signed URL. */
void command_env_make(const struct env *env, const struct pg_address *address,
                      struct command_env *out_env);
/* One more, or another value for one that is there. */
void command_env_put(struct command_env *env, const char *name, const char *value);
void command_env_free(struct command_env *env); /* wipes them */

/* Appends text as RFC 3986 has it in a URL: everything but unreserved characters as %XX. */
void command_percent(struct buf *out, const char *text);

/* Appends the line with "***" where it holds the password: as it is, as it stands in a URL or a
 * form, or quoted for SQL, a shell, C or JSON. Its blanks at the end may lack. */
void command_mask(const struct secret *password, const char *line, size_t length, struct buf *out);
/* The same of a piece. goes_on: the line does; then what may begin the password at the piece's end
 * (less than COMMAND_KEPT_MAX bytes) is left for the next. Returns how much it took. */
size_t command_mask_piece(const struct secret *password, const char *text, size_t length,
                          bool goes_on, struct buf *out);

static inline void command_env_auto_(struct command_env *env)
{
    command_env_free(env);
}

#endif
