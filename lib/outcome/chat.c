#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "outcome/markup.h"
#include "outcome/parts.h"

/* Nobody documents how long the parts may be; these are what the chat platforms show without a
 * fold. In bytes, as escaped. */
enum {
    TITLE_MAX = 240,
    TEXT_MAX = 3000, /* of the description */
    QUOTE_MAX = 500, /* of one text from outside in it */
    STEP_MAX = 700,
    STEPS_MAX = 8,
    NAME_MAX = 200,
    IDS_MAX = 8,
    BLOCKERS_MAX = 3,
    SENTENCES_MAX = 64 * 1024,
};

/* Left out when there is none: the service takes strings only. */
static void put_text(json_t *object, const char *key, const char *text)
{
    if (!text_empty(text)) {
        AUTO(buf) struct buf kept = buf_make((size_t)2 * NAME_MAX);
        outcome_markup_plain(text, NAME_MAX, &kept);
        json_put(object, key, json_safe(kept.data));
    }
}

/* Takes the list, and leaves it out when it is empty. */
static void put_list(json_t *object, const char *key, json_t *list)
{
    if (json_array_size(list) > 0) {
        json_put(object, key, list);
    } else {
        json_decref(list);
    }
}

static void add_text(json_t *array, const char *text)
{
    if (!text_empty(text)) {
        json_append(array, json_safe(text));
    }
}

static const char *sign(const struct outcome *outcome)
{
    if (outcome->kind != OUTCOME_ERROR) {
        return "\xe2\x9c\x85 "; /* a white tick on green */
    }
    enum error_kind kind = outcome->error.kind;
    bool passing = kind == ERROR_BUSY || kind == ERROR_INTERRUPTED;
    return passing ? "\xe2\x9a\xa0\xef\xb8\x8f " : "\xe2\x9d\x8c "; /* a warning; a red cross */
}

static void title(const struct outcome *outcome, const char *name, struct buf *out)
{
    AUTO(buf) struct buf story = buf_make(SENTENCES_MAX);
    outcome_part_story(outcome, &story);
    buf_text(out, sign(outcome));
    buf_text(out, outcome->late ? "late: " : "");
    outcome_markup_plain(!text_empty(name) ? name
                         : outcome->plan   ? outcome->plan
                                           : "postlude",
                         NAME_MAX / 2, out);
    buf_text(out, ": ");
    outcome_markup_plain(story.data, TITLE_MAX - NAME_MAX / 2, out);
}

static void blockers(const struct outcome_failure *failure, struct buf *out)
{
    for (size_t i = 0; i < failure->blocker_count && i < OUTCOME_BLOCKERS_MAX; i++) {
        const struct outcome_blocker *blocker = &failure->blockers[i];
        if (i == BLOCKERS_MAX) {
            buf_format(out, "\nand %zu more", failure->blocker_count - i);
            return;
        }
        buf_format(out, "\nIn the way: pid %d, user ", blocker->pid);
        outcome_markup_code(blocker->user, NAME_MAX, out);
        if (*blocker->application) {
            buf_text(out, ", application ");
            outcome_markup_code(blocker->application, NAME_MAX, out);
        }
        if (blocker->age_ms >= 0) {
            buf_text(out, ", for ");
            text_show_duration(out, blocker->age_ms);
        }
    }
}

static void error_part(const struct outcome *outcome, enum outcome_detail detail, struct buf *out)
{
    if (outcome->kind != OUTCOME_ERROR || outcome->error.kind == ERROR_PENDING) {
        return;
    }
    const struct outcome_failure *failure = &outcome->failure;
    struct part_place place;
    outcome_part_place(outcome, &place);
    AUTO(buf) struct buf message = buf_make(SENTENCES_MAX);
    const char *where = *place.file ? place.file : outcome->error.where;
    if (*where && !strstr(outcome->error.message, where)) {
        buf_text(&message, where);
        if (place.line) {
            buf_format(&message, ":%u", place.line);
        }
        buf_text(&message, ": ");
    }
    buf_text(&message, outcome->error.message);
    outcome_markup_code(message.data, QUOTE_MAX, out);
    if (outcome_part_sqlstate(outcome)) {
        buf_text(out, " (");
        outcome_markup_plain(outcome->error.code, NAME_MAX, out);
        buf_char(out, ')');
    }
    const char *statement = outcome_part_shown(failure->statement);
    if (detail == OUTCOME_WHOLE && *statement) {
        buf_char(out, '\n');
        outcome_markup_code(statement, QUOTE_MAX, out);
    }
    if (detail == OUTCOME_WHOLE && *failure->detail) {
        buf_text(out, "\nDetail: ");
        outcome_markup_code(failure->detail, QUOTE_MAX, out);
    }
    if (*outcome->error.hint) {
        buf_text(out, "\nHint: ");
        outcome_markup_plain(outcome->error.hint, QUOTE_MAX, out);
    }
    blockers(failure, out);
}

