#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *name;
    int exit_code;
    bool retryable;
} kinds[] = {
    [ERROR_NONE] = {"none", 0, false},
    [ERROR_FAILED] = {"failed", 1, false},
    [ERROR_UNKNOWN] = {"unknown", 1, false},
    [ERROR_LOST] = {"unknown", 1, true},
    [ERROR_INVALID] = {"invalid", 2, false},
    [ERROR_REFUSED] = {"refused", 3, false},
    [ERROR_UNREACHABLE] = {"unreachable", 4, true},
    [ERROR_DENIED] = {"unreachable", 4, false},
    [ERROR_BUSY] = {"busy", 5, true},
    [ERROR_CONFLICT] = {"conflict", 6, false},
    [ERROR_INTERRUPTED] = {"interrupted", 7, false},
    [ERROR_UNDELIVERED] = {"undelivered", 8, true},
    [ERROR_PENDING] = {"pending", 9, false},
    [ERROR_INTERNAL] = {"internal", 10, false},
};

const char *error_name(enum error_kind kind)
{
    return kinds[kind].name;
}

int error_exit_code(enum error_kind kind)
{
    return kinds[kind].exit_code;
}

bool error_retryable(enum error_kind kind)
{
    return kinds[kind].retryable;
}

/* vsnprintf that, where the text does not fit, cuts between characters instead of inside one. The
 * arguments may be fields of the same error. */
static void fill(char *field, size_t size, const char *format, va_list args) PRINTF(3, 0);

static void fill(char *field, size_t size, const char *format, va_list args)
{
    char fresh[sizeof((struct error *)NULL)->message] = "";
    int length = vsnprintf(fresh, size, format, args);
    size_t kept = length < 0 ? 0 : (size_t)length;
    if (kept >= size) {
        kept = text_cut(fresh, size - 1, size - 1);
    }
    memcpy(field, fresh, kept);
    field[kept] = '\0';
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    fill(message, sizeof message, format, args);
    va_end(args);
    *err = (struct error){.kind = kind};
    text_copy(err->message, sizeof err->message, message);
    return false;
}

bool error_code(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err->code, sizeof err->code, format, args);
    va_end(args);
    return false;
}

bool error_where(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err->where, sizeof err->where, format, args);
    va_end(args);
    return false;
}

bool error_hint(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    va_list args;
    va_start(args, format);
    fill(err->message, sizeof err->message, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    text_copy(err->message + used, sizeof err->message - used, ": ");
    used = strlen(err->message);
    text_copy(err->message + used, sizeof err->message - used, inner);
    return false;
}
