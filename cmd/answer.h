/* What goes to stdout, and the one place that prints an error. */
#ifndef POSTLUDE_CMD_ANSWER_H
#define POSTLUDE_CMD_ANSWER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "cmd/settings.h"
#include "outcome/outcome.h"

/* Writes the text to stdout; 0, or the exit code of an internal error when it could not, which is
 * then said on stderr. */
int answer_text(const struct buf *text);
/* The same for a document and a line end. */
int answer_json(const json_t *document);
/* The same, given up when nobody reads for so long: where there is more to do than to answer. On a
 * terminal, whose reader may have stopped it, neither is. */
int answer_text_within(const struct buf *text, int64_t stall_ms);
int answer_json_within(const json_t *document, int64_t stall_ms);

/* Appends text as lines of at most width columns where words allow, control characters shown: the
 * first line begins with `first`, the others with `rest`. */
void answer_wrap(const char *text, size_t width, const char *first, const char *rest,
                 struct buf *out);

/* "postlude: place: message" and the hint, wrapped to the width. */
void answer_describe(const struct error *error, size_t width, struct buf *out);

/* The error as the object that the report carries too; null for none. New reference. */
json_t *answer_error_object(const struct error *error);

/* The log's closing line: what it came to, in fields. */
void answer_log_end(const struct outcome *outcome);

#endif
