/* Internal to the room: a glob's files. */
#ifndef POSTLUDE_PLAN_GLOB_H
#define POSTLUDE_PLAN_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "plan/spot.h"

struct plan_names {
    char **items;
    size_t count, capacity;
};

/* The files that match pattern, whose last part only can hold * ? [...], as paths relative to
 * folder, sorted by bytes. A name that starts with a dot is matched by a dot only. false: there is
 * a finding at spot. The caller frees *out_names. */
bool plan_glob(const char *folder, const char *pattern, struct plan_names *out_names,
               const struct plan_spot *spot);
void plan_names_free(struct plan_names *names); /* safe on a zeroed struct and twice */

/* The name in the folder that is nearest to this one, for a suggestion; the caller frees it. NULL =
 * none. */
char *plan_nearest_file(const char *folder, const char *file);

static inline void plan_names_auto_(struct plan_names *names)
{
    plan_names_free(names);
}

#endif
