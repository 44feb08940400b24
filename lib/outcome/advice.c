#include <string.h>

#include "base/text.h"
#include "outcome/parts.h"

/* Whether CodePipeline was asked about the event and did not answer, which says nothing about the
 * event; an answer that speaks against it, and what the plan does not admit, have no such code. */
static bool asked_in_vain(const struct outcome *outcome)
{
    const char *code = outcome->error.code;
    return outcome->error.kind == ERROR_REFUSED && *code && strcmp(code, "unconfirmed") != 0;
}

/* Whether this run ended before it knew what there is to apply. */
static bool knows_nothing(const struct outcome *outcome)
{
    switch (outcome->error.kind) {
    case ERROR_INVALID:
    case ERROR_UNREACHABLE:
    case ERROR_DENIED:
    case ERROR_BUSY:
    case ERROR_INTERRUPTED:
    case ERROR_UNKNOWN:
    case ERROR_LOST:
    case ERROR_INTERNAL:
        return outcome_part_planned(outcome) == 0;
    case ERROR_REFUSED:
        return asked_in_vain(outcome);
    case ERROR_NONE:
    case ERROR_FAILED:
    case ERROR_CONFLICT:
    case ERROR_UNDELIVERED:
    case ERROR_PENDING:
        return false;
    }
    return false;
}

/* The pipeline does not wait for us: its code is out whatever became of the migrations. */
static void code_is_out(const struct outcome *outcome, struct buf *out)
{
    bool left = outcome_part_planned(outcome) > outcome->applied_count;
    bool pipeline = text_same(outcome->trigger_kind, "codepipeline");
    if (!pipeline || outcome->dry_run || outcome->error.kind == ERROR_PENDING) {
        return;
    }
    if (left || knows_nothing(outcome)) {
        buf_text(out, out->length ? " " : "");
        buf_text(out, "The pipeline has ended all the same: its code may be running without ");
        buf_text(out, left ? "what is not applied." : "the migrations that came with it.");
    }
}

static void stack_is_told(const struct outcome *outcome, struct buf *out)
{
    bool stack = text_same(outcome->trigger_kind, "cloudformation") &&
                 !text_same(outcome->request_type, "Delete");
    if (stack && !outcome->dry_run && outcome->error.kind != ERROR_REFUSED) {
        buf_text(out, out->length ? " " : "");
        buf_text(out, "CloudFormation is told FAILED and rolls the stack back, as far as it was "
                      "changed; migrations that were applied stay. Its next change tries again.");
    }
}

static void rolled_back(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_at_migration(outcome)) {
        outcome_part_migration(outcome, out);
        buf_text(out, *outcome->failure.file ? " was rolled back and" : "");
        buf_text(out, " left nothing behind; nothing after it was started.");
    } else if (outcome->applied_count) {
        buf_text(out, "What is listed as applied stays; nothing else was started.");
    } else {
        buf_text(out, "Nothing was applied.");
    }
}

static void unknown_state(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_at_migration(outcome)) {
        buf_text(out, "The server never confirmed ");
        outcome_part_migration(outcome, out);
        buf_text(out, ": it is applied as a whole or not at all. Nothing after it was started.");
    } else {
        buf_text(out, "The server never confirmed the last thing it was asked to do.");
    }
}

static void ill_state(const struct outcome *outcome, struct buf *out)
{
    switch (outcome->error.kind) {
    case ERROR_UNKNOWN:
    case ERROR_LOST:
        unknown_state(outcome, out);
        return;
    case ERROR_FAILED:
    case ERROR_BUSY:
    case ERROR_INTERRUPTED:
        rolled_back(outcome, out);
        return;
    case ERROR_UNREACHABLE:
    case ERROR_DENIED:
        buf_text(out, outcome->applied_count ? "What is listed as applied stays."
                                             : "Nothing was changed.");
        return;
    case ERROR_NONE:
    case ERROR_UNDELIVERED:
    case ERROR_INTERNAL:
        buf_text(out, "The ledger says what is applied; nothing was recorded by guess.");
        return;
    case ERROR_INVALID:
    case ERROR_REFUSED:
    case ERROR_CONFLICT:
    case ERROR_PENDING:
        return;
    }
}

void outcome_part_state(const struct outcome *outcome, struct buf *out)
{
    if (outcome->kind == OUTCOME_ERROR) {
        if (!outcome_part_left_state(outcome, out)) {
            ill_state(outcome, out);
        }
        code_is_out(outcome, out);
        stack_is_told(outcome, out);
    } else if (outcome->kind == OUTCOME_IGNORED) {
        buf_text(out, "The database was not contacted.");
    } else if (outcome->dry_run) {
        buf_text(out, "This was a dry run: nothing was changed.");
    }
}

static void failed_advice(const struct outcome *outcome, struct buf *out)
{
    if (!outcome_part_at_migration(outcome)) {
        buf_text(out, "Mend the cause and start the run again: it goes on where this one ended.");
        return;
    }
    buf_text(out, "If the SQL is wrong, correct the file and deploy again. If data, rights or the "
                  "server were the cause, mend that and start the same run again. Either way the "
                  "next run goes on with ");
    outcome_part_migration(outcome, out);
    buf_char(out, '.');
}

