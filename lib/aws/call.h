/*
 * One signed call to an AWS service, tried again as AWS's standard retry mode does.
 *
 * Each attempt has a fresh date, signature and token. Between attempts a random part of a doubling
 * pause goes by. A signature refused while the clocks differ is tried once more by AWS's clock, and
 * credentials that ran out are read once more; neither counts as an attempt.
 */
#ifndef POSTLUDE_AWS_CALL_H
#define POSTLUDE_AWS_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/endpoint.h"
#include "aws/fault.h"
#include "aws/http.h"
#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"

struct aws_call {
    const struct aws_endpoint *endpoint;
    const char *content_type;
    const char *target; /* X-Amz-Target of the JSON protocols, or NULL */
    bool open;          /* neither signed nor sent with credentials */
    const char *body;
    size_t body_length;
    size_t response_max;
    int attempts;       /* at least 1 */
    int64_t pause_ms;   /* the first pause's maximum; it doubles, up to 20 s */
    int64_t timeout_ms; /* of one attempt */
};

/* Does the call; a success is a status below 300. The caller clears *out_response. After a refusal
 * out_fault says what the service said, and err says it in words: ERROR_DENIED when it is final,
 * ERROR_UNREACHABLE when all attempts met passing faults; code = AWS's code, or the status. Errors
 * of credentials and transport come as they are, out_fault being all zero; the code of those of
 * credentials ends in "Credentials", so that nobody takes it for the service's. */
MUST_CHECK bool aws_call_send(struct aws *aws, const struct aws_call *call, struct aws_limit *limit,
                              struct aws_http_response *out_response, struct aws_fault *out_fault,
                              struct error *err);

#endif
