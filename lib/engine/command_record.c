#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/command.h"

enum {
    RECORD_MS = 15000,
    RECORD_STOPPED_MS = 6000, /* whoever told us to stop does not wait for long */
    RETRY_MS = 500,
    CANCEL_MS = 2000,
};

void command_left(struct command *command, enum outcome_left left, const int *status)
{
    struct outcome_failure *failure = &command->engine->outcome->failure;
    failure->left = left;
    failure->has_exit_status = status != NULL;
    failure->exit_status = status ? *status : 0;
}

/* A connection that nothing was asked of for as long as the command ran may be gone. */
static bool reach(struct engine *engine, struct error *err)
{
    if (engine->pg && pg_alive(engine->pg)) {
        return true;
    }
    pg_close(engine->pg);
    engine->pg = NULL;
    if (!engine_open_another(engine, deadline_in(RECORD_MS), &engine->pg, err)) {
        return false;
    }
    log_info("connected again: the connection was lost while the command ran");
    return true;
}

/* False: err is not one that passes, or time is up. */
static bool try_again(struct engine *engine, struct deadline patience, struct error *err)
{
    if (!error_retryable(err->kind) || deadline_passed(patience)) {
        return false;
    }
    if (!engine_look(engine)) {
        return error_set(err, ERROR_INTERRUPTED, "another run took the plan over");
    }
    return wait_pause(RETRY_MS, patience, engine->request.stop);
}

/* The answer to an earlier try was lost: did that one write it? */
static bool is_recorded(const struct command *command)
{
    const struct ledger_query query = {.plan = command->item.claim.plan};
    struct catalog_server server;
    struct error ignored;
    AUTO(ledger) struct ledger *ledger = NULL;
    if (!ledger_read(command->engine->pg, &query, command->engine->request.deadline, &server,
                     &ledger, &ignored)) {
        return false;
    }
    const struct ledger_row *row = ledger_find(ledger, command->migration->id);
    return row && row->state != LEDGER_STARTED &&
           text_same(row->run_id, command->item.claim.run_id);
}

/* failure NULL: it is done. */
static bool write_end(struct command *command, const struct ledger_step_failure *failure,
                      struct error *err)
{
    struct engine *engine = command->engine;
    const struct ledger_claim *claim = &command->item.claim;
    const int status = 0;
    if (!reach(engine, err)) {
        return false;
    }
    pg_watch(engine->pg, NULL);
    return failure ? ledger_step_fail(engine->pg, claim, failure, engine->request.deadline, err)
                   : ledger_step_finish(engine->pg, claim, &status, engine->request.deadline, err);
}

static bool record(struct command *command, const struct ledger_step_failure *failure,
                   struct error *err)
{
    struct engine *engine = command->engine;
    const struct engine_request before = engine->request;
    int64_t wait_ms = before.plan->database.wait_ms;
    engine->request.stop = NULL;
    engine->request.deadline = deadline_in(stop_asked(before.stop) ? RECORD_STOPPED_MS
                                           : wait_ms > RECORD_MS   ? wait_ms
                                                                   : RECORD_MS);
    bool ok = write_end(command, failure, err);
    while (!ok && try_again(engine, engine->request.deadline, err)) {
        ok = write_end(command, failure, err) ||
             (strcmp(err->code, "PL003") == 0 && is_recorded(command));
    }
    engine->request = before;
    if (engine->pg) {
        pg_watch(engine->pg, before.stop);
    }
    return ok;
}

void command_cancel(struct command *command)
{
    struct engine *engine = command->engine;
    struct error ignored;
    char prefix[64];
    int cancelled = 0;
    if (!engine->pg || !pg_alive(engine->pg)) {
        return;
    }
    engine_session_prefix(command->item.claim.run_id, prefix);
    pg_watch(engine->pg, NULL);
    if (catalog_cancel(engine->pg, prefix, deadline_in(CANCEL_MS), &cancelled, &ignored) &&
        cancelled > 0) {
        log_info("cancelled what the server still did for the command",
                 LOG_TEXT("migration", command->migration->id), LOG_NUMBER("sessions", cancelled));
    }
    pg_watch(engine->pg, engine->request.stop);
}

void command_fail(struct command *command, const int *status, const struct error *err)
{
    struct error trouble;
    AUTO(json) json_t *error = engine_failure_json(command->engine, err);
    const struct ledger_step_failure failure = {
        .error = error, .exit_status = status, .clear = true};
    if (!record(command, &failure, &trouble)) {
        log_trouble(LOG_WARN, "could not record the failure in the ledger", &trouble);
    }
}

bool command_finish(struct command *command, int64_t duration_ms, struct error *err)
{
    struct engine *engine = command->engine;
    const char *id = command->migration->id;
    if (!record(command, NULL, err)) {
        return false;
    }
    if (command->migration->every) {
        outcome_add_every(engine->outcome, id, duration_ms, 0);
    } else {
        outcome_add_command(engine->outcome, id, duration_ms, 0);
    }
    engine_log_applied(id, duration_ms);
    return true;
}

static bool ask(struct command *command, bool *out_holds, struct error *err)
{
    struct engine *engine = command->engine;
    struct deadline patience = deadline_min(
        deadline_in(RECORD_MS + engine->request.plan->database.wait_ms), engine->request.deadline);
    while (!reach(engine, err) ||
           !engine_ask_verify(engine, command->migration, &command->item, out_holds, err)) {
        if (!try_again(engine, patience, err)) {
            return false;
        }
    }
    return true;
}

bool command_verify(struct command *command, struct error *err)
{
    struct error asked;
    bool holds = false;
    const int status = 0;
    if (!command->migration->verify || (ask(command, &holds, &asked) && holds)) {
        return true;
    }
    *err = asked;
    command_left(command, OUTCOME_LEFT_COMMAND, &status);
    if (err->kind == ERROR_FAILED) {
        command_fail(command, &status, err);
    } else if (err->kind == ERROR_INTERRUPTED) {
        engine_name_interrupted(command->engine, command->migration,
                                "it had ended well, and the next run asks its verify", err);
        command_left(command, OUTCOME_LEFT_COMMAND, &status);
    }
    return false;
}
