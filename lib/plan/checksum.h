/* Internal to the room: is a migration's text fit to be run, and which text is it. Pure. */
#ifndef POSTLUDE_PLAN_CHECKSUM_H
#define POSTLUDE_PLAN_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/digest.h"
#include "plan/spot.h"

/* The text behind a BOM; *length is made to match. */
const char *plan_without_bom(const char *text, size_t *length);

/* Ends the digest and writes it as "sha256:hex". */
void plan_digest_text(struct digest *digest, char out_text[7 + DIGEST_HEX_SIZE]);

/* Bytes of text, without a BOM, up to the last that is no blank and no line end. */
size_t plan_trimmed(const char *text, size_t length);

/* UTF-8 and no NUL; what is wrong becomes a finding at its line and column of spot->file. */
bool plan_check_sql(const char *text, size_t length, const struct plan_spot *spot);

#endif
