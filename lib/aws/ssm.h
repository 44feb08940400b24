/*
 * Parameter Store of Systems Manager: one parameter's value.
 */
#ifndef POSTLUDE_AWS_SSM_H
#define POSTLUDE_AWS_SSM_H

#include <stdbool.h>

#include "aws/endpoint.h"
#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"

/* Reads the parameter of that name (a path, perhaps with ":version" or ":label") or ARN, decrypted
 * where it is a SecureString, without blanks around it. Kinds of aws_json_call_send. The hint names
 * the right, key or route that is missing. The caller frees *out_value. */
MUST_CHECK bool aws_ssm_read(struct aws *aws, const char *name, struct aws_limit *limit,
                             char **out_value, struct error *err);

/* Pure: the value in an answer to GetParameter, without blanks around it, or NULL. The caller frees
 * it. */
char *aws_ssm_value(const json_t *answer);

/* Pure: puts into err the hint that fits its code, where there is one. */
void aws_ssm_advise(const char *name, const struct aws_endpoint *endpoint, struct error *err);

#endif
