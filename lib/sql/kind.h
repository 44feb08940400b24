/*
 * What a statement is, told from its words. For this room only.
 */
#ifndef POSTLUDE_SQL_KIND_H
#define POSTLUDE_SQL_KIND_H

#include <stdbool.h>

#include "sql/reader.h"
#include "sql/sql.h"

/* Sets kind and name of a statement whose offset and length are known. One pass over its text. */
void sql_tell_kind(const char *text, struct sql_statement *statement);

/* Of a reader behind REINDEX: REINDEX (CONCURRENTLY) TABLE t, REINDEX TABLE CONCURRENTLY t. */
bool sql_reindexes_concurrently(struct sql_reader reader);

#endif
