/* Files, read whole and with a limit. */
#ifndef POSTLUDE_BASE_FILE_H
#define POSTLUDE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

/* Appends the file at path to *out ("-" is standard input), whose maximum is the limit.
 * ERROR_INVALID: absent, not readable, a directory, or too large (code EFBIG); where = path. */
MUST_CHECK bool file_read(const char *path, struct buf *out, struct error *err);

bool file_exists(const char *path);

#endif
