/* A step that is a program of the same image. Nobody but its author knows what it does: the ledger
 * says "started" before it, and afterwards what it ended with. */
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/command_env.h"
#include "engine/internal.h"

enum { TICK_MS = 500, RECORD_MS = 10000, SIGNAL_BASE = 128 };

/* One command on its way. */
struct command {
    struct engine *engine;
    const struct plan_migration *migration;
    struct message_item item;
};

static void on_line(void *context, bool from_stderr, const char *line, size_t length)
{
    const struct command *command = context;
    AUTO(buf) struct buf masked = buf_make((size_t)CHILD_LINE_MAX * 4);
    AUTO(buf) struct buf shown = buf_make((size_t)CHILD_LINE_MAX * 8);
    command_env_mask(command->engine->request.address, line, length, &masked);
    text_escape(&shown, masked.data, masked.length);
    log_info(shown.data, LOG_TEXT("migration", command->migration->id),
             LOG_QUIET_TEXT("stream", from_stderr ? "stderr" : "stdout"));
}

static bool on_tick(void *context)
{
    const struct command *command = context;
    return engine_look(command->engine);
}

static void left_by(struct command *command, enum outcome_left left, const int *status)
{
    struct outcome_failure *failure = &command->engine->outcome->failure;
    failure->left = left;
    failure->has_exit_status = status != NULL;
    failure->exit_status = status ? *status : 0;
}

