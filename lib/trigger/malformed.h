/* Names the likely mistake behind a text that is no event. Not for other rooms. */
#ifndef POSTLUDE_TRIGGER_MALFORMED_H
#define POSTLUDE_TRIGGER_MALFORMED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "trigger/claim.h"

/* For text that is no JSON, `why` being what the reader said. Always false, ERROR_REFUSED. */
bool trigger_malformed_text(const struct claim *claim, const char *text, size_t length,
                            const struct error *why, struct error *err);
/* For JSON that is no event envelope. Always false, ERROR_REFUSED. */
bool trigger_malformed_json(const struct claim *claim, json_t *value, struct error *err);

#endif
