/* Base64 (RFC 4648, section 4). Pure. */
#ifndef POSTLUDE_BASE_BASE64_H
#define POSTLUDE_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* Appends what text stands for. False where it is no Base64: another character, line breaks among
 * them, padding that is missing or wrong, or bits behind the last byte. */
MUST_CHECK bool base64_decode(struct buf *out, const char *text, size_t length);

#endif
