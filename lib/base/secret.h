/*
 * A password, key or token. It has no printer, it is never part of an error or a log line, and its
 * memory is wiped when it is freed.
 */
#ifndef POSTLUDE_BASE_SECRET_H
#define POSTLUDE_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct secret {
    char *text; /* read it through secret_reveal only */
};

/* Makes *secret hold a copy of text (may be NULL: unset), wiping what it held. */
void secret_set(struct secret *secret, const char *text);
/* Wipes and frees; safe on a zeroed struct and twice. */
void secret_clear(struct secret *secret);

bool secret_is_set(const struct secret *secret);
/* The text, "" when unset; valid until the secret changes. For a library call's argument only. */
const char *secret_reveal(const struct secret *secret);

static inline void secret_auto_(struct secret *secret)
{
    secret_clear(secret);
}

#endif
