/* A step that is a program of the same image. Nobody but its author knows what it does: the ledger
 * says "started" before it, and afterwards what it ended with. */
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/command.h"
#include "engine/command_env.h"
#include "engine/settle.h"

enum { TICK_MS = 500, SIGNAL_BASE = 128, SHOWN_MAX = 2000 };

/* The log cuts what is longer than SHOWN_MAX: it gets it in parts. */
static void log_output(const struct command *command, bool from_stderr, const struct buf *masked)
{
    AUTO(buf) struct buf shown = buf_make((size_t)CHILD_LINE_MAX * 32);
    text_escape(&shown, masked->data, masked->length);
    const char *at = shown.data;
    size_t left = shown.length;
    do {
        size_t part = left > SHOWN_MAX ? text_cut(at, left, SHOWN_MAX) : left;
        AUTO(text) char *line = memory_text_n(at, part);
        log_info(line, LOG_TEXT("migration", command->migration->id),
                 LOG_QUIET_TEXT("stream", from_stderr ? "stderr" : "stdout"));
        at += part;
        left -= part;
    } while (left);
}

/* A long line comes in pieces, and the password may stand where it was cut. */
static void on_line(void *context, bool from_stderr, const char *line, size_t length)
{
    struct command *command = context;
    struct buf *kept = &command->kept[from_stderr];
    bool goes_on = length == CHILD_LINE_MAX;
    AUTO(buf) struct buf masked = buf_make((size_t)CHILD_LINE_MAX * 4);
    buf_add(kept, line, length);
    size_t done =
        command_mask_piece(&command->password, kept->data, kept->length, goes_on, &masked);
    log_output(command, from_stderr, &masked);
    memmove(kept->data, kept->data + done, kept->length - done);
    buf_truncate(kept, kept->length - done);
}

static void flush_output(struct command *command)
{
    for (int i = 0; i < 2; i++) {
        if (command->kept[i].length) {
            on_line(command, i == 1, "", 0);
        }
    }
}

static bool on_tick(void *context)
{
    const struct command *command = context;
    return engine_look(command->engine);
}

static bool nobody_knows(struct command *command, const char *former, struct error *err)
{
    error_set(err, ERROR_CONFLICT,
              "run %s was cut off while command \"%s\" ran, and nobody can tell what it did",
              former, command->migration->id);
    engine_name_failed(command->engine, command->migration, err);
    command_left(command, OUTCOME_LEFT_UNKNOWN, NULL);
    return error_hint(err,
                      "Look at what it works on, then settle it: \"postlude resolve %s --retry "
                      "--reason TEXT\" has it run again, --applied says that it did its work. "
                      "With a verify in the plan a run tells by itself.",
                      command->migration->id);
}

/* What an earlier run left: *out_done, it had done its work. */
static bool settle(struct command *command, const struct ledger_row *row, bool *out_done,
                   struct error *err)
{
    *out_done = false;
    if (!row || row->state == LEDGER_APPLIED || row->state == LEDGER_SKIPPED) {
        return true;
    }
    char former[UUID_TEXT_SIZE];
    text_copy(former, sizeof former, row->run_id);
    bool cut_off = row->state == LEDGER_STARTED && row->attempting >= 0;
    if (cut_off && !command->migration->verify && !command->migration->every) {
        return nobody_knows(command, former, err);
    }
    /* However it ended: what it began on the server may go on without it. */
    if (!settle_wait(command->engine, former, NULL, err)) {
        engine_name_failed(command->engine, command->migration, err);
        command_left(command, OUTCOME_LEFT_COMMAND, NULL);
        return false;
    }
    if (!command->migration->verify || command->migration->every) {
        return true;
    }
    /* One that ended badly, or was ended, may have done its work all the same. */
    if (!engine_ask_whether_done(command->engine, command->migration, &command->item, out_done,
                                 err)) {
        return false;
    }
    log_info(*out_done ? "the command of an earlier run had done its work"
                       : "the command of an earlier run had not done its work: once more",
             LOG_TEXT("migration", command->migration->id), LOG_TEXT("run", former));
    return true;
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
    command_left(command, OUTCOME_LEFT_COMMAND, &status);
    command_fail(command, &status, err);
    return false;
}

