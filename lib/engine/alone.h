/*
 * What the files of a step outside a transaction share (alone.c). Not for others.
 */
#ifndef POSTLUDE_ENGINE_ALONE_H
#define POSTLUDE_ENGINE_ALONE_H

#include "base/digest.h"
#include "engine/settle.h"

enum { ALONE_RECORD_MS = 10000, ALONE_CHECKSUM_SIZE = 7 + DIGEST_HEX_SIZE };

/* One file on its way. */
struct alone {
    struct engine *engine;
    const struct plan_migration *migration;
    struct message_frame frame;
    struct message_item item;
    struct message_batch batch;
    size_t total;                /* statements of the file */
    size_t done;                 /* of them */
    bool in_flight;              /* the statement `done` was begun by an earlier try */
    char *note;                  /* what that try noted, or NULL */
    char former[UUID_TEXT_SIZE]; /* the run of that try */
    bool awaited;                /* nothing of that try is at work on the server any more */
    int64_t attempts;            /* failed tries of the statement at hand */
    bool wrapped;                /* it runs in a transaction with its record */
};

/* alone_record.c */

/* Of the file, from 0. */
const struct sql_statement *alone_statement(const struct alone *alone, size_t number);
/* Digest of the first `count` statements as they stand in the file. */
void alone_checksum(const struct alone *alone, size_t count,
                    char out_checksum[ALONE_CHECKSUM_SIZE]);
/* Tells the outcome what is left of the file. */
void alone_left(struct alone *alone, enum outcome_left what);
/* Tells the outcome and err->where which statement is at hand. */
void alone_name_statement(struct alone *alone, struct error *err);
/* Names the statement at hand, which something keeps from being begun; err says what. False. */
bool alone_not_begun(struct alone *alone, struct error *err);
/* Makes the step's row ours and reads how far it is. ERROR_CONFLICT: what is done has changed in
 * the file since; kinds of alone_await, ledger_step_start and engine_read. */
MUST_CHECK bool alone_start(struct alone *alone, struct error *err);
/* Records the failure, if the connection is still there, and lets err be. clear: as in struct
 * ledger_step_failure. */
void alone_record_failure(struct alone *alone, bool clear, const struct error *err);
/* The statement in flight is not any more; the row stays as it was before it. Logs when it cannot.
 */
void alone_record_stand(struct alone *alone);

/* alone_settle.c */

/* The statement at hand, as the catalogue is asked about it. */
struct settle_statement alone_settling(const struct alone *alone);
/* Waits until the server is done with what is in flight. Kinds of settle_wait. */
MUST_CHECK bool alone_await(struct alone *alone, struct error *err);
/* What an earlier run, or a lost connection, left in flight. *out_finished: nothing is left to do.
 * ERROR_CONFLICT: nobody knows; kinds of settle_wait, settle_ask and engine_ask_verify. */
MUST_CHECK bool alone_settle(struct alone *alone, bool *out_finished, struct error *err);

#endif
