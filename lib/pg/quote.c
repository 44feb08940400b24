#include <string.h>

#include "pg/pg.h"

static void doubled(struct buf *out, const char *text, char quote, bool backslashes)
{
    buf_char(out, quote);
    for (const char *c = text; *c; c++) {
        if (*c == quote || (backslashes && *c == '\\')) {
            buf_char(out, *c);
        }
        buf_char(out, *c);
    }
    buf_char(out, quote);
}

void pg_literal(struct buf *out, const char *text)
{
    if (!text) {
        buf_text(out, "NULL");
        return;
    }
    bool backslashes = strchr(text, '\\') != NULL;
    buf_text(out, backslashes ? " E" : "");
    doubled(out, text, '\'', backslashes);
}

void pg_identifier(struct buf *out, const char *name)
{
    doubled(out, name, '"', false);
}
