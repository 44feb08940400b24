/*
 * From a refusal to what can be done about it: tables of hints, whose placeholders ("{region}")
 * stand for what was asked. Pure.
 */
#ifndef POSTLUDE_AWS_ADVICE_H
#define POSTLUDE_AWS_ADVICE_H

#include <stddef.h>

#include "aws/endpoint.h"
#include "base/error.h"

struct aws_advice {
    const char *code; /* AWS's, or "route": resolve, connect and timeout of the transport */
    const char *word; /* that the message has to hold, capital or not; NULL: any message */
    const char *hint;
};

struct aws_advice_word {
    const char *name; /* "{region}"; NULL ends the list */
    const char *value;
};

/* Puts into err the hint of the first row that fits: of the table, else of what all services say
 * alike (credentials, signatures, the way to them); without one err stays as it is. What the
 * transport says of another host than endpoint's (a credentials endpoint) does, too, and what
 * ended because the run was told to stop. */
void aws_advise(const struct aws_advice *advices, size_t count, const struct aws_advice_word *words,
                const struct aws_endpoint *endpoint, struct error *err);

#endif
