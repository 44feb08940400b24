/*
 * One call of a service that speaks AWS JSON 1.1: Secrets Manager, SSM, CodePipeline.
 */
#ifndef POSTLUDE_AWS_JSON_CALL_H
#define POSTLUDE_AWS_JSON_CALL_H

#include <stdbool.h>

#include "aws/call.h"
#include "aws/endpoint.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"

struct aws_json_call {
    enum aws_service service;
    const char *region;
    const char *target;    /* "secretsmanager.GetSecretValue" */
    const json_t *request; /* borrowed */
};

/* Calls, in AWS's standard retry mode (3 attempts), and reads the answer: an object, wiped by the
 * caller's json_decref as far as jansson does that. Error kinds and code: aws_call_send's, and
 * ERROR_DENIED with code 200 when what answers is not this service. where = the endpoint's host. */
MUST_CHECK bool aws_json_call_send(struct aws *aws, const struct aws_json_call *call,
                                   struct aws_limit *limit, json_t **out_answer, struct error *err);

#endif
