/*
 * Files, read whole and with a limit.
 *
 * Reading never waits for somebody to write: a pipe, a socket or a terminal in the place of a file
 * is refused, but for what a person names on the command line.
 */
#ifndef POSTLUDE_BASE_FILE_H
#define POSTLUDE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

/* Appends the file at path to *out, whose maximum is the limit. ERROR_INVALID: absent, not
 * readable, a directory, a pipe or socket, or too large (code EFBIG); where = path. A device is
 * read as far as it has something at once: /dev/null is an empty file. */
MUST_CHECK bool file_read(const char *path, struct buf *out, struct error *err);

/* The same for what was named on the command line: "-" is standard input, and a pipe, as a shell's
 * <(...) is one, is read to its end, however long that takes. */
MUST_CHECK bool file_read_input(const char *path, struct buf *out, struct error *err);

bool file_exists(const char *path);

#endif
