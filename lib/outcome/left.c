#include <signal.h>
#include <string.h>

#include "base/text.h"
#include "outcome/parts.h"

/* A shell's way to say which signal ended a program. */
enum { SIGNALLED = 128, SIGNAL_MAX = 64 };

static enum outcome_left left_of(const struct outcome *outcome)
{
    return outcome_part_at_migration(outcome) ? outcome->failure.left : OUTCOME_LEFT_NOTHING;
}

/* That it was rolled back is known of these only: a COMMIT that was not confirmed leaves it open,
 * and a bug proves nothing. */
static bool rolled_back_by(enum error_kind kind)
{
    return kind == ERROR_FAILED || kind == ERROR_BUSY || kind == ERROR_INTERRUPTED;
}

const char *outcome_part_left(const struct outcome *outcome)
{
    bool open = outcome->error.kind == ERROR_UNKNOWN || outcome->error.kind == ERROR_LOST;
    bool at = outcome_part_at_migration(outcome);
    switch (left_of(outcome)) {
    case OUTCOME_LEFT_NOTHING:
        return at && rolled_back_by(outcome->error.kind) ? "nothing" : NULL;
    case OUTCOME_LEFT_STATEMENTS:
        return "statements";
    case OUTCOME_LEFT_UNKNOWN:
        return "unknown";
    case OUTCOME_LEFT_COMMAND:
        return "command";
    case OUTCOME_LEFT_ALL:
        return open ? NULL : "all";
    }
    return NULL;
}

bool outcome_part_unsettled(const struct outcome *outcome)
{
    return left_of(outcome) == OUTCOME_LEFT_UNKNOWN;
}

bool outcome_part_shared(const struct outcome *outcome)
{
    return left_of(outcome) == OUTCOME_LEFT_ALL;
}

bool outcome_part_counted(const struct outcome *outcome)
{
    const struct outcome_failure *failure = &outcome->failure;
    enum outcome_left left = left_of(outcome);
    return (left == OUTCOME_LEFT_STATEMENTS || left == OUTCOME_LEFT_UNKNOWN) &&
           failure->statements_total > 0 && failure->statements_done >= 0 &&
           failure->statements_done <= failure->statements_total;
}

bool outcome_part_in_flight(const struct outcome *outcome)
{
    return outcome_part_counted(outcome) && outcome->failure.statements_total > 1 &&
           outcome->failure.statements_done < outcome->failure.statements_total;
}

void outcome_part_migration(const struct outcome *outcome, struct buf *out)
{
    text_escape_cut(out, outcome->failure.migration, PART_ID_MAX);
}

void outcome_part_spot(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_in_flight(outcome)) {
        buf_format(out, "statement %d of %d of ", outcome->failure.statements_done + 1,
                   outcome->failure.statements_total);
    }
    outcome_part_migration(outcome, out);
}

void outcome_part_doubt(const struct outcome *outcome, struct buf *out)
{
    size_t open = outcome_part_planned(outcome) - outcome->applied_count;
    if (outcome_part_unsettled(outcome)) {
        outcome_part_spot(outcome, out);
        buf_text(out, " took effect");
    } else if (outcome_part_shared(outcome) && open > 1) {
        buf_format(out, "the %zu migrations of this run were applied", open);
    } else {
        outcome_part_migration(outcome, out);
        buf_text(out, " was applied");
    }
}

static void signal_name(int number, struct buf *out)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},
                 {SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
                 {SIGFPE, "SIGFPE"},   {SIGKILL, "SIGKILL"}, {SIGSEGV, "SIGSEGV"},
                 {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].number == number) {
            buf_text(out, names[i].name);
            return;
        }
    }
    buf_format(out, "signal %d", number);
}

void outcome_part_exit_status(const struct outcome *outcome, struct buf *out)
{
    if (outcome->failure.has_exit_status && outcome_part_at_migration(outcome)) {
        buf_format(out, " (exit status %d)", outcome->failure.exit_status);
    }
}

