/* What the files of the engine share. Not for other rooms. */
#ifndef POSTLUDE_ENGINE_INTERNAL_H
#define POSTLUDE_ENGINE_INTERNAL_H

#include "catalog/catalog.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/message.h"
#include "ledger/ledger.h"

/* What is at work at this moment, for those who watch it (observe.c). */
struct engine_watch {
    const struct plan_migration *migration; /* NULL: nothing */
    int64_t since_ms;                       /* steady clock: when it began */
    int64_t said_ms;                        /* when the log last heard of it */
    int64_t looked_ms;                      /* when blockers were last looked for */
    struct pg *pg;                          /* a second connection, opened when it is needed */
    int64_t shut_until_ms;                  /* it could not be opened: not tried again before */
    struct catalog_blockers blockers;       /* who was in the way, seen last */
};

struct engine {
    struct engine_request request;
    struct outcome *outcome; /* of the run; borrowed */
    struct pg *pg;           /* the worker; NULL while there is no connection */
    struct pg *guard;        /* holds the owner row while a step runs outside a transaction */
    int64_t guarded_ms;      /* when the guard last answered */
    bool guarding;           /* its transaction is open */
    bool overtaken;          /* the guard was lost, and the plan with it */
    struct catalog_server server;
    struct ledger *ledger;
    struct inspect_file *files; /* one a migration of the plan, once inspected */
    struct engine_watch watch;
    bool kept;    /* the run's row has its report */
    bool taken;   /* this run owns the plan, as far as we know */
    bool refused; /* it asked for what cannot be, and is no run to be kept */
};

/* connect.c */

/* Closes what there is, connects and reads the ledger. */
MUST_CHECK bool engine_connect(struct engine *engine, struct error *err);
/* Reads the ledger again. */
MUST_CHECK bool engine_read(struct engine *engine, struct error *err);
/* Asks where to, and connects; a login that was refused is tried again while there is something
 * else to try it with. `name` (may be NULL) is its application_name. Kinds: pg_open's, and those of
 * whoever was asked. */
MUST_CHECK bool engine_open_login(const struct engine *engine, const char *name,
                                  const struct pg_asking *asking, struct pg **out_pg,
                                  struct error *err);
/* The same within the run's time; its application_name is the run's. */
MUST_CHECK bool engine_open_another(const struct engine *engine, struct deadline deadline,
                                    struct pg **out_pg, struct error *err);
/* Where the database is at this moment, and as whom: for somebody else's connection. Borrowed until
 * the next one of ours. */
MUST_CHECK bool engine_address(const struct engine *engine, const struct pg_asking *asking,
                               struct pg_address *out_address, struct error *err);
/* "postlude/<run_id>/", by which the sessions of a run are known. */
void engine_session_prefix(const char *run_id, char out_prefix[64]);

/* run.c */

/* What is left, and what the database has more: as decided last, less what was applied since. */
void engine_fill_lists(struct outcome *outcome, const struct plan *plan,
                       const struct decision *decision);

/* take.c */

/* Makes this run the owner of the plan, waiting for another run up to run.lock_wait. ERROR_BUSY. */
MUST_CHECK bool engine_take(struct engine *engine, struct error *err);
/* A run with nothing to do: sets a run that was killed, and still owns the plan, to lost. Waits for
 * nobody, and logs when it cannot. */
void engine_bury(struct engine *engine);
/* Lets ms pass with signs of life, so that the plan stays ours. ERROR_INTERRUPTED: told to stop,
 * out of time, or overtaken. */
MUST_CHECK bool engine_linger(struct engine *engine, int64_t ms, struct error *err);

/* inspect.c */

/* Splits and checks the files of all steps, before anything is touched. ERROR_INVALID. */
MUST_CHECK bool engine_inspect(struct engine *engine, const struct decision *decision,
                               struct error *err);
/* Brings the file of this migration into engine->files, if it is not there. */
MUST_CHECK bool engine_load(struct engine *engine, size_t migration, struct error *err);
/* A file that was begun outside a transaction goes on there, whatever it holds by now: what is done
 * of it is not to be done again. By the ledger as read last. */
void engine_keep_mode(struct engine *engine, size_t migration);
void engine_unload(struct engine *engine, size_t migration);
void engine_forget_files(struct engine *engine);

/* observe.c */

/* From here to engine_unwatch this migration is at work: slow ones are told to the log, with who is
 * in their way, the guard is kept alive, and what cannot be cancelled otherwise is cancelled over
 * another connection. */
