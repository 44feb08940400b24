#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "outcome/page.h"
#include "outcome/parts.h"

enum { LIST_MAX = 20, SENTENCES_MAX = 64 * 1024 };

struct sheet {
    const struct outcome *outcome;
    enum outcome_detail detail;
    size_t width;
    struct buf *out;
};

static void paragraph(const struct sheet *sheet, const char *lead, size_t indent, const char *text)
{
    outcome_page_wrap(sheet->out, sheet->width, indent, lead, text);
}

/* "lead text" with text escaped; nothing when it is empty. */
static void quoted(const struct sheet *sheet, const char *lead, size_t indent, const char *text)
{
    if (!text_empty(text)) {
        AUTO(buf) struct buf shown = buf_make(SENTENCES_MAX);
        text_escape(&shown, text, strlen(text));
        paragraph(sheet, lead, indent, shown.data);
    }
}

static void add_place(const struct outcome *outcome, struct buf *out)
{
    struct part_place place;
    outcome_part_place(outcome, &place);
    if (!*place.file) {
        text_copy(place.file, sizeof place.file, outcome->error.where);
    }
    if (!*place.file || strstr(outcome->error.message, place.file)) {
        return;
    }
    text_escape(out, place.file, strlen(place.file));
    if (place.line) {
        buf_format(out, ":%u", place.line);
    }
    if (place.line && place.column) {
        buf_format(out, ":%u", place.column);
    }
    buf_text(out, ": ");
}

static void message(const struct sheet *sheet)
{
    const struct outcome *outcome = sheet->outcome;
    AUTO(buf) struct buf shown = buf_make(SENTENCES_MAX);
    add_place(outcome, &shown);
    text_escape(&shown, outcome->error.message, strlen(outcome->error.message));
    if (outcome_part_sqlstate(outcome)) {
        buf_text(&shown, "  (SQLSTATE ");
        text_escape(&shown, outcome->error.code, strlen(outcome->error.code));
        buf_char(&shown, ')');
    }
    paragraph(sheet, "  ", 4, shown.data);
}

static void blocker(const struct sheet *sheet, const struct outcome_blocker *blocker)
{
    AUTO(buf) struct buf shown = buf_make(4096);
    buf_format(&shown, "pid %d, user ", blocker->pid);
    text_escape(&shown, blocker->user, strlen(blocker->user));
    if (*blocker->application) {
        buf_text(&shown, ", application ");
        text_escape(&shown, blocker->application, strlen(blocker->application));
    }
    if (blocker->age_ms >= 0) {
        buf_text(&shown, ", for ");
        text_show_duration(&shown, blocker->age_ms);
    }
    const char *query = outcome_part_shown(blocker->query);
    if (sheet->detail == OUTCOME_WHOLE && *query) {
        buf_text(&shown, ": ");
        text_escape(&shown, query, strlen(query));
    }
    paragraph(sheet, "  in the way: ", 6, shown.data);
}

static void error_block(const struct sheet *sheet)
{
    const struct outcome_failure *failure = &sheet->outcome->failure;
    buf_char(sheet->out, '\n');
    message(sheet);
    if (sheet->detail == OUTCOME_WHOLE) {
        quoted(sheet, "      ", 6, outcome_part_shown(failure->statement));
        quoted(sheet, "  detail: ", 10, failure->detail);
    }
    quoted(sheet, "  hint: ", 8, sheet->outcome->error.hint);
    for (size_t i = 0; i < failure->blocker_count && i < OUTCOME_BLOCKERS_MAX; i++) {
        blocker(sheet, &failure->blockers[i]);
    }
}

static const char *pending_label(const struct outcome *outcome)
{
    if (outcome->kind == OUTCOME_ERROR) {
        bool shared = outcome_part_shared(outcome);
        return !outcome_part_open(outcome) ? "Not applied" : shared ? "Unknown" : "Not started";
    }
    if (outcome->kind == OUTCOME_DUPLICATE) {
        return "Pending in this image";
    }
    return outcome->dry_run ? "Would be applied" : "Still pending";
}

/* Up to LIST_MAX ids, without `except` (may be NULL), and how many more there are. */
static void ids(char *const *items, size_t count, const char *except, struct buf *out)
{
    size_t shown = 0;
    size_t left_out = 0;
    for (size_t i = 0; i < count; i++) {
        if (except && text_same(items[i], except)) {
            continue;
        }
        if (shown == LIST_MAX) {
            left_out++;
            continue;
        }
        buf_text(out, shown++ ? ", " : "");
        text_escape_cut(out, items[i], PART_ID_MAX);
    }
    if (left_out) {
        buf_format(out, " and %zu more", left_out);
    }
}

