#include "plan/spot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"

/* A byte takes four characters at most when it is escaped. */
enum { SHOWN_MAX = 120, SHOWN_SIZE_MAX = 4 * SHOWN_MAX + 3 };

struct plan_spot plan_spot_at(const struct plan_spot *spot, unsigned line, unsigned column)
{
    struct plan_spot other = *spot;
    other.line = line;
    other.column = column;
    return other;
}

static struct finding *add(const struct plan_spot *spot, enum finding_level level,
                           const char *format, va_list args) PRINTF(3, 0);

static struct finding *add(const struct plan_spot *spot, enum finding_level level,
                           const char *format, va_list args)
{
    char *message = NULL;
    if (vasprintf(&message, format, args) < 0) {
        memory_die();
    }
    struct finding *fresh =
        finding_add(spot->findings, level, spot->file, spot->line, spot->column, "%s", message);
    free(message);
    return fresh;
}

struct finding *plan_error(const struct plan_spot *spot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct finding *fresh = add(spot, FINDING_ERROR, format, args);
    va_end(args);
    return fresh;
}

struct finding *plan_warning(const struct plan_spot *spot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct finding *fresh = add(spot, FINDING_WARNING, format, args);
    va_end(args);
    return fresh;
}

char *plan_shown(const char *text)
{
    size_t length = strlen(text);
    size_t shown = text_cut(text, length, SHOWN_MAX);
    struct buf out = buf_make(SHOWN_SIZE_MAX);
    text_escape(&out, text, shown);
    buf_text(&out, shown < length ? "..." : "");
    char *taken = buf_take(&out);
    buf_free(&out);
    return taken;
}
