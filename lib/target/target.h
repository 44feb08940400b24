/*
 * Where and as whom to connect: from the plan, the environment and AWS.
 *
 * One target lasts as long as its run and is asked before each connection, since what opens the
 * database changes meanwhile. It is what the engine's request takes as its address function.
 */
#ifndef POSTLUDE_TARGET_TARGET_H
#define POSTLUDE_TARGET_TARGET_H

#include <stdbool.h>

#include "aws/session.h"
#include "base/attr.h"
#include "base/env.h"
#include "base/error.h"
#include "pg/pg.h"
#include "plan/plan.h"

struct target;

/* Expands the plan's database section; nobody is asked anything yet. The variables that held the
 * password are concealed. Plan and aws are borrowed for the target's life. ERROR_INVALID. The
 * caller closes *out_target. */
MUST_CHECK bool target_open(struct plan *plan, struct env *env, struct aws *aws,
                            struct target **out_target, struct error *err);
void target_close(struct target *target); /* wipes the password; NULL is fine */

/* The next connection's address: a pg_address_fn whose context is the target. */
MUST_CHECK bool target_address(void *target, const struct pg_asking *asking,
                               struct pg_address *out_address, struct error *err);

DEFINE_AUTO(target, struct target *, target_close)

#endif
