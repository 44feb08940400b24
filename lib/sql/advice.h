/*
 * What to do about a statement that a migration cannot hold, in full sentences. For this room only.
 */
#ifndef POSTLUDE_SQL_ADVICE_H
#define POSTLUDE_SQL_ADVICE_H

#include <stddef.h>

/* By a statement's name as sql_tell_kind gives it; never NULL, static. */
const char *sql_advice(const char *name);

/* The same in a file that runs outside a transaction. */
const char *sql_advice_alone(const char *name);

/* By the word behind the backslash (which is not terminated); never NULL, static. */
const char *sql_advice_psql(const char *command, size_t length);

#endif
