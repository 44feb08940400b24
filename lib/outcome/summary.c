#include <string.h>

#include "base/text.h"
#include "outcome/parts.h"

static void duration(const struct outcome *outcome, struct buf *out)
{
    if (outcome->started_ms && outcome->finished_ms >= outcome->started_ms) {
        buf_text(out, " in ");
        text_show_duration(out, outcome->finished_ms - outcome->started_ms);
    }
}

static void still_pending(const struct outcome *outcome, const char *where, struct buf *out)
{
    if (outcome->pending_count) {
        buf_format(out, ", %zu still pending%s", outcome->pending_count, where);
    }
}

static void not_in_plan(const struct outcome *outcome, struct buf *out)
{
    if (outcome->unknown_count) {
        buf_format(out, ", %zu in the database that this plan does not have",
                   outcome->unknown_count);
    }
}

static void each_run(const struct outcome *outcome, struct buf *out)
{
    if (outcome->every_count) {
        buf_format(out, ", %zu step%s ran as in each run", outcome->every_count,
                   outcome->every_count == 1 ? "" : "s");
    }
}

static void well(const struct outcome *outcome, struct buf *out)
{
    if (outcome->kind == OUTCOME_APPLIED) {
        outcome_part_migrations(outcome->applied_count, out);
        buf_text(out, " applied");
        duration(outcome, out);
        each_run(outcome, out);
        still_pending(outcome, "", out);
    } else if (outcome->kind == OUTCOME_NOTHING) {
        buf_format(out, "nothing to %s, %zu already applied", outcome->every_count ? "apply" : "do",
                   outcome->already_applied);
        each_run(outcome, out);
        still_pending(outcome, "", out);
    } else if (outcome->kind == OUTCOME_DUPLICATE) {
        outcome_part_duplicate(outcome, out);
        buf_text(out, ", nothing changed");
        still_pending(outcome, " in this image", out);
    } else {
        buf_text(out, "ignored, nothing changed");
        if (outcome->note) {
            buf_text(out, ": ");
            text_escape_cut(out, outcome->note, PART_NAME_MAX);
        }
    }
    not_in_plan(outcome, out);
}

static void dry(const struct outcome *outcome, struct buf *out)
{
    buf_text(out, "dry run, ");
    if (outcome->kind == OUTCOME_DUPLICATE || outcome->kind == OUTCOME_IGNORED ||
        outcome->pending_count == 0) {
        well(outcome, out);
    } else {
        outcome_part_migrations(outcome->pending_count, out);
        buf_text(out, " would be applied");
        not_in_plan(outcome, out);
    }
}

static void around(const struct outcome *outcome, struct buf *out)
{
    buf_format(out, ", %zu applied before it, %zu not started", outcome->applied_count,
               outcome_part_not_started(outcome));
}

/* A subject is short, and holds little more than an ARN: what the matter is comes first, and of the
 * plan's path only the end. */
static void message(const struct outcome *outcome, struct buf *out)
{
    const char *name = outcome_part_name(outcome);
    const char *where = outcome->error.where;
    if (name) {
        text_escape_cut(out, name, PART_ID_MAX);
        buf_text(out, ": ");
    }
    if (*where && !strstr(outcome->error.message, where)) {
        const char *slash = strrchr(where, '/');
        text_escape_cut(out, slash ? slash + 1 : where, PART_ID_MAX);
        buf_text(out, ": ");
    }
    text_escape_cut(out, outcome->error.message, PART_NAME_MAX);
}

static void at_migration(const struct outcome *outcome, struct buf *out)
{
    enum error_kind kind = outcome->error.kind;
    if (kind == ERROR_UNKNOWN || kind == ERROR_LOST) {
        buf_text(out, "unknown whether ");
        outcome_part_doubt(outcome, out);
    } else {
        buf_format(out, "%s at ", kind == ERROR_INTERNAL ? "internal error" : error_name(kind));
        outcome_part_spot(outcome, out);
        outcome_part_exit_status(outcome, out);
    }
    if (!outcome_part_shared(outcome)) {
        around(outcome, out);
    } else if (!outcome_part_open(outcome)) {
        buf_text(out, ", ");
        outcome_part_together(outcome, "all", out);
    }
}

static void ill(const struct outcome *outcome, struct buf *out)
{
    enum error_kind kind = outcome->error.kind;
    if (kind == ERROR_PENDING) {
        outcome_part_migrations(outcome->pending_count, out);
        buf_text(out, " pending");
    } else if (kind == ERROR_INTERRUPTED && outcome_part_planned(outcome)) {
        buf_format(out, "interrupted, %zu applied, %zu not applied", outcome->applied_count,
                   outcome_part_planned(outcome) - outcome->applied_count);
    } else if (outcome_part_was_running(outcome)) {
        at_migration(outcome, out);
    } else {
        buf_format(out, "%s: ", kind == ERROR_INTERNAL ? "internal error" : error_name(kind));
        message(outcome, out);
        if (outcome->applied_count) {
            buf_format(out, ", %zu applied before it", outcome->applied_count);
        }
    }
}

void outcome_part_story(const struct outcome *outcome, struct buf *out)
{
    if (outcome->kind == OUTCOME_ERROR) {
        buf_text(out, outcome->dry_run ? "dry run, " : "");
        ill(outcome, out);
    } else if (outcome->dry_run) {
        dry(outcome, out);
    } else {
        well(outcome, out);
    }
}

void outcome_summary(const struct outcome *outcome, struct buf *out)
{
    outcome_part_plan(outcome, out);
    buf_text(out, ": ");
    outcome_part_story(outcome, out);
}
