/* Internal to the room: one "key: value" of the document put into the plan. */
#ifndef POSTLUDE_PLAN_MEMBER_H
#define POSTLUDE_PLAN_MEMBER_H

#include <stdbool.h>

#include "plan/keys.h"
#include "plan/node.h"
#include "plan/spot.h"

/* base is the struct plan, or the struct plan_migration for keys of an entry. What is wrong becomes
 * a finding. */
void plan_member_read(const struct plan_key *key, const struct plan_node *node, void *base,
                      const struct plan_spot *spot);

/* Whether the value is of this kind; if not, that is a finding. */
bool plan_member_is(const struct plan_key *key, const struct plan_node *node,
                    enum plan_node_kind kind, const struct plan_spot *spot);

/* The text of a value of which nothing is expanded; false, with a finding, when it holds "${". */
bool plan_member_plain(const char *what, const struct plan_node *node,
                       const struct plan_spot *spot);

#endif
