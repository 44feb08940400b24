/* Internal to the room: the list "migrations" as the plan writes it. */
#ifndef POSTLUDE_PLAN_ENTRIES_H
#define POSTLUDE_PLAN_ENTRIES_H

#include "plan/node.h"
#include "plan/parse.h"

/* Adds every entry that can be understood; what is wrong with one becomes a finding. `run` gives
 * the time limits an entry does not have itself. */
void plan_entries_read(const struct plan_node *node, const struct plan_run *run,
                       struct plan_entries *out_entries, const struct plan_spot *spot);

#endif
