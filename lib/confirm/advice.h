/* What to do about a question that CodePipeline did not answer. Pure. Not for other rooms. */
#ifndef POSTLUDE_CONFIRM_ADVICE_H
#define POSTLUDE_CONFIRM_ADVICE_H

#include <stdbool.h>

#include "aws/endpoint.h"
#include "base/error.h"
#include "trigger/trigger.h"

struct confirm_question {
    const struct trigger *trigger;
    const char *role; /* that asks; NULL: the task's own */
    const struct aws_endpoint *endpoint;
};

/* Whether a refusal of this code may be another answer in a moment. */
bool confirm_passing(const char *code);

/* Puts into err the hint that fits its code, where there is one. */
void confirm_advise(const struct confirm_question *question, struct error *err);

#endif
