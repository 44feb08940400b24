#include "cmd/status.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cmd/answer.h"
#include "engine/inspect.h"

enum { ID_ALIGNED_MAX = 48 };
#define DETAIL "           "

static size_t widest_id(const struct status *status)
{
    size_t widest = 0;
    for (size_t i = 0; i < status->decision->count; i++) {
        size_t length = strlen(status->plan->migrations[i].id);
        widest = length > widest && length <= ID_ALIGNED_MAX ? length : widest;
    }
    return widest;
}

static void show_row(struct buf *out, const char *state, const char *id, size_t width,
                     const char *more)
{
    AUTO(buf) struct buf shown = buf_make(2048);
    text_escape(&shown, id, strlen(id));
    if (text_empty(more)) {
        buf_format(out, "  %-8s %s\n", state, shown.data);
    } else {
        buf_format(out, "  %-8s %-*s  %s\n", state, (int)width, shown.data, more);
    }
}

/* Why the last try failed, as the ledger keeps it. */
static void show_failure(const struct ledger_row *row, size_t width, struct buf *out)
{
    AUTO(json) json_t *error = json_loads(row->error, 0, NULL);
    const char *message = json_text(error, "message");
    if (!message) {
        return;
    }
    const char *where = json_text(error, "where");
    const char *sqlstate = json_text(error, "sqlstate");
    AUTO(buf) struct buf line = buf_make(4096);
    buf_format(&line, "%s%s%s", where ? where : "", where ? ": " : "", message);
    buf_format(&line, "%s%s%s", sqlstate ? " (SQLSTATE " : "", sqlstate ? sqlstate : "",
               sqlstate ? ")" : "");
    answer_wrap(line.data, width, DETAIL, DETAIL "  ", out);
}

/* How many statements its file has; 0: not known. */
static size_t count_statements(const struct plan_migration *migration)
{
    struct inspect_file file;
    struct error ignored;
    if (migration->command || !inspect_read(migration, &file, &ignored)) {
        return 0;
    }
    size_t count = file.script->end - file.script->first;
    inspect_clear(&file);
    return count;
}

static bool is_at_work(const struct status *status, const struct ledger_row *row)
{
    return text_same(engine_ledger(status->engine)->holder.run_id, row->run_id);
}

/* Behind the id: when it was applied, how far it came, or what a command ended with. */
static void describe_row(const struct status *status, const struct plan_migration *migration,
                         const struct ledger_row *row, struct buf *out)
{
    buf_text(out, row->applied_at);
    if (row->state == LEDGER_APPLIED || row->state == LEDGER_SKIPPED) {
        return;
    }
    size_t total =
        row->statements_done > 0 || row->attempting >= 0 ? count_statements(migration) : 0;
    if (total && (row->statements_done > 0 || total > 1)) {
        buf_format(out, "%" PRId64 " of %zu statements done", row->statements_done, total);
    }
    if (row->state == LEDGER_STARTED && row->attempting >= 0) {
        buf_text(out, out->length ? ", " : "");
        buf_text(out, is_at_work(status, row) ? "at work" : "cut off");
    } else if (migration->command && row->has_exit) {
        buf_format(out, "exit status %d", row->exit_status);
    }
}

/* A statement or command in flight that nobody saw the end of. */
static void show_way_out(const struct plan_migration *migration, const struct ledger_row *row,
                         size_t width, struct buf *out)
{
    bool asks = migration->verify || !migration->command;
    AUTO(buf) struct buf line = buf_make(1024);
    buf_format(&line, "Run %s ended while it was in flight. ", row->run_id);
    buf_text(&line, asks ? "The next run finds out what became of it; where it cannot:"
                         : "Nobody but a person can tell what became of it:");
    answer_wrap(line.data, width, DETAIL, DETAIL, out);
    buf_truncate(&line, 0);
    buf_format(&line, "postlude resolve %s --applied|--retry|--skip --reason TEXT", migration->id);
    answer_wrap(line.data, width, DETAIL "  ", DETAIL "    ", out);
}

static void show_migration(const struct status *status, size_t i, size_t id_width, size_t width,
                           struct buf *out)
{
    const struct plan_migration *migration = &status->plan->migrations[i];
    const struct ledger_row *row = ledger_find(engine_ledger(status->engine), migration->id);
    enum decide_state state = status->decision->states[i];
    AUTO(buf) struct buf more = buf_make(256);
    if (row) {
        describe_row(status, migration, row, &more);
    }
    show_row(out, decide_shown(state, row), migration->id, id_width, more.data);
    if (row && row->state == LEDGER_FAILED && row->error) {
        show_failure(row, width, out);
    }
    if (row && state == DECIDE_UNKNOWN && !is_at_work(status, row)) {
        show_way_out(migration, row, width, out);
    }
}

static void show_totals(const struct status *status, struct buf *out)
{
    const struct decision *decision = status->decision;
    size_t counts[DECIDE_EVERY + 1] = {0};
    for (size_t i = 0; i < decision->count; i++) {
        counts[decision->states[i]]++;
    }
    counts[DECIDE_UNKNOWN] += decision->stranger_count;
    buf_format(out, "\n%zu applied, %zu pending, %zu changed, %zu failed, %zu unknown\n",
               counts[DECIDE_APPLIED], counts[DECIDE_PENDING], counts[DECIDE_CHANGED],
               counts[DECIDE_FAILED], counts[DECIDE_UNKNOWN]);
}

/* Who is at work now, and what a run would be told. */
static void show_prospect(const struct status *status, size_t width, struct buf *out)
{
    const struct ledger *ledger = engine_ledger(status->engine);
    AUTO(buf) struct buf line = buf_make(4096);
    if (ledger->holder.run_id[0]) {
        buf_format(&line,
                   "Run %s is at work since %s; its sessions have application_name "
                   "postlude/%s/...",
                   ledger->holder.run_id, ledger->holder.since, ledger->holder.run_id);
        answer_wrap(line.data, width, "", "  ", out);
    }
    if (status->refusal.kind != ERROR_NONE) {
        buf_truncate(&line, 0);
        buf_format(&line, "A run would end \"%s\": %s", error_name(status->refusal.kind),
                   status->refusal.message);
        answer_wrap(line.data, width, "", "  ", out);
        answer_wrap(status->refusal.hint, width, "  hint: ", "        ", out);
    }
}

void status_text(const struct status *status, size_t width, struct buf *out)
{
    const struct outcome *outcome = status->outcome;
    size_t id_width = widest_id(status);
    buf_format(out, "%s in database %s at %s:%d\n\n", status->plan->name, outcome->database,
               outcome->host, outcome->port);
    for (size_t i = 0; i < status->decision->count; i++) {
        show_migration(status, i, id_width, width, out);
    }
    for (size_t i = 0; i < status->decision->stranger_count; i++) {
        show_row(out, "unknown", status->decision->strangers[i]->id, id_width, "not in this plan");
    }
    show_totals(status, out);
    show_prospect(status, width, out);
}