/* The login of this moment: a token that was signed for an earlier connection may have run out. */
static bool give_database(struct command *command, struct command_env *out_env, struct error *err)
{
    const struct engine_request *request = &command->engine->request;
    const struct pg_asking asking = {
        .deadline = deadline_min(deadline_in(request->plan->database.connect_timeout_ms),
                                 request->deadline),
        .stop = request->stop};
    struct pg_address address;
    if (!engine_address(command->engine, &asking, &address, err)) {
        return false;
    }
    secret_set(&command->password, secret_reveal(address.password));
    command_env_make(request->env, &address, out_env);
    return true;
}

static bool run_program(struct command *command, struct child_end *out_end, struct error *err)
{
    const struct engine_request *request = &command->engine->request;
    const struct plan_migration *migration = command->migration;
    AUTO(command_env) struct command_env env = {0};
    AUTO(buf) struct buf name = buf_make(1024);
    char prefix[64];
    engine_session_prefix(command->engine->outcome->run_id, prefix);
    buf_format(&name, "%s%s", prefix, migration->id);
    if (!give_database(command, &env, err)) {
        return false;
    }
    /* So that its sessions are known for what they are, here and to a later run (settle_wait). */
    command_env_put(&env, "PGAPPNAME", name.data);
    const struct child_spec spec = {.argv = (const char *const *)migration->command,
                                    .envp = (const char *const *)env.variables,
                                    .dir = migration->dir};
    const struct child_watch watch = {
        .line = on_line, .tick = on_tick, .tick_ms = TICK_MS, .context = command};
    struct deadline limit =
        migration->timeout_ms > 0 ? deadline_in(migration->timeout_ms) : request->deadline;
    bool ok = child_run(&spec, deadline_min(limit, request->deadline), request->stop, &watch,
                        out_end, err);
    flush_output(command);
    return ok;
}

static bool not_run(struct command *command, struct error *err)
{
    engine_name_failed(command->engine, command->migration, err);
    command_left(command, OUTCOME_LEFT_NOTHING, NULL);
    command_fail(command, NULL, err);
    return false;
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
        return not_run(command, err);
    }
    if (end.exit_code < 0 && !end.signal) {
        error_set(err, ERROR_INTERRUPTED, "%s before command \"%s\" was started",
                  end.stopped ? "told to stop" : "the time allowed for this run was over",
                  command->migration->id);
        return not_run(command, err);
    }
    if (end.stopped || end.timed_out || end.ticked_off) {
        command_cancel(command);
    }
    int status = end.signal ? SIGNAL_BASE + end.signal : end.exit_code;
    if (end.stopped || end.timed_out || end.ticked_off || status != 0) {
        return describe_end(command, &end, status, err);
    }
    log_info("the command ended with exit status 0", LOG_TEXT("migration", command->migration->id));
    return command_verify(command, err) &&
           command_finish(command, clock_steady_ms() - began_ms, err);
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
    bool ever = command->migration->timeout_ms < request->plan->run.deadline_ms;
    return error_hint(err, ever ? "Its timeout is longer than what run.deadline leaves: the next "
                                  "run starts with it, or raise run.deadline."
                                : "No run starts it: its timeout is not shorter than run.deadline. "
                                  "Shorten the one, or raise the other.");
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
    return done ? command_finish(command, 0, err) : execute(command, err);
}

bool engine_apply_command(struct engine *engine, size_t migration, struct error *err)
{
    struct command command = {.engine = engine,
                              .migration = &engine->request.plan->migrations[migration]};
    if (!fits(&command, err) || !engine_load(engine, migration, err) || !engine_hold(engine, err)) {
        return false;
    }
    command.item = engine_item(engine, migration);
    command.kept[0] = buf_make((size_t)CHILD_LINE_MAX * 4);
    command.kept[1] = buf_make((size_t)CHILD_LINE_MAX * 4);
    bool ok = run(&command, err);
    buf_wipe(&command.kept[0]);
    buf_wipe(&command.kept[1]);
    secret_clear(&command.password);
    engine_release(engine);
    return ok;
}
