/*
 * The answer that CloudFormation waits for: what a run came to, PUT to the request's ResponseURL.
 *
 * Custom resource response objects, AWS CloudFormation User Guide. The URL's query is a credential:
 * no error of this room holds more of it than the host. Errors name what CloudFormation does next.
 */
#ifndef POSTLUDE_DELIVER_CLOUDFORMATION_H
#define POSTLUDE_DELIVER_CLOUDFORMATION_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "deliver/deliver.h"
#include "trigger/trigger.h"

enum { DELIVER_ANSWER_MAX = 4096 }; /* bytes, of the whole answer */

/* Pure: whether the trigger, which is a request, has a ResponseURL that may be answered: https to
 * S3 in the partition of the stack, or this machine itself. ERROR_REFUSED. */
MUST_CHECK bool deliver_answer_check(const struct trigger *trigger, struct error *err);

/* Pure: appends the answer to *out, at most DELIVER_ANSWER_MAX bytes; what does not fit is cut from
 * Reason. SUCCESS for what ends with code 0 and for each Delete, else FAILED. The
 * PhysicalResourceId is the one that the request has, and postlude-<plan> when it is created. */
void deliver_answer_render(const struct trigger_request *request, const struct outcome *outcome,
                           struct buf *out);

/* Renders and sends it, and tries again for as long as that may help. ERROR_REFUSED as above:
 * nobody was contacted. ERROR_UNDELIVERED: it was not taken; code = HTTP status, AWS's code or the
 * transport's; where = host. */
MUST_CHECK bool deliver_answer(const struct trigger *trigger, const struct outcome *outcome,
                               const struct deliver_means *means, struct error *err);

#endif
