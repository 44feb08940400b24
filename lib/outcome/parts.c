#include "outcome/parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

/* Cuts ":number" off the end of where; 0 when there is none. */
static unsigned cut_number(char *where)
{
    char *colon = strrchr(where, ':');
    int64_t value = 0;
    if (!colon || colon == where || !text_integer(colon + 1, 1, 1 << 30, &value)) {
        return 0;
    }
    *colon = '\0';
    return (unsigned)value;
}

static bool where_is_file(enum error_kind kind)
{
    return kind == ERROR_INVALID || kind == ERROR_FAILED || kind == ERROR_CONFLICT;
}

void outcome_part_place(const struct outcome *outcome, struct part_place *out_place)
{
    const struct outcome_failure *failure = &outcome->failure;
    *out_place = (struct part_place){.line = failure->line, .column = failure->column};
    text_copy(out_place->file, sizeof out_place->file, failure->file);
    if (*failure->file || !where_is_file(outcome->error.kind)) {
        return;
    }
    text_copy(out_place->file, sizeof out_place->file, outcome->error.where);
    unsigned last = cut_number(out_place->file);
    unsigned before = last ? cut_number(out_place->file) : 0;
    out_place->line = before ? before : last;
    out_place->column = before ? last : 0;
}

bool outcome_part_at_migration(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_ERROR && *outcome->failure.migration;
}

bool outcome_part_was_running(const struct outcome *outcome)
{
    switch (outcome->error.kind) {
    case ERROR_FAILED:
    case ERROR_UNKNOWN:
    case ERROR_LOST:
    case ERROR_BUSY:
    case ERROR_INTERRUPTED:
    case ERROR_INTERNAL:
        return outcome_part_at_migration(outcome);
    case ERROR_NONE:
    case ERROR_INVALID:
    case ERROR_REFUSED:
    case ERROR_UNREACHABLE:
    case ERROR_DENIED:
    case ERROR_CONFLICT:
    case ERROR_UNDELIVERED:
    case ERROR_PENDING:
        return false;
    }
    return false;
}

bool outcome_part_open(const struct outcome *outcome)
{
    return outcome->error.kind == ERROR_UNKNOWN || outcome->error.kind == ERROR_LOST ||
           outcome_part_unsettled(outcome);
}

static bool failed_is_pending(const struct outcome *outcome)
{
    for (size_t i = 0; outcome_part_was_running(outcome) && i < outcome->pending_count; i++) {
        if (strcmp(outcome->pending[i], outcome->failure.migration) == 0) {
            return true;
        }
    }
    return false;
}

size_t outcome_part_not_started(const struct outcome *outcome)
{
    return outcome->pending_count - (failed_is_pending(outcome) ? 1 : 0);
}

size_t outcome_part_planned(const struct outcome *outcome)
{
    return outcome->applied_count + outcome->pending_count;
}

const char *outcome_part_sqlstate(const struct outcome *outcome)
{
    const char *code = outcome->error.code;
    size_t length = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return length == 5 && !code[length] ? code : NULL;
}

const char *outcome_part_name(const struct outcome *outcome)
{
    const char *code = outcome->error.code;
    bool name = *code >= 'A' && *code <= 'Z' && strpbrk(code, "abcdefghijklmnopqrstuvwxyz");
    return name ? code : NULL;
}

static const char not_shown[] = "(not shown: it holds the word PASSWORD)";

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

const char *outcome_part_shown(const char *statement)
{
    static const char word[] = "password";
    const char *found = statement;
    while ((found = strcasestr(found, word))) {
        const char *behind = found + sizeof word - 1;
        if ((found == statement || !letter(found[-1])) && !letter(*behind)) {
            return text_ends(statement, not_shown) ? statement : not_shown;
        }
        found = behind;
    }
    return statement;
}

void outcome_part_plan(const struct outcome *outcome, struct buf *out)
{
    text_escape_cut(out, outcome->plan ? outcome->plan : "postlude", PART_ID_MAX);
}

void outcome_part_migrations(size_t count, struct buf *out)
{
    buf_format(out, "%zu migration%s", count, count == 1 ? "" : "s");
}

void outcome_part_duplicate(const struct outcome *outcome, struct buf *out)
{
    buf_text(out, "duplicate delivery");
    if (outcome->execution_id) {
        buf_text(out, " of execution ");
        text_escape(out, outcome->execution_id, strnlen(outcome->execution_id, 8));
    } else if (outcome->scheduled_time) {
        buf_text(out, " of the schedule's ");
        text_escape_cut(out, outcome->scheduled_time, 40);
    }
}

static void add_part(struct buf *out, const char *lead, const char *value)
{
    if (!text_empty(value)) {
        buf_text(out, lead);
        text_escape_cut(out, value, PART_NAME_MAX);
    }
}

static void execution(const struct outcome *outcome, struct buf *out)
{
    if (!text_empty(outcome->stage)) {
        add_part(out, "stage ", outcome->stage);
        add_part(out, " of pipeline ", outcome->pipeline);
    } else {
        add_part(out, "pipeline ", outcome->pipeline);
    }
    add_part(out, ", execution ", outcome->execution_id);
    if (outcome->attempt > 0 && outcome->execution_id) {
        buf_format(out, ", attempt %" PRId64, outcome->attempt);
    }
    add_part(out, ", revision ", outcome->source_revision);
}

void outcome_part_trigger(const struct outcome *outcome, struct buf *out)
{
    size_t before = out->length;
    const char *kind = outcome->trigger_kind ? outcome->trigger_kind : "";
    if (strcmp(kind, "manual") == 0) {
        text_escape_cut(out, outcome->by ? outcome->by : "somebody", PART_NAME_MAX);
        buf_text(out, ", by hand");
        add_part(out, ": ", outcome->reason);
        return;
    }
    if (outcome->pipeline) {
        execution(outcome, out);
    } else if (outcome->schedule || outcome->scheduled_time) {
        add_part(out, "schedule ", outcome->schedule ? outcome->schedule : "without a name");
        add_part(out, ", due ", outcome->scheduled_time);
    } else if (outcome->stack || outcome->logical_id) {
        add_part(out, "CloudFormation ", outcome->request_type);
        add_part(out, outcome->request_type ? " of " : "CloudFormation request for ",
                 outcome->logical_id);
        add_part(out, " in stack ", outcome->stack);
    } else if (strcmp(kind, "other") == 0) {
        buf_text(out, "an event of another kind");
    } else {
        text_escape_cut(out, kind, PART_ID_MAX);
    }
    if (out->length > before) {
        add_part(out, ", by ", outcome->by);
        add_part(out, ": ", outcome->reason);
    }
}