static void ids(const char *label, char *const *items, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count && i < IDS_MAX; i++) {
        buf_text(out, i == 0 ? label : ", ");
        outcome_markup_code(items[i], NAME_MAX / 2, out);
    }
    if (count > IDS_MAX) {
        buf_format(out, " and %zu more", count - IDS_MAX);
    }
}

static void applied(const struct outcome *outcome, struct buf *out)
{
    for (size_t i = 0; i < outcome->applied_count && i < IDS_MAX; i++) {
        buf_text(out, i == 0 ? "\nApplied: " : ", ");
        outcome_markup_code(outcome->applied[i].id, NAME_MAX / 2, out);
    }
    if (outcome->applied_count > IDS_MAX) {
        buf_format(out, " and %zu more", outcome->applied_count - IDS_MAX);
    }
}

static void state_part(const struct outcome *outcome, struct buf *out)
{
    AUTO(buf) struct buf state = buf_make(SENTENCES_MAX);
    outcome_part_state(outcome, &state);
    if (outcome->note) {
        outcome_markup_plain(outcome->note, QUOTE_MAX, out);
    }
    if (state.length) {
        buf_text(out, outcome->note ? "\n" : "");
        outcome_markup_plain(state.data, QUOTE_MAX, out);
    }
}

static void list_part(const struct outcome *outcome, struct buf *out)
{
    bool open = outcome->kind == OUTCOME_ERROR && outcome_part_open(outcome);
    applied(outcome, out);
    ids(open ? "\nNot applied, or not known: " : "\nNot applied: ", outcome->pending,
        outcome->pending_count, out);
}

static void origin_part(const struct outcome *outcome, struct buf *out)
{
    AUTO(buf) struct buf trigger = buf_make(SENTENCES_MAX);
    outcome_part_trigger(outcome, &trigger);
    if (outcome->host) {
        buf_text(out, "\nDatabase: ");
        outcome_markup_code(outcome->database ? outcome->database : "", NAME_MAX, out);
        buf_text(out, " on ");
        outcome_markup_code(outcome->host, NAME_MAX, out);
    }
    if (trigger.length) {
        buf_text(out, "\nStarted by: ");
        outcome_markup_plain(trigger.data, QUOTE_MAX, out);
    }
}

static void late_part(const struct outcome *outcome, struct buf *out)
{
    if (outcome->late) {
        char when[CLOCK_TEXT_SIZE] = "";
        clock_format(outcome->finished_ms, when);
        buf_format(out,
                   "This run ended at %s and could not report then; runs after it may have "
                   "changed what it says.",
                   outcome->finished_ms > 0 ? when : "a time that is not known");
    }
}

/* What does not fit is left out whole, so that no mark of ours is cut. */
static void add_part(struct buf *out, struct buf *part, const char *between)
{
    size_t skip = strspn(part->data, "\n");
    if (part->length > skip && out->length + strlen(between) + part->length - skip <= TEXT_MAX) {
        buf_text(out, out->length ? between : "");
        buf_add(out, part->data + skip, part->length - skip);
    }
    buf_truncate(part, 0);
}

static json_t *description(const struct outcome *outcome, enum outcome_detail detail)
{
    AUTO(buf) struct buf text = buf_make(SENTENCES_MAX);
    AUTO(buf) struct buf part = buf_make(SENTENCES_MAX);
    late_part(outcome, &part);
    add_part(&text, &part, "");
    error_part(outcome, detail, &part);
    add_part(&text, &part, "\n\n");
    state_part(outcome, &part);
    add_part(&text, &part, "\n\n");
    list_part(outcome, &part);
    const char *between = part.length ? "\n" : "\n\n";
    add_part(&text, &part, "\n\n");
    origin_part(outcome, &part);
    add_part(&text, &part, between);
    return json_safe(text.length ? text.data : "Nothing more is to be said.");
}

/* The advice is a sentence, or several lines of which those that begin with blanks are commands
 * that belong to the line before. */
static void add_advice(json_t *steps, const char *advice)
{
    AUTO(buf) struct buf step = buf_make(SENTENCES_MAX);
    while (*advice && json_array_size(steps) < STEPS_MAX) {
        size_t length = strcspn(advice, "\n");
        size_t blanks = strspn(advice, " ");
        AUTO(text) char *line = memory_text_n(advice + blanks, length - blanks);
        if (blanks == 0) {
            add_text(steps, step.data);
            buf_truncate(&step, 0);
            outcome_markup_plain(line, STEP_MAX, &step);
        } else {
            buf_char(&step, ' ');
            outcome_markup_code(line, STEP_MAX, &step);
        }
        advice += length + (advice[length] == '\n');
    }
    add_text(steps, step.data);
}

