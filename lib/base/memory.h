/*
 * Allocation that does not fail: out of memory ends the process at once, with exit code 10, in one
 * place. An open transaction then rolls back on the server, and a step outside a transaction was
 * marked started, so nothing is lost by dying.
 */
#ifndef POSTLUDE_BASE_MEMORY_H
#define POSTLUDE_BASE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

#include "base/attr.h"

/* Zeroed memory for `count` elements; the caller frees it. Overflow of the product dies too. */
void *memory_new(size_t count, size_t size) __attribute__((returns_nonnull, malloc));

/* realloc with the same promises; new space is not zeroed. */
void *memory_grow(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* Room for one more element in an array that doubles: *capacity is kept up to date. */
void *memory_push(void *array, size_t count, size_t *capacity, size_t size)
    __attribute__((returns_nonnull));

/* strdup; text may be NULL, then so is the copy. */
char *memory_text(const char *text);
/* A copy of exactly `length` bytes, NUL-terminated; text may be NULL when there are none. */
char *memory_text_n(const char *text, size_t length) __attribute__((returns_nonnull));

/* Says so on stderr and ends the process with exit code 10. */
_Noreturn void memory_die(void);

static inline void memory_free_char(char *text)
{
    free(text);
}
DEFINE_AUTO(text, char *, memory_free_char)

#endif
