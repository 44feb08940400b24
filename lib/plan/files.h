/*
 * Internal to the room: the files below the plan's folder, found, confined to it and digested.
 */
#ifndef POSTLUDE_PLAN_FILES_H
#define POSTLUDE_PLAN_FILES_H

#include "plan/parse.h"
#include "plan/spot.h"

/* Fills plan->migrations from the entries, which it takes apart, and plan->digest. plan->folder is
 * set. What is wrong becomes a finding. */
void plan_files_find(struct plan *plan, struct plan_entries *entries, const struct plan_spot *spot);

#endif
