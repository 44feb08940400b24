/*
 * Started by CloudFormation: what a run owes the stack that waits for it. All of it is nothing when
 * the trigger is no request.
 */
#ifndef POSTLUDE_CMD_STACK_H
#define POSTLUDE_CMD_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/session.h"
#include "base/env.h"
#include "base/error.h"
#include "cmd/settings.h"
#include "outcome/outcome.h"
#include "trigger/trigger.h"

/* Takes a request, whose URL is a credential, out of the command line and the environment block
 * that others on the machine can read. argv then points to copies, which live as long as we do. */
void stack_conceal(int argc, char **argv, struct env *env);

/* That the request is whole and its ResponseURL may be answered. ERROR_REFUSED. */
MUST_CHECK bool stack_check(const struct trigger *trigger, struct error *err);

/* What the stack would be told, for validate; NULL when nothing would be sent. */
const char *stack_prospect(const struct trigger *trigger);

/* The run's deadline: the plan's, or earlier where CloudFormation waits no longer than that. It is
 * left a twelfth of its time, five minutes of an hour, to start the task and to be answered. */
int64_t stack_deadline_ms(const struct trigger *trigger, int64_t since_start_ms, int64_t plan_ms);

/* Tells the stack what this run came to, which is settled; a dry run tells it nothing. False when
 * it should have been told and was not: that is logged, and how to do it by hand. */
MUST_CHECK bool stack_answer(const struct settings *settings, const struct trigger *trigger,
                             const struct outcome *outcome, struct aws *aws);

#endif
