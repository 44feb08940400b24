/*
 * Internal to the room: a plan's text as struct plan, before any migration file is looked at.
 * Pure; this is what the fuzz target runs.
 */
#ifndef POSTLUDE_PLAN_PARSE_H
#define POSTLUDE_PLAN_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "plan/plan.h"

/* An entry of "migrations" as written: its migration has what the plan says of it. */
struct plan_entry {
    struct plan_migration migration; /* file: the file or glob; id NULL = from the file's name */
    bool glob;
};

struct plan_entries {
    struct plan_entry *items;
    size_t count, capacity;
};

/* NULL when it is no YAML mapping; the caller frees it and the entries. `path` names the plan in
 * findings. The plan has no migrations yet. */
struct plan *plan_parse(const char *text, size_t length, const char *path,
                        struct plan_entries *out_entries, struct findings *findings);
void plan_entries_free(struct plan_entries *entries); /* safe on a zeroed struct and twice */
void plan_migration_clear(struct plan_migration *migration);

static inline void plan_entries_auto_(struct plan_entries *entries)
{
    plan_entries_free(entries);
}

#endif
