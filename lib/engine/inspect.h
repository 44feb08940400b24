/* Reading a migration before it is run: split its file, say how it runs, and find what cannot work.
 */
#ifndef POSTLUDE_ENGINE_INSPECT_H
#define POSTLUDE_ENGINE_INSPECT_H

#include "base/finding.h"
#include "plan/plan.h"
#include "sql/sql.h"

enum inspect_mode {
    INSPECT_TRANSACTION, /* in a transaction, which also holds its row of the ledger */
    INSPECT_ALONE,       /* statement by statement, resumably */
    INSPECT_COMMAND,     /* a program of the same image */
};

/* A migration's file as it was read. A command has neither text nor script. */
struct inspect_file {
    enum inspect_mode mode;
    bool known; /* the mode is; it was read */
    char *text;
    size_t length;
    struct sql_script *script;
};

/* Reads and splits the file. ERROR_INVALID, with the place in the file. The caller clears *out_file
 * with inspect_clear. */
MUST_CHECK bool inspect_read(const struct plan_migration *migration, struct inspect_file *out_file,
                             struct error *err);
/* Frees text and script; its mode stays known. */
void inspect_clear(struct inspect_file *file);

/* Adds what is wrong with the migration, and what is doubtful. out_file may be NULL; it is filled
 * as far as the file could be read. */
void inspect_migration(const struct plan *plan, const struct plan_migration *migration,
                       struct findings *findings, struct inspect_file *out_file);

#endif
