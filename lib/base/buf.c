#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

struct buf buf_make(size_t max_bytes)
{
    size_t first = max_bytes < 63 ? max_bytes + 1 : 64;
    return (struct buf){.data = memory_new(first, 1), .capacity = first, .max = max_bytes};
}

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_wipe(struct buf *buf)
{
    if (buf->data) {
        explicit_bzero(buf->data, buf->capacity);
    }
    buf_free(buf);
}

/* Makes place for `extra` bytes and the NUL, or marks the buf as full. The old storage is wiped as
 * it is left, since a buf can hold a secret on its way. */
static bool reserve(struct buf *buf, size_t extra)
{
    if (buf->full || extra > buf->max - buf->length) {
        buf->full = true;
        return false;
    }
    size_t need = buf->length + extra + 1;
    if (need <= buf->capacity) {
        return true;
    }
    size_t capacity = buf->capacity * 2 > need ? buf->capacity * 2 : need;
    char *fresh = memory_new(capacity, 1);
    memcpy(fresh, buf->data, buf->length);
    explicit_bzero(buf->data, buf->capacity);
    free(buf->data);
    buf->data = fresh;
    buf->capacity = capacity;
    return true;
}

void buf_add(struct buf *buf, const void *data, size_t length)
{
    if (length && reserve(buf, length)) {
        memcpy(buf->data + buf->length, data, length);
        buf->length += length;
        buf->data[buf->length] = '\0';
    }
}

void buf_text(struct buf *buf, const char *text)
{
    if (text) {
        buf_add(buf, text, strlen(text));
    }
}

void buf_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        buf->full = true; /* longer than an int can say */
    } else if (reserve(buf, (size_t)length)) {
        (void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
}

void buf_truncate(struct buf *buf, size_t length)
{
    if (length < buf->length) {
        buf->length = length;
        buf->data[length] = '\0';
    }
    buf->full = false;
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data;
    *buf = (struct buf){0};
    return text;
}
