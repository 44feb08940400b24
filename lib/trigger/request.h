/*
 * Requests of CloudFormation for a custom resource, bare or in an SNS notification. Not for other
 * rooms: struct trigger_request is trigger.h's.
 */
#ifndef POSTLUDE_TRIGGER_REQUEST_H
#define POSTLUDE_TRIGGER_REQUEST_H

#include <jansson.h>

#include "base/attr.h"
#include "base/buf.h"
#include "trigger/claim.h"
#include "trigger/trigger.h"

/* The request in an event: the event itself, or the JSON text of an SNS notification's Message, as
 * SNS sends it or in the one record that a Lambda function gets. New reference; NULL: there is
 * none. */
json_t *trigger_request_find(json_t *event);

/* Makes claim->request of it, and of its stack's and its own id the claim's region, account and id.
 * Never fails: the request's `wrong` says what is not as CloudFormation sends it. */
void trigger_request_read(struct claim *claim, const json_t *json);

void trigger_request_free(struct trigger_request *request); /* NULL is fine */

/* "CloudFormation Create of Migration in stack arn:..." */
void trigger_request_describe(const struct trigger_request *request, struct buf *out);

#endif
