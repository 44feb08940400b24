/* Internal to the room: one value's text read as its key wants it. */
#ifndef POSTLUDE_PLAN_VALUE_H
#define POSTLUDE_PLAN_VALUE_H

#include <stdbool.h>

#include "plan/keys.h"
#include "plan/spot.h"

/* Reads text, which holds no ${} any more, and puts what it means at the key's value_at in base
 * (struct plan or struct plan_migration). What is wrong with it becomes a finding. */
bool plan_value_read(const struct plan_key *key, const char *text, void *base,
                     const struct plan_spot *spot);

/* Puts the key's fallback there, if it has one. */
void plan_value_fallback(const struct plan_key *key, struct plan *plan);

/* The field at text_at; the key must have one. */
struct plan_text *plan_value_text(const struct plan_key *key, struct plan *plan);
struct plan_list *plan_value_list(const struct plan_key *key, struct plan *plan);
/* The same, to read. */
const struct plan_text *plan_value_text_of(const struct plan_key *key, const struct plan *plan);
const struct plan_list *plan_value_list_of(const struct plan_key *key, const struct plan *plan);

#endif
