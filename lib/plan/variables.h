/*
 * Internal to the room: ${NAME}, ${NAME:-default} and $$ in a value.
 *
 * As in a shell, the default counts when the variable is unset or empty. Any other dollar sign
 * stands for itself. Pure.
 */
#ifndef POSTLUDE_PLAN_VARIABLES_H
#define POSTLUDE_PLAN_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum plan_piece_kind {
    PLAN_PIECE_LITERAL,
    PLAN_PIECE_VARIABLE,
    PLAN_PIECE_MALFORMED, /* text starts with "${"; problem says what is wrong */
};

struct plan_piece {
    enum plan_piece_kind kind;
    const char *text; /* of a literal */
    size_t length;
    char *name;     /* of a variable; the caller frees it */
    char *fallback; /* NULL = none; the caller frees it */
    const char *problem, *hint;
};

/* The next piece of a value, moving *cursor behind it; false at its end. */
bool plan_piece_next(const char **cursor, struct plan_piece *out_piece);
void plan_piece_clear(struct plan_piece *piece);

/* Whether it has to go through expansion at all. */
bool plan_has_variables(const char *text);

/* Whether it is nothing but a name behind a dollar sign, "$DB_HOST": the braces were forgotten. */
bool plan_lacks_braces(const char *text);

#endif
