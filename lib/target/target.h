/*
 * Where and as whom to connect: from the plan, the environment and (with a later login kind) AWS.
 */
#ifndef POSTLUDE_TARGET_TARGET_H
#define POSTLUDE_TARGET_TARGET_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/env.h"
#include "base/error.h"
#include "pg/pg.h"
#include "plan/plan.h"

/* Expands the plan's database section and makes the address of it, which borrows from the plan.
 * The variables that held the password are concealed. ERROR_INVALID. */
MUST_CHECK bool target_resolve(struct plan *plan, struct env *env, struct pg_address *out_address,
                               struct error *err);

#endif