static void unknown_advice(const struct outcome *outcome, struct buf *out)
{
    buf_text(out, "Run \"postlude status\" as soon as the database answers: it says");
    if (outcome_part_at_migration(outcome) && !outcome_part_shared(outcome)) {
        buf_text(out, " whether ");
        outcome_part_migration(outcome, out);
        buf_text(out, " is applied");
    } else {
        buf_text(out, " what is applied");
    }
    buf_text(out, ". Then start the run again: it looks first and applies nothing twice.");
}

static void busy_advice(const struct outcome *outcome, struct buf *out)
{
    if (outcome->failure.blocker_count == 1) {
        buf_format(out,
                   "Let the session above come to an end, or end it with "
                   "\"select pg_terminate_backend(%d)\"; then start the run again.",
                   outcome->failure.blockers[0].pid);
    } else if (outcome->failure.blocker_count) {
        buf_text(out, "Let the sessions above come to an end, or end them with "
                      "\"select pg_terminate_backend(PID)\"; then start the run again.");
    } else if (outcome_part_at_migration(outcome)) {
        buf_text(out, strcmp(outcome->error.code, "at-work") == 0
                          ? "Start the run again when that has come to its end."
                          : "Start the run again when the table is less busy.");
    } else {
        buf_text(out, "Start the run again when the other one has ended; it applies what is then "
                      "left.");
    }
}

static void refused_advice(const struct outcome *outcome, struct buf *out)
{
    if (asked_in_vain(outcome)) {
        buf_text(out, "Mend what the message names; then another delivery, the schedule, or a run "
                      "by hand with --reason applies what is pending.");
    } else if (strcmp(outcome->error.code, "unconfirmed") == 0) {
        buf_text(out, "If migrations are due all the same, do as the hint says; otherwise nothing "
                      "is to be done.");
    } else if (text_same(outcome->trigger_kind, "cloudformation")) {
        buf_text(out, "Correct what hands the request to this task, then start the change of the "
                      "stack again.");
    } else {
        buf_text(out, "If it should have run, correct the rule or the plan's trigger section, and "
                      "start the run again; otherwise nothing is to be done.");
    }
}

static void ill_advice(const struct outcome *outcome, struct buf *out)
{
    switch (outcome->error.kind) {
    case ERROR_UNKNOWN:
    case ERROR_LOST:
        unknown_advice(outcome, out);
        return;
    case ERROR_FAILED:
        failed_advice(outcome, out);
        return;
    case ERROR_INVALID:
        buf_text(out, "Correct it and deploy again; \"postlude validate\" shows everything that is "
                      "wrong with plan and files, without a database.");
        return;
    case ERROR_REFUSED:
        refused_advice(outcome, out);
        return;
    case ERROR_UNREACHABLE:
        buf_text(out, strcmp(outcome->error.code, "pool") == 0
                          ? "Give the pool room for a second server connection, then start the run "
                            "again."
                          : "Start the run again when the database answers; \"postlude status\" "
                            "makes the same connection and changes nothing.");
        return;
    case ERROR_DENIED:
        buf_text(out, "Mend what the message names, then start the run again; \"postlude status\" "
                      "makes the same connection and changes nothing.");
        return;
    case ERROR_BUSY:
        busy_advice(outcome, out);
        return;
    case ERROR_CONFLICT:
        buf_text(out, "\"postlude status\" shows every difference between plan and ledger. Settle "
                      "it and start the run again; until then nothing more is applied.");
        return;
    case ERROR_INTERRUPTED:
        buf_text(out, *outcome->error.hint
                          ? "Start the run again, with the hint above in mind: it goes on where "
                            "this one ended."
                          : "Start the run again: it goes on where this one ended.");
        return;
    case ERROR_PENDING:
        buf_text(out, *outcome->error.hint ? outcome->error.hint
                                           : "Run \"postlude run\" to apply them.");
        return;
    case ERROR_NONE:
    case ERROR_UNDELIVERED:
    case ERROR_INTERNAL:
        buf_text(out, "Keep the log and report it as a bug, unless memory ran out. \"postlude "
                      "status\" shows where the database stands; the run can be started again.");
        return;
    }
}

void outcome_part_advice(const struct outcome *outcome, struct buf *out)
{
    if (outcome->kind == OUTCOME_ERROR) {
        if (!outcome_part_left_advice(outcome, out)) {
            ill_advice(outcome, out);
        }
    } else if (outcome->kind == OUTCOME_DUPLICATE && outcome->pending_count) {
        buf_text(out, "A second delivery applies nothing. What is pending comes with the next "
                      "deploy or scheduled run, or at once with \"postlude run --reason TEXT\".");
    } else if (outcome->dry_run && outcome->pending_count && outcome->kind != OUTCOME_IGNORED) {
        buf_text(out, "Run the same without --dry-run to apply them.");
    }
}
