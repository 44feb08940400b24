/* Internal to the room: "command" of an entry, a program and its arguments. */
#ifndef POSTLUDE_PLAN_COMMAND_H
#define POSTLUDE_PLAN_COMMAND_H

#include "plan/keys.h"
#include "plan/node.h"
#include "plan/spot.h"

/* Puts a NULL-terminated argv at the key's place in the entry, in place of what is there. What is
 * wrong becomes a finding, and then nothing is put there. */
void plan_command_read(const struct plan_key *key, const struct plan_node *node,
                       struct plan_migration *entry, const struct plan_spot *spot);

void plan_command_free(char **command); /* NULL is fine */

#endif