static size_t longest_id(const struct outcome_step *steps, size_t count)
{
    size_t longest = 0;
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        size_t length = strnlen(steps[i].id, 40);
        longest = length > longest ? length : longest;
    }
    return longest > 30 ? 0 : longest;
}

static void steps_row(const char *label, const struct outcome_step *steps, size_t count,
                      struct page_rows *rows)
{
    if (count == 0) {
        return;
    }
    struct buf *out = outcome_page_row(rows, label);
    size_t longest = longest_id(steps, count);
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        size_t before = out->length;
        text_escape_cut(out, steps[i].id, PART_ID_MAX);
        do {
            buf_char(out, ' ');
        } while (out->length - before < longest + 2 && !out->full);
        text_show_duration(out, steps[i].duration_ms);
        buf_text(out, i + 1 < count ? "\n" : "");
    }
    if (count > LIST_MAX) {
        buf_format(out, "and %zu more", count - LIST_MAX);
    }
}

/* The migration that nobody can say of whether it is done; NULL where there is none, or where the
 * others share its lot. */
static const char *open_one(const struct outcome *outcome)
{
    bool one = outcome_part_at_migration(outcome) && outcome_part_open(outcome) &&
               !outcome_part_shared(outcome);
    return one ? outcome->failure.migration : NULL;
}

static bool has_others(const struct outcome *outcome, const char *except)
{
    for (size_t i = 0; i < outcome->pending_count; i++) {
        if (!except || !text_same(outcome->pending[i], except)) {
            return true;
        }
    }
    return false;
}

static void open_rows(const struct outcome *outcome, struct page_rows *rows)
{
    const char *except = open_one(outcome);
    if (except) {
        text_escape_cut(outcome_page_row(rows, "Unknown"), except, PART_ID_MAX);
    }
    if (has_others(outcome, except)) {
        ids(outcome->pending, outcome->pending_count, except,
            outcome_page_row(rows, pending_label(outcome)));
    }
    bool said = outcome->kind == OUTCOME_NOTHING && !(outcome->dry_run && outcome->pending_count);
    if (outcome->already_applied && !said) {
        buf_format(outcome_page_row(rows, "Applied before"), "%zu", outcome->already_applied);
    }
    if (outcome->unknown_count) {
        ids(outcome->unknown, outcome->unknown_count, NULL,
            outcome_page_row(rows, "In the database, not in this plan"));
    }
}

static void write_rows(const struct sheet *sheet, const struct page_rows *rows)
{
    if (rows->count) {
        buf_char(sheet->out, '\n');
        outcome_page_write_rows(rows, sheet->width, sheet->out);
    }
}

static void progress_block(const struct sheet *sheet)
{
    AUTO(page_rows) struct page_rows rows = {0};
    const struct outcome *outcome = sheet->outcome;
    bool ill = outcome->kind == OUTCOME_ERROR;
    steps_row(ill ? "Applied in this run (they stay)" : "Applied", outcome->applied,
              outcome->applied_count, &rows);
    steps_row("Ran, as in each run", outcome->every, outcome->every_count, &rows);
    open_rows(outcome, &rows);
    write_rows(sheet, &rows);
}

static void database_row(const struct outcome *outcome, struct page_rows *rows)
{
    if (!outcome->host) {
        return;
    }
    struct buf *out = outcome_page_row(rows, "Database");
    text_escape_cut(out, outcome->database ? outcome->database : "(no name)", PART_ID_MAX);
    buf_text(out, " on ");
    text_escape_cut(out, outcome->host, PART_NAME_MAX);
    if (outcome->port) {
        buf_format(out, ":%d", outcome->port);
    }
    if (outcome->user) {
        buf_text(out, " as ");
        text_escape_cut(out, outcome->user, PART_ID_MAX);
    }
    if (outcome->known_server) {
        buf_text(out, ", PostgreSQL ");
        text_escape_cut(out, outcome->server_version, PART_ID_MAX);
        buf_text(out, outcome->pooled ? " through a pooler" : ", direct");
    }
}

static void text_row(struct page_rows *rows, const char *label, const char *text)
{
    if (!text_empty(text)) {
        text_escape_cut(outcome_page_row(rows, label), text, PART_LINE_MAX);
    }
}

