/*
 * What became of a statement outside a transaction that was in flight when its run was killed or
 * lost its connection: first nothing of it may run any more, then the catalogue is asked.
 */
#ifndef POSTLUDE_ENGINE_SETTLE_H
#define POSTLUDE_ENGINE_SETTLE_H

#include "engine/internal.h"

/* A statement that cannot run in a transaction. */
struct settle_statement {
    const char *text; /* the file */
    const struct sql_statement *statement;
    struct sql_target target;
    const char *note; /* what the catalogue said before it, or NULL */
};

enum settle_verdict {
    SETTLE_DONE,
    SETTLE_AGAIN,   /* it left nothing, or what doing it again mends */
    SETTLE_UNKNOWN, /* only a person, or the migration's verify, can tell */
};

/* Waits until no session of that run is at work any more. ERROR_BUSY: one is, still. */
MUST_CHECK bool settle_wait(struct engine *engine, const char *run_id, const char *statement,
                            struct error *err);

/* After settle_wait. */
MUST_CHECK bool settle_ask(struct engine *engine, const struct settle_statement *statement,
                           enum settle_verdict *out_verdict, struct error *err);

/* Before the statement is run: takes what an earlier try left out of its way, and makes the note
 * for the ledger (NULL: none is needed; the caller frees it). *out_instead: text to run in its
 * place, or NULL (the caller frees it). */
MUST_CHECK bool settle_prepare(struct engine *engine, const struct settle_statement *statement,
                               char **out_note, char **out_instead, struct error *err);

/* After it failed or was cancelled: drops the invalid index it left. False: it could not, as the
 * log says. */
bool settle_clean(struct engine *engine, const struct settle_statement *statement,
                  struct deadline deadline);

/* After it succeeded: whether its index is valid. ERROR_FAILED. */
MUST_CHECK bool settle_check(struct engine *engine, const struct settle_statement *statement,
                             struct error *err);

#endif
