#include "base/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void clear(struct finding *finding)
{
    free(finding->file);
    free(finding->message);
    free(finding->hint);
    *finding = (struct finding){0};
}

void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        clear(&findings->items[i]);
    }
    clear(&findings->spare);
    free(findings->items);
    *findings = (struct findings){0};
}

static char *format_text(const char *format, va_list args) PRINTF(1, 0);

static char *format_text(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        memory_die();
    }
    return text;
}

/* Where the next finding goes. The first error is always kept, since a run stops at it; when the
 * list is full of warnings it takes the place of the last. */
static struct finding *slot(struct findings *findings, enum finding_level level)
{
    if (findings->count < FINDINGS_MAX) {
        findings->items = memory_push(findings->items, findings->count, &findings->capacity,
                                      sizeof *findings->items);
        return &findings->items[findings->count++];
    }
    findings->dropped++;
    bool first_error = level == FINDING_ERROR && findings->errors == 0;
    struct finding *taken = first_error ? &findings->items[findings->count - 1] : &findings->spare;
    clear(taken);
    return taken;
}

struct finding *finding_add(struct findings *findings, enum finding_level level, const char *file,
                            unsigned line, unsigned column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *message = format_text(format, args);
    va_end(args);
    struct finding *fresh = slot(findings, level);
    findings->errors += level == FINDING_ERROR;
    *fresh = (struct finding){.level = level,
                              .file = memory_text(file ? file : ""),
                              .line = line,
                              .column = column,
                              .message = message,
                              .hint = memory_text("")};
    return fresh;
}

void finding_hint(struct finding *finding, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *hint = format_text(format, args);
    va_end(args);
    free(finding->hint);
    finding->hint = hint;
}

/* Cuts ":number" off the end of where; 0 when there is none. */
static unsigned cut_number(char *where)
{
    char *colon = strrchr(where, ':');
    int64_t value = 0;
    if (!colon || !text_integer(colon + 1, 1, 1 << 30, &value)) {
        return 0;
    }
    *colon = '\0';
    return (unsigned)value;
}

void finding_add_error(struct findings *findings, const struct error *error)
{
    char where[sizeof error->where];
    memcpy(where, error->where, sizeof where);
    unsigned last = cut_number(where);
    unsigned before = last ? cut_number(where) : 0;
    struct finding *fresh = finding_add(findings, FINDING_ERROR, where, before ? before : last,
                                        before ? last : 0, "%s", error->message);
    finding_hint(fresh, "%s", error->hint);
}

static void place(const struct finding *finding, struct error *err)
{
    if (finding->line && finding->column) {
        error_where(err, "%s:%u:%u", finding->file, finding->line, finding->column);
    } else if (finding->line) {
        error_where(err, "%s:%u", finding->file, finding->line);
    } else {
        error_where(err, "%s", finding->file);
    }
}

bool findings_error(const struct findings *findings, enum error_kind kind, struct error *out_err)
{
    size_t i = 0;
    while (i < findings->count && findings->items[i].level != FINDING_ERROR) {
        i++;
    }
    if (i == findings->count) {
        return false;
    }
    const struct finding *first = &findings->items[i];
    error_set(out_err, kind, "%s", first->message);
    place(first, out_err);
    if (findings->errors == 1) {
        error_hint(out_err, "%s", first->hint);
    } else {
        const char *end = *first->hint ? first->hint + strlen(first->hint) - 1 : "";
        error_hint(out_err, "%s%sThere %s %zu more; \"postlude validate\" shows all.", first->hint,
                   !*end                 ? ""
                   : strchr(".?!", *end) ? " "
                                         : ". ",
                   findings->errors == 2 ? "is" : "are", findings->errors - 1);
    }
    return true;
}
