/* Internal to the room: which of the keys that say how to log in a plan needs, and which exclude
 * each other. Pure. */
#ifndef POSTLUDE_PLAN_LOGIN_H
#define POSTLUDE_PLAN_LOGIN_H

#include "plan/plan.h"
#include "plan/spot.h"

/* Adds what is wrong with them as far as can be told: a value that may come to nothing,
 * "${NAME:-}", and an iam that is still a variable are waited for. To be called once the plan is
 * parsed, and again once "database" is expanded; what was told is not told again. */
void plan_login_check(struct plan *plan, const struct plan_spot *spot);

#endif