void engine_watch(struct engine *engine, const struct plan_migration *migration);
void engine_unwatch(struct engine *engine);
/* One look; false: what runs must be cancelled, since the plan is not ours any more. */
bool engine_look(struct engine *engine);
/* Tells the log who was in the way, and the outcome. */
void engine_name_blockers(struct engine *engine, struct outcome_failure *failure);

/* failure.c */

/* The message frame and one item of it, for this migration, which is loaded. */
struct message_frame engine_frame(const struct engine *engine);
struct message_item engine_item(const struct engine *engine, size_t migration);
/* Fills outcome->failure and the rest of err from what the server said of a message. */
void engine_describe(struct engine *engine, const struct message_batch *batch,
                     const struct message *message, const struct pg_reply *reply,
                     struct error *err);
/* Names the migration in the failure, and its place in err->where. */
void engine_name_failed(struct engine *engine, const struct plan_migration *migration,
                        struct error *err);
/* What is to be said of a migration that was cancelled; err says why. */
void engine_name_interrupted(struct engine *engine, const struct plan_migration *migration,
                             const char *what_became, struct error *err);
/* Whether a step may begin. ERROR_INTERRUPTED: told to stop, or out of time. */
MUST_CHECK bool engine_may_begin(const struct engine *engine,
                                 const struct plan_migration *migration, struct error *err);
/* Whether PostgreSQL refuses this in a transaction, or in one with what stands before it. */
bool engine_needs_no_transaction(const char *sqlstate);
/* Whether the same transaction, tried again in a moment, may succeed (SQLSTATE). */
bool engine_may_retry(const struct error *err);
/* The error as the ledger keeps it. New reference. */
json_t *engine_failure_json(const struct engine *engine, const struct error *err);
/* For pg_on_notice: what the server has to say, with the migration's id (context). */
void engine_log_notice(const char *id, const struct pg_notice *notice);
void engine_log_applied(const char *id, int64_t duration_ms);
/* Tells the log that `what` ("0002_x is rolled back and") is tried again, and who was in the way,
 * and waits before that: *attempts is one more afterwards. Error kinds: engine_linger's. */
MUST_CHECK bool engine_back_off(struct engine *engine, const char *what, int64_t retries,
                                int64_t *attempts, const struct error *why, struct error *err);
/* Leaves no transaction open, told to stop or not. Logs what stands in the way: the migration's own
 * error is the one to report. */
void engine_roll_back(struct engine *engine, int64_t within_ms);

/* batch.c */

/* Applies transactional migrations, the first `count` of steps. ERROR_FAILED: the one that
 * outcome->failure names was rolled back, those before it are in the outcome; ERROR_BUSY: likewise,
 * a lock was not to be had; ERROR_LOST: not known; ERROR_INTERRUPTED: rolled back, or overtaken. */
MUST_CHECK bool engine_apply(struct engine *engine, const size_t *steps, size_t count,
                             struct error *err);

/* guard.c */

/* Before anything is applied: whether the steps outside a transaction could run at all. */
MUST_CHECK bool engine_check_outside(struct engine *engine, const struct decision *decision,
                                     struct error *err);
/* Right before one of them: whether the login's own settings let it run. ERROR_INVALID. */
MUST_CHECK bool engine_check_login(struct engine *engine, const struct plan_migration *migration,
                                   struct error *err);
/* Holds the owner row until engine_release. ERROR_UNREACHABLE: no second server connection. */
MUST_CHECK bool engine_hold(struct engine *engine, struct error *err);
void engine_release(struct engine *engine);
/* Keeps the guard alive; false when it was lost and another run has the plan. */
bool engine_keep_guard(struct engine *engine);

/* alone.c, command.c: one step outside a transaction. Error kinds as engine_apply's, and
 * ERROR_CONFLICT: what a run before left cannot be settled. */
MUST_CHECK bool engine_apply_alone(struct engine *engine, size_t migration, struct error *err);
MUST_CHECK bool engine_apply_command(struct engine *engine, size_t migration, struct error *err);

/* Asks the migration's verify in a transaction of its own. False: it could not be asked; *out_true
 * false: it did not return one true, and err says what it returned. */
MUST_CHECK bool engine_ask_verify(struct engine *engine, const struct plan_migration *migration,
                                  const struct message_item *item, bool *out_true,
                                  struct error *err);
/* The same of what an earlier try left: a query that misses its table or schema says no. */
MUST_CHECK bool engine_ask_whether_done(struct engine *engine,
                                        const struct plan_migration *migration,
                                        const struct message_item *item, bool *out_done,
                                        struct error *err);

/* record.c */

/* The run's row as the ledger wants it; with_end: also how it ended. New reference. */
json_t *engine_run_row(const struct engine *engine, bool with_end);

#endif
