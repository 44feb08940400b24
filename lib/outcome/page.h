/* Lines of a stated width: words wrap with a hanging indent. Not for other rooms. */
#ifndef POSTLUDE_OUTCOME_PAGE_H
#define POSTLUDE_OUTCOME_PAGE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* Appends lead and text, text broken at blanks so that no line is longer than `width` characters;
 * further lines are indented by `indent`. A line break in text is kept; a word that is too long
 * stays whole. Both must be escaped already. Ends the line. */
void outcome_page_wrap(struct buf *out, size_t width, size_t indent, const char *lead,
                       const char *text);

enum { PAGE_ROWS_MAX = 16 };

/* Rows "label: value" whose values stand below each other. Zero is empty. */
struct page_rows {
    struct {
        const char *label; /* static */
        struct buf value;
    } items[PAGE_ROWS_MAX];
    size_t count;
};

/* A new row; its value, escaped, is written to the buf returned. */
struct buf *outcome_page_row(struct page_rows *rows, const char *label);
/* Appends them; where labels would take half the width, they stand on lines of their own. */
void outcome_page_write_rows(const struct page_rows *rows, size_t width, struct buf *out);
void outcome_page_rows_free(struct page_rows *rows);

static inline void page_rows_auto_(struct page_rows *rows)
{
    outcome_page_rows_free(rows);
}

#endif