void outcome_part_together(const struct outcome *outcome, const char *all, struct buf *out)
{
    size_t count = outcome_part_planned(outcome) - outcome->applied_count;
    if (count > 1) {
        buf_format(out, "%s %zu migrations were rolled back together", all, count);
    } else {
        outcome_part_migration(outcome, out);
        buf_text(out, " was rolled back");
    }
}

void outcome_part_statements(const char *word, int first, int last, struct buf *out)
{
    if (first == last) {
        buf_format(out, "%s %d", word, first);
    } else {
        buf_format(out, "%ss %d %s %d", word, first, first + 1 == last ? "and" : "to", last);
    }
}

static void statements_state(const struct outcome *outcome, struct buf *out)
{
    int done = outcome->failure.statements_done;
    int total = outcome->failure.statements_total;
    if (!outcome_part_counted(outcome)) {
        buf_text(out, "What is done of ");
        outcome_part_migration(outcome, out);
        buf_text(out, " stays; the next run goes on with the statement after it.");
        return;
    }
    if (done == 0) {
        buf_text(out, "No statement of ");
    } else if (done == total) {
        buf_text(out, "Every statement of ");
    } else {
        outcome_part_statements("Statement", 1, done, out);
        buf_format(out, " of %d of ", total);
    }
    outcome_part_migration(outcome, out);
    if (done == 0) {
        buf_text(out, " is done; the next run starts with the first.");
    } else if (done == total) {
        buf_text(out, " is done and stays; what is left is to verify and to record it.");
    } else {
        buf_format(out, "%s; the next run goes on with statement %d.",
                   done == 1 ? " is done and stays" : " are done and stay", done + 1);
    }
}

static void unsettled_state(const struct outcome *outcome, struct buf *out)
{
    int done = outcome->failure.statements_done;
    buf_text(out, "Nobody can say whether ");
    outcome_part_spot(outcome, out);
    buf_text(out, " took effect");
    if (!outcome_part_counted(outcome)) {
        buf_text(out, ", or how much of it did");
    } else if (done > 0) {
        buf_text(out, "; ");
        outcome_part_statements("statement", 1, done, out);
        buf_text(out, done == 1 ? " is done and stays" : " are done and stay");
    }
    buf_text(out, ". This plan does not go on before that is settled.");
}

static void command_state(const struct outcome *outcome, struct buf *out)
{
    outcome_part_migration(outcome, out);
    if (outcome->failure.has_exit_status) {
        int status = outcome->failure.exit_status;
        buf_format(out, " did not end well: its exit status was %d", status);
        if (status > SIGNALLED && status <= SIGNALLED + SIGNAL_MAX) {
            buf_text(out, " (ended by ");
            signal_name(status - SIGNALLED, out);
            buf_char(out, ')');
        }
    } else {
        buf_text(out, " did not come to its end");
    }
    buf_text(out, "; what it changed before stays.");
}

static void shared_state(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_open(outcome)) {
        buf_text(out, "The server never confirmed the one transaction of ");
        outcome_part_migrations(outcome_part_planned(outcome) - outcome->applied_count, out);
        buf_text(out, " (run.transaction: all): it is applied as a whole or not at all.");
        return;
    }
    outcome_part_together(outcome, "All", out);
    buf_text(out, " (run.transaction: all) and left nothing behind.");
}

bool outcome_part_left_state(const struct outcome *outcome, struct buf *out)
{
    switch (left_of(outcome)) {
    case OUTCOME_LEFT_NOTHING:
        return false;
    case OUTCOME_LEFT_STATEMENTS:
        statements_state(outcome, out);
        break;
    case OUTCOME_LEFT_UNKNOWN:
        unsettled_state(outcome, out);
        return true;
    case OUTCOME_LEFT_COMMAND:
        command_state(outcome, out);
        break;
    case OUTCOME_LEFT_ALL:
        shared_state(outcome, out);
        return true;
    }
    buf_text(out, " No later migration was started.");
    return true;
}
