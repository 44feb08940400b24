#include "plan/variables.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"

static const char name_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

static size_t name_length(const char *text)
{
    return *text >= '0' && *text <= '9' ? 0 : strspn(text, name_letters);
}

static bool malformed(struct plan_piece *out_piece, const char *problem, const char *hint)
{
    *out_piece =
        (struct plan_piece){.kind = PLAN_PIECE_MALFORMED, .problem = problem, .hint = hint};
    return true;
}

/* The default's text, in which $$ is a dollar sign too. */
static char *unfold(const char *text, size_t length)
{
    char *out = memory_text_n(text, length);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        i += text[i] == '$' && i + 1 < length && text[i + 1] == '$';
        out[used++] = text[i];
    }
    out[used] = '\0';
    return out;
}

/* *cursor stands on "${". */
static bool next_variable(const char **cursor, struct plan_piece *out_piece)
{
    static const char forms[] = "Write ${NAME} or ${NAME:-default}; \"$$\" is a dollar sign.";
    const char *name = *cursor + 2;
    const char *close = strchr(name, '}');
    size_t length = name_length(name);
    *cursor = close ? close + 1 : name + strlen(name);
    if (!close) {
        return malformed(out_piece, "is not closed by \"}\"", forms);
    }
    if (length == 0) {
        return malformed(out_piece, "is not followed by a variable's name", forms);
    }
    const char *behind = name + length;
    bool defaulted = strncmp(behind, ":-", 2) == 0;
    if (!defaulted && *behind != '}') {
        return malformed(out_piece, "has another form than ${NAME} and ${NAME:-default}", forms);
    }
    *out_piece = (struct plan_piece){.kind = PLAN_PIECE_VARIABLE};
    if (defaulted) {
        size_t size = (size_t)(close - behind) - 2;
        if (memmem(behind + 2, size, "${", 2)) {
            return malformed(out_piece, "has a default that holds another \"${\"",
                             "A default is plain text.");
        }
        out_piece->fallback = unfold(behind + 2, size);
    }
    out_piece->name = memory_text_n(name, length);
    return true;
}

bool plan_piece_next(const char **cursor, struct plan_piece *out_piece)
{
    const char *at = *cursor;
    if (!*at) {
        return false;
    }
    if (at[0] == '$' && at[1] == '{') {
        return next_variable(cursor, out_piece);
    }
    if (at[0] == '$') {
        *out_piece = (struct plan_piece){.kind = PLAN_PIECE_LITERAL, .text = at, .length = 1};
        *cursor = at + (at[1] == '$' ? 2 : 1);
        return true;
    }
    size_t length = strcspn(at, "$");
    *out_piece = (struct plan_piece){.kind = PLAN_PIECE_LITERAL, .text = at, .length = length};
    *cursor = at + length;
    return true;
}

void plan_piece_clear(struct plan_piece *piece)
{
    if (piece->fallback) {
        explicit_bzero(piece->fallback, strlen(piece->fallback));
    }
    free(piece->name);
    free(piece->fallback);
    *piece = (struct plan_piece){0};
}

bool plan_has_variables(const char *text)
{
    return strstr(text, "${") || strstr(text, "$$");
}

bool plan_lacks_braces(const char *text)
{
    return text[0] == '$' && name_length(text + 1) > 0 && !text[1 + name_length(text + 1)];
}