static json_t *next_steps(const struct outcome *outcome)
{
    json_t *steps = json_made(json_array());
    AUTO(buf) struct buf advice = buf_make(SENTENCES_MAX);
    AUTO(buf) struct buf step = buf_make(SENTENCES_MAX);
    outcome_part_advice(outcome, &advice);
    add_advice(steps, advice.data);
    bool again = outcome->kind == OUTCOME_ERROR && !text_empty(outcome->rerun);
    /* Half a command, or another one, is worse than none. */
    if (again && strlen(outcome->rerun) <= STEP_MAX && !strchr(outcome->rerun, '`')) {
        buf_text(&step, "Start it again: ");
        outcome_markup_code(outcome->rerun, (size_t)8 * STEP_MAX, &step);
        add_text(steps, step.data);
        buf_truncate(&step, 0);
    }
    if (outcome->log_url && strlen(outcome->log_url) <= STEP_MAX) {
        buf_text(&step, "Read the log: ");
        if (outcome_markup_link(outcome->log_url, &step)) {
            add_text(steps, step.data);
        }
    }
    return steps;
}

static json_t *keywords(const struct outcome *outcome)
{
    json_t *words = json_made(json_array());
    const char *const items[] = {outcome_name(outcome), outcome->plan, outcome->pipeline};
    for (size_t i = 0; i < COUNT(items); i++) {
        AUTO(buf) struct buf word = buf_make((size_t)4 * NAME_MAX);
        outcome_markup_plain(items[i], NAME_MAX, &word);
        add_text(words, word.data);
    }
    return words;
}

static json_t *context(const struct outcome *outcome)
{
    json_t *object = json_made(json_object());
    AUTO(buf) struct buf exit_code = buf_make(32);
    buf_format(&exit_code, "%d", outcome_exit_code(outcome));
    put_text(object, "outcome", outcome_name(outcome));
    put_text(object, "exitCode", exit_code.data);
    put_text(object, "plan", outcome->plan);
    put_text(object, "runId", outcome->run_id);
    put_text(object, "trigger", outcome->trigger_kind);
    put_text(object, "pipeline", outcome->pipeline);
    put_text(object, "executionId", outcome->execution_id);
    put_text(object, "migration",
             outcome->kind == OUTCOME_ERROR ? outcome->failure.migration : NULL);
    put_text(object, "late", outcome->late ? "true" : NULL);
    return object;
}

static json_t *metadata(const struct outcome *outcome)
{
    json_t *object = json_made(json_object());
    AUTO(buf) struct buf story = buf_make(SENTENCES_MAX);
    AUTO(buf) struct buf summary = buf_make(SENTENCES_MAX);
    outcome_part_story(outcome, &story);
    outcome_markup_plain(story.data, TITLE_MAX, &summary);
    put_text(object, "threadId",
             text_empty(outcome->execution_id) ? outcome->plan : outcome->execution_id);
    json_put(object, "summary", json_safe(summary.data));
    put_text(object, "eventType", outcome_name(outcome));
    if (!text_empty(outcome->task_arn)) {
        json_t *resources = json_made(json_array());
        AUTO(buf) struct buf arn = buf_make((size_t)8 * NAME_MAX);
        outcome_markup_plain(outcome->task_arn, (size_t)2 * NAME_MAX, &arn);
        add_text(resources, arn.data);
        json_put(object, "relatedResources", resources);
    }
    json_put(object, "additionalContext", context(outcome));
    return object;
}

json_t *outcome_chat(const struct outcome *outcome, const char *name, enum outcome_detail detail)
{
    AUTO(buf) struct buf headline = buf_make(SENTENCES_MAX);
    json_t *message = json_made(json_object());
    json_t *content = json_made(json_object());
    title(outcome, name, &headline);
    json_put(message, "version", json_made(json_string("1.0")));
    json_put(message, "source", json_made(json_string("custom")));
    put_text(message, "id", outcome->run_id);
    json_put(content, "textType", json_made(json_string("client-markdown")));
    json_put(content, "title", json_safe(headline.data));
    json_put(content, "description", description(outcome, detail));
    put_list(content, "nextSteps", next_steps(outcome));
    json_put(content, "keywords", keywords(outcome));
    json_put(message, "content", content);
    json_put(message, "metadata", metadata(outcome));
    return message;
}