/* clear false: nobody knows what it did. */
static void record_failure(struct command *command, const int *status, bool clear,
                           const struct error *err)
{
    struct engine *engine = command->engine;
    struct error trouble;
    if (!pg_alive(engine->pg)) {
        return;
    }
    AUTO(json) json_t *error = engine_failure_json(engine, err);
    const struct ledger_step_failure failure = {
        .error = error, .exit_status = status, .clear = clear};
    pg_watch(engine->pg, NULL);
    if (!ledger_step_fail(engine->pg, &command->item.claim, &failure, deadline_in(RECORD_MS),
                          &trouble)) {
        log_trouble(LOG_WARN, "could not record the failure in the ledger", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

static bool nobody_knows(struct command *command, const char *former, struct error *err)
{
    error_set(err, ERROR_CONFLICT,
              "run %s was cut off while command \"%s\" ran, and nobody can tell what it did",
              former, command->migration->id);
    engine_name_failed(command->engine, command->migration, err);
    left_by(command, OUTCOME_LEFT_UNKNOWN, NULL);
    return error_hint(err,
                      "Look at what it works on and settle it: postlude resolve %s --retry to "
                      "run it again, --applied when it did its work. A verify: in the plan lets "
                      "a run tell by itself.",
                      command->migration->id);
}

static bool finish(struct command *command, int64_t duration_ms, struct error *err)
{
    struct engine *engine = command->engine;
    const int status = 0;
    if (!ledger_step_finish(engine->pg, &command->item.claim, &status, engine->request.deadline,
                            err)) {
        return false;
    }
    if (command->migration->every) {
        outcome_add_every(engine->outcome, command->migration->id, duration_ms, status);
    } else {
        outcome_add_command(engine->outcome, command->migration->id, duration_ms, status);
    }
    engine_log_applied(command->migration->id, duration_ms);
    return true;
}

/* What an earlier run left: *out_done, it had done its work. */
static bool settle(struct command *command, const struct ledger_row *row, bool *out_done,
                   struct error *err)
{
    *out_done = false;
    if (!row || row->state != LEDGER_STARTED || row->attempting < 0 || command->migration->every) {
        return true;
    }
    char former[UUID_TEXT_SIZE];
    text_copy(former, sizeof former, row->run_id);
    if (!command->migration->verify) {
        return nobody_knows(command, former, err);
    }
    struct error asked;
    if (!engine_ask_verify(command->engine, command->migration, &command->item, out_done, &asked)) {
        *err = asked;
        return false;
    }
    log_info(*out_done ? "the command of a run that was cut off had done its work"
                       : "the command of a run that was cut off had not done its work: once more",
             LOG_TEXT("migration", command->migration->id), LOG_TEXT("run", former));
    return true;
}

static bool verify(struct command *command, struct error *err)
{
    struct error asked;
    bool holds = false;
    const int status = 0;
    if (!command->migration->verify) {
        return true;
    }
    if (engine_ask_verify(command->engine, command->migration, &command->item, &holds, &asked) &&
        holds) {
        return true;
    }
    *err = asked;
    left_by(command, OUTCOME_LEFT_COMMAND, &status);
    record_failure(command, &status, true, err);
    return false;
}

static bool describe_end(struct command *command, const struct child_end *end, int status,
                         struct error *err)
{
    struct engine *engine = command->engine;
    const char *id = command->migration->id;
    if (end->stopped || end->ticked_off) {
        error_set(err, ERROR_INTERRUPTED, "%s while command \"%s\" ran; it was ended",
                  end->stopped ? "told to stop" : "another run took the plan over", id);
    } else if (end->timed_out && deadline_passed(engine->request.deadline)) {
        error_set(err, ERROR_INTERRUPTED,
                  "the time allowed for this run is over while command \"%s\" ran; it was ended",
                  id);
    } else if (end->timed_out) {
        error_set(err, ERROR_FAILED, "command \"%s\" took longer than its timeout and was ended",
                  id);
        error_hint(err, "Give its entry in the plan a longer timeout.");
    } else if (end->signal) {
        error_set(err, ERROR_FAILED, "command \"%s\" was ended by signal %d", id, end->signal);
        error_hint(err, "Signal 9 without anybody's doing is often the container's memory limit.");
    } else {
        error_set(err, ERROR_FAILED, "command \"%s\" ended with exit status %d", id, status);
        error_hint(err, "What it said stands in the log above.");
    }
    engine_name_failed(engine, command->migration, err);
    left_by(command, OUTCOME_LEFT_COMMAND, &status);
    record_failure(command, &status, true, err);
    return false;
}

static bool run_program(struct command *command, struct child_end *out_end, struct error *err)
{
    const struct engine_request *request = &command->engine->request;
    const struct plan_migration *migration = command->migration;
    AUTO(command_env) struct command_env env = {0};
    command_env_make(request->env, request->address, &env);
    const struct child_spec spec = {.argv = (const char *const *)migration->command,
                                    .envp = (const char *const *)env.variables,
                                    .dir = migration->dir};
    const struct child_watch watch = {
        .line = on_line, .tick = on_tick, .tick_ms = TICK_MS, .context = command};
    struct deadline limit =
        migration->timeout_ms > 0 ? deadline_in(migration->timeout_ms) : request->deadline;
    return child_run(&spec, deadline_min(limit, request->deadline), request->stop, &watch, out_end,
                     err);
}

static bool execute(struct command *command, struct error *err)
{
    struct engine *engine = command->engine;
    struct child_end end = {0};
    int64_t began_ms = clock_steady_ms();
    if (!ledger_step_attempt(engine->pg, &command->item.claim, 0, NULL, engine->request.deadline,
                             err)) {
        return false;
    }
    log_info("running command", LOG_TEXT("migration", command->migration->id));
    if (!run_program(command, &end, err)) {
        engine_name_failed(engine, command->migration, err);
        left_by(command, OUTCOME_LEFT_NOTHING, NULL);
        record_failure(command, NULL, true, err);
        return false;
    }
    int status = end.signal ? SIGNAL_BASE + end.signal : end.exit_code;
    if (end.stopped || end.timed_out || end.ticked_off || status != 0) {
        return describe_end(command, &end, status, err);
    }
    return verify(command, err) && finish(command, clock_steady_ms() - began_ms, err);
}

/* It would only be cut off. */
static bool fits(const struct command *command, struct error *err)
{
    const struct engine_request *request = &command->engine->request;
    if (command->migration->timeout_ms <= deadline_left_ms(request->deadline)) {
        return true;
    }
    error_set(err, ERROR_INTERRUPTED,
              "command \"%s\" may take longer than what is left of this run's time, and was not "
              "started",
              command->migration->id);
    engine_name_failed(command->engine, command->migration, err);
    return error_hint(err,
                      "Its timeout is longer than what run.deadline leaves: the next run starts "
                      "with it, or raise run.deadline.");
}

static bool run(struct command *command, struct error *err)
{
    struct engine *engine = command->engine;
    bool done = false;
    const struct ledger_row *row = ledger_find(engine->ledger, command->migration->id);
    if (!settle(command, row, &done, err) ||
        !ledger_step_start(engine->pg, &command->item.claim, engine->request.deadline, err)) {
        return false;
    }
    return done ? finish(command, 0, err) : execute(command, err);
}

bool engine_apply_command(struct engine *engine, size_t migration, struct error *err)
{
    struct command command = {.engine = engine,
                              .migration = &engine->request.plan->migrations[migration]};
    if (!fits(&command, err) || !engine_load(engine, migration, err) || !engine_hold(engine, err)) {
        return false;
    }
    command.item = engine_item(engine, migration);
    bool ok = run(&command, err);
    engine_release(engine);
    return ok;
}
