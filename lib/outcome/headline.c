#include <string.h>

#include "base/text.h"
#include "outcome/parts.h"

static void after(const struct outcome *outcome, const char *lead, struct buf *out)
{
    if (outcome_part_shared(outcome)) {
        buf_text(out, ", ");
        outcome_part_together(outcome, "all", out);
    } else if (outcome_part_planned(outcome)) {
        buf_format(out, "%s after %zu of ", lead, outcome->applied_count);
        outcome_part_migrations(outcome_part_planned(outcome), out);
    }
}

static void so_far(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_was_running(outcome)) {
        buf_text(out, " at ");
        outcome_part_spot(outcome, out);
        outcome_part_exit_status(outcome, out);
    }
    after(outcome, "", out);
}

static void untouched(const struct outcome *outcome, struct buf *out)
{
    if (!outcome->host) {
        buf_text(out, ", the database was not contacted");
    } else if (outcome->applied_count == 0) {
        buf_text(out, ", nothing was changed");
    } else {
        so_far(outcome, out);
    }
}

static void unknown_headline(const struct outcome *outcome, struct buf *out)
{
    if (!outcome_part_at_migration(outcome)) {
        buf_text(out, "UNKNOWN what this run came to");
        return;
    }
    buf_text(out, "UNKNOWN whether ");
    outcome_part_doubt(outcome, out);
    if (!outcome_part_shared(outcome)) {
        after(outcome, ",", out);
    }
}

/* Deadlocks and serialization failures are retried like lock time-outs, and are none. */
static void busy_headline(const struct outcome *outcome, struct buf *out)
{
    if (!outcome_part_at_migration(outcome)) {
        buf_text(out, "BUSY, another run held the plan");
        so_far(outcome, out);
        return;
    }
    const char *code = outcome->error.code;
    bool locked = !*code || strcmp(code, "55P03") == 0;
    buf_text(out, "BUSY");
    so_far(outcome, out);
    if (strcmp(code, "at-work") == 0) {
        buf_text(out, ": the server is still at work on what was begun before");
        return;
    }
    buf_text(out, locked ? ": a table stayed locked through every retry"
                         : ": others were in the way through every retry");
}

static void conflict_headline(const struct outcome *outcome, struct buf *out)
{
    if (outcome_part_unsettled(outcome)) {
        buf_text(out, "CONFLICT, an earlier run left ");
        outcome_part_migration(outcome, out);
        buf_text(out, " unsettled");
    } else {
        buf_text(out, "CONFLICT between plan and history");
    }
    untouched(outcome, out);
}

static void ill_headline(const struct outcome *outcome, struct buf *out)
{
    switch (outcome->error.kind) {
    case ERROR_UNKNOWN:
    case ERROR_LOST:
        unknown_headline(outcome, out);
        return;
    case ERROR_INVALID:
        buf_text(out, "INVALID");
        untouched(outcome, out);
        return;
    case ERROR_REFUSED:
        buf_text(out, "REFUSED");
        untouched(outcome, out);
        return;
    case ERROR_UNREACHABLE:
        buf_text(out, strcmp(outcome->error.code, "pool") == 0
                          ? "UNREACHABLE, no second server connection was to be had"
                          : "UNREACHABLE, the database did not answer");
        return;
    case ERROR_DENIED:
        buf_text(out, "UNREACHABLE, no login to the database was possible");
        return;
    case ERROR_BUSY:
        busy_headline(outcome, out);
        return;
    case ERROR_CONFLICT:
        conflict_headline(outcome, out);
        return;
    case ERROR_INTERRUPTED:
        buf_text(out, "INTERRUPTED");
        so_far(outcome, out);
        return;
    case ERROR_PENDING:
        buf_text(out, "PENDING, ");
        outcome_part_migrations(outcome->pending_count, out);
        buf_text(out, " not applied");
        return;
    case ERROR_FAILED:
        buf_text(out, "FAILED");
        so_far(outcome, out);
        return;
    case ERROR_NONE:
    case ERROR_UNDELIVERED:
    case ERROR_INTERNAL:
        buf_text(out, "INTERNAL ERROR");
        so_far(outcome, out);
        return;
    }
}

void outcome_part_headline(const struct outcome *outcome, struct buf *out)
{
    if (outcome->kind != OUTCOME_ERROR) {
        outcome_summary(outcome, out);
        return;
    }
    outcome_part_plan(outcome, out);
    buf_text(out, outcome->dry_run ? ": dry run, " : ": ");
    ill_headline(outcome, out);
}
