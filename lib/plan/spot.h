/* Internal to the room: a place in a file that findings are about. */
#ifndef POSTLUDE_PLAN_SPOT_H
#define POSTLUDE_PLAN_SPOT_H

#include "base/attr.h"
#include "base/finding.h"

struct plan_spot {
    struct findings *findings;
    const char *file;
    unsigned line, column;
    const char *written; /* what to quote instead of a value that came out of a secret's variable,
                            or NULL */
};

/* The same file, another line and column. */
struct plan_spot plan_spot_at(const struct plan_spot *spot, unsigned line, unsigned column);

/* Adds a finding there; never NULL, valid until the next one. */
struct finding *plan_error(const struct plan_spot *spot, const char *format, ...) PRINTF(2, 3);
struct finding *plan_warning(const struct plan_spot *spot, const char *format, ...) PRINTF(2, 3);

/* Text from a file as it may be put into a message: control characters escaped, long text cut. The
 * caller frees it. */
char *plan_shown(const char *text);

#endif
