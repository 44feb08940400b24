/* Text from outside in the Markdown of chat platforms (Slack's, Teams'), so that it neither
 * formats, links nor calls anybody, and is no line of its own. Pure. Not for other rooms. */
#ifndef POSTLUDE_OUTCOME_MARKUP_H
#define POSTLUDE_OUTCOME_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* Appends text (may be NULL), at most max bytes of it as escaped, and "..." where it was cut. */
void outcome_markup_plain(const char *text, size_t max, struct buf *out);
/* The same as a code span, to be copied: but for a backquote, it is what it was. */
void outcome_markup_code(const char *text, size_t max, struct buf *out);

/* An https address of plain characters, to be clicked; false, and nothing appended: it is none. */
MUST_CHECK bool outcome_markup_link(const char *url, struct buf *out);

#endif
