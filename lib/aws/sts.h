/*
 * STS: temporary credentials of a role, by AssumeRole (signed) and by AssumeRoleWithWebIdentity
 * (open, vouched for by a token). Query protocol, version 2011-06-15, in the region that
 * aws_region_find gives, so that a VPC endpoint can answer.
 */
#ifndef POSTLUDE_AWS_STS_H
#define POSTLUDE_AWS_STS_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"

/* Makes *out_aws a session that acts as a role: it signs with credentials that AssumeRole gives to
 * base, and gets new ones through base before they run out. The first are asked for here. base is
 * borrowed and outlives it; the caller ends it with aws_close. session_name is what CloudTrail
 * shows ([\w+=,.@-], 2 to 64 of them); NULL: "postlude-" and the time.
 * ERROR_INVALID: not the ARN of a role, a bad name, or no region; ERROR_DENIED: STS refuses (code =
 * AWS's, the hint names the right or the trust policy that is missing), or base has no credentials;
 * ERROR_UNREACHABLE; ERROR_INTERRUPTED. */
MUST_CHECK bool aws_assume_role(struct aws *base, const char *role_arn, const char *session_name,
                                struct aws_limit *limit, struct aws *out_aws, struct error *err);

/* Makes *out_role from its parts; NULL and "" stand for the default. ERROR_INVALID. */
MUST_CHECK bool aws_sts_role(const char *role_arn, const char *session_name,
                             struct aws_role *out_role, struct error *err);

/* AssumeRole, once, signed by base. Errors: aws_assume_role's. */
MUST_CHECK bool aws_sts_assume(struct aws *base, const struct aws_role *role,
                               struct aws_limit *limit, struct aws_credentials *out_credentials,
                               struct error *err);

/* AssumeRoleWithWebIdentity, once, neither signed nor with credentials; the token is read from its
 * file here. Errors: aws_assume_role's, and ERROR_DENIED when the file is no token. */
MUST_CHECK bool aws_sts_web_identity(struct aws *aws, const struct aws_role *role,
                                     const char *token_file, struct aws_limit *limit,
                                     struct aws_credentials *out_credentials, struct error *err);

/* Pure: reads the answer to either. False when it lacks one of the four parts of credentials. */
MUST_CHECK bool aws_sts_read(const char *xml, size_t length,
                             struct aws_credentials *out_credentials);

/* Pure: puts into err the hint that fits its code, where there is one. */
void aws_sts_advise(const char *role_arn, const struct aws_endpoint *endpoint, struct error *err);

#endif
