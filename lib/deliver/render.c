#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "deliver/message.h"

enum {
    TEXT_WIDTH = 78,
    RENDERED_MAX = 64 * 1024 * 1024,
    /* What stays of a list at first, and of a text, when all of it does not fit. */
    KEPT_FEW = 5,
    KEPT_TEXT = 400,
    KEPT_LEAST = 50,
};

static const char *const lists[] = {"pending", "applied", "unknown", "every"};
static const char *const error_texts[] = {"hint", "detail", "statement", "message"};
static const char dots[] = "...";
static const char closing[] = "\n... cut here: the whole report is in the log and in the ledger.\n";

/* As it will be written, escapes and all. */
static size_t size_of(const json_t *value)
{
    AUTO(buf) struct buf text = buf_make(RENDERED_MAX);
    json_write(value, &text);
    return text.length;
}

void deliver_replace(char *text, size_t length)
{
    for (size_t i = 0; i + 2 < length; i++) {
        unsigned char last = (unsigned char)text[i + 2];
        if (memcmp(text + i, "\xef\xbf", 2) == 0 && last >= 0xBE) {
            text[i + 2] = '\xbd';
        }
    }
}

/* Notes in report.truncated, under the name given, how much there was. */
static void note(json_t *report, const char *name, const char *what, size_t total)
{
    AUTO(buf) struct buf key = buf_make(64);
    buf_format(&key, "%s_%s", name, what);
    json_t *truncated = json_object_get(report, "truncated");
    if (!truncated) {
        truncated = json_made(json_object());
        json_put(report, "truncated", truncated);
    }
    /* A list that is cut twice keeps the first count. */
    if (!json_object_get(truncated, key.data)) {
        json_put(truncated, key.data, json_integer((json_int_t)total));
    }
}

/* Takes entries off the end of a list until the report fits or only `keep` are left. */
static void cut_list(json_t *report, const char *name, size_t keep, size_t max)
{
    json_t *list = json_object_get(report, name);
    size_t total = json_array_size(list);
    if (total <= keep) {
        return;
    }
    note(report, name, "total", total);
    size_t size = size_of(report);
    while (size > max && json_array_size(list) > keep) {
        size_t last = json_array_size(list) - 1;
        size -= size_of(json_array_get(list, last)) + 1;
        (void)json_array_remove(list, last);
    }
}

static void cut_text(json_t *report, json_t *object, const char *name, size_t keep)
{
    json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (text && length > keep + sizeof dots - 1) {
        note(report, name, "bytes", length);
        AUTO(buf) struct buf kept = buf_make(keep + sizeof dots);
        buf_add(&kept, text, text_cut(text, length, keep));
        buf_text(&kept, dots);
        if (json_string_setn(value, kept.data, kept.length) != 0) {
            memory_die();
        }
    }
}

static void cut_lists(json_t *report, size_t keep, size_t max)
{
    for (size_t i = 0; i < COUNT(lists) && size_of(report) > max; i++) {
        cut_list(report, lists[i], keep, max);
    }
}

/* Whatever else is long: each text of the report and of the objects in it. */
static void cut_all_texts(json_t *report, size_t keep)
{
    AUTO(json) json_t *names = json_deep_copy(report);
    const char *name = NULL;
    json_t *copy = NULL;
    json_object_foreach(names, name, copy)
    {
        cut_text(report, report, name, keep);
        const char *inner = NULL;
        json_t *ignored = NULL;
        json_object_foreach(copy, inner, ignored)
        {
            cut_text(report, json_object_get(report, name), inner, keep);
        }
    }
}

void deliver_shrink(json_t *report, size_t max)
{
    cut_lists(report, KEPT_FEW, max);
    json_t *error = json_object_get(report, "error");
    for (size_t i = 0; i < COUNT(error_texts) && size_of(report) > max; i++) {
        cut_text(report, error, error_texts[i], KEPT_TEXT);
    }
    cut_lists(report, 0, max);
    for (size_t keep = KEPT_TEXT; keep >= KEPT_LEAST && size_of(report) > max; keep /= 2) {
        cut_all_texts(report, keep);
    }
    if (size_of(report) > max) {
        (void)json_array_clear(json_object_get(error, "blockers"));
    }
}

static void render_json(const struct outcome *outcome, enum outcome_detail detail, size_t max,
                        struct buf *out)
{
    AUTO(json) json_t *report = outcome_json(outcome, detail);
    deliver_shrink(report, max);
    json_write(report, out);
}

/* Far below what SNS takes, whatever there is to say. */
static void render_chat(const struct outcome *outcome, const char *name, enum outcome_detail detail,
                        struct buf *out)
{
    AUTO(json) json_t *message = outcome_chat(outcome, name, detail);
    json_write(message, out);
}

static void render_text(const struct outcome *outcome, enum outcome_detail detail, size_t max,
                        struct buf *out)
{
    AUTO(buf) struct buf whole = buf_make(RENDERED_MAX);
    outcome_text(outcome, detail, TEXT_WIDTH, &whole);
    if (whole.length <= max) {
        buf_add(out, whole.data, whole.length);
        return;
    }
    buf_add(out, whole.data, text_cut(whole.data, whole.length, max - (sizeof closing - 1)));
    buf_text(out, closing);
}

void deliver_render(const struct outcome *outcome, const struct deliver_target *target, size_t max,
                    struct buf *out)
{
    enum outcome_detail detail = target->details ? OUTCOME_WHOLE : OUTCOME_GUARDED;
    switch (target->format) {
    case DELIVER_JSON:
        render_json(outcome, detail, max, out);
        break;
    case DELIVER_TEXT:
        render_text(outcome, detail, max, out);
        break;
    case DELIVER_CHAT:
        render_chat(outcome, target->subject, detail, out);
        break;
    }
    deliver_replace(out->data, out->length);
}
