/*
 * A growable string that knows its maximum.
 *
 * A buf is made with its limit. What does not fit is left out whole and marks the buf as full, and
 * from then on nothing more is added, so that a caller checks once, at the end. The text is always
 * NUL-terminated; it may hold NUL bytes of its own.
 */
#ifndef POSTLUDE_BASE_BUF_H
#define POSTLUDE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
    char *data;    /* never NULL after buf_make */
    size_t length; /* bytes, without the NUL */
    size_t capacity;
    size_t max; /* bytes it may come to hold */
    bool full;  /* something did not fit */
};

/* An empty buf that takes up to max_bytes. */
struct buf buf_make(size_t max_bytes);
/* Frees the text; safe on a zeroed struct and twice. */
void buf_free(struct buf *buf);
/* The same, wiping the text first. */
void buf_wipe(struct buf *buf);

void buf_add(struct buf *buf, const void *data, size_t length);
void buf_text(struct buf *buf, const char *text); /* NULL adds nothing */
void buf_char(struct buf *buf, char c);
void buf_format(struct buf *buf, const char *format, ...) PRINTF(2, 3);

/* Forgets the text after `length`, and that it was full. */
void buf_truncate(struct buf *buf, size_t length);
/* Hands the text out, to be freed by the caller; the buf is zeroed: it takes nothing more, and
 * there is nothing left to free. */
char *buf_take(struct buf *buf);

static inline void buf_auto_(struct buf *buf)
{
    buf_free(buf);
}

#endif