static void run_row(const struct outcome *outcome, struct page_rows *rows)
{
    if (!*outcome->run_id) {
        return;
    }
    struct buf *out = outcome_page_row(rows, "Run");
    text_escape_cut(out, outcome->run_id, PART_ID_MAX);
    if (outcome->started_ms > 0) {
        char text[CLOCK_TEXT_SIZE];
        clock_format(outcome->started_ms, text);
        buf_format(out, ", %s", text);
    }
    if (outcome->started_ms > 0 && outcome->finished_ms >= outcome->started_ms) {
        buf_text(out, ", took ");
        text_show_duration(out, outcome->finished_ms - outcome->started_ms);
    }
}

/* First of all: whoever reads an alarm has to know that it is an old one. */
static void late_block(const struct sheet *sheet)
{
    const struct outcome *outcome = sheet->outcome;
    if (!outcome->late) {
        return;
    }
    AUTO(buf) struct buf line = buf_make(1024);
    char when[CLOCK_TEXT_SIZE] = "some time ago";
    if (outcome->finished_ms > 0) {
        clock_format(outcome->finished_ms, when);
    }
    buf_format(
        &line,
        "LATE: this run ended %s%s and could not report then. Runs after it may have changed "
        "what it says; \"postlude status\" shows what is so now.",
        outcome->finished_ms > 0 ? "at " : "", when);
    paragraph(sheet, "", 0, line.data);
    buf_char(sheet->out, '\n');
}

/* A tag can be moved; what it stood for then is the digest. */
static void image_row(const struct outcome *outcome, struct page_rows *rows)
{
    if (text_empty(outcome->image)) {
        return;
    }
    struct buf *out = outcome_page_row(rows, "Image");
    text_escape_cut(out, outcome->image, PART_LINE_MAX);
    if (!text_empty(outcome->image_digest) && !strstr(outcome->image, outcome->image_digest)) {
        buf_text(out, " (");
        text_escape_cut(out, outcome->image_digest, PART_ID_MAX);
        buf_char(out, ')');
    }
}

static void origin_block(const struct sheet *sheet)
{
    const struct outcome *outcome = sheet->outcome;
    AUTO(page_rows) struct page_rows rows = {0};
    database_row(outcome, &rows);
    AUTO(buf) struct buf trigger = buf_make(8192);
    outcome_part_trigger(outcome, &trigger);
    if (trigger.length) {
        buf_text(outcome_page_row(&rows, "Started by"), trigger.data);
    }
    run_row(outcome, &rows);
    image_row(outcome, &rows);
    text_row(&rows, "Task", outcome->task_arn);
    text_row(&rows, "Log", outcome->log_url);
    write_rows(sheet, &rows);
}

static void state_block(const struct sheet *sheet)
{
    AUTO(buf) struct buf state = buf_make(SENTENCES_MAX);
    outcome_part_state(sheet->outcome, &state);
    bool noted = sheet->outcome->note && sheet->outcome->kind != OUTCOME_IGNORED;
    if (state.length || noted) {
        buf_char(sheet->out, '\n');
    }
    if (noted) {
        quoted(sheet, "", 0, sheet->outcome->note);
    }
    if (state.length) {
        paragraph(sheet, "", 0, state.data);
    }
}

static void advice_block(const struct sheet *sheet)
{
    AUTO(buf) struct buf advice = buf_make(SENTENCES_MAX);
    outcome_part_advice(sheet->outcome, &advice);
    if (!advice.length) {
        return;
    }
    buf_char(sheet->out, '\n');
    paragraph(sheet, "What to do: ", 12, advice.data);
    bool again = sheet->outcome->kind == OUTCOME_ERROR && !sheet->outcome->dry_run &&
                 sheet->outcome->error.kind != ERROR_PENDING;
    if (again && !text_empty(sheet->outcome->rerun)) {
        /* Not wrapped: it is there to be copied. */
        buf_text(sheet->out, "Start it again:\n    ");
        text_escape(sheet->out, sheet->outcome->rerun, strlen(sheet->outcome->rerun));
        buf_char(sheet->out, '\n');
    }
}

void outcome_text(const struct outcome *outcome, enum outcome_detail detail, size_t width,
                  struct buf *out)
{
    struct sheet sheet = {outcome, detail, width, out};
    late_block(&sheet);
    AUTO(buf) struct buf headline = buf_make(SENTENCES_MAX);
    outcome_part_headline(outcome, &headline);
    paragraph(&sheet, "", 4, headline.data);
    if (outcome->kind == OUTCOME_ERROR && outcome->error.kind != ERROR_PENDING) {
        error_block(&sheet);
    }
    state_block(&sheet);
    progress_block(&sheet);
    advice_block(&sheet);
    origin_block(&sheet);
}
