/*
 * The token that stands for a password where RDS and RDS Proxy authenticate by IAM: a presigned
 * request in query form, valid for 15 minutes, asked for at connect time only. Pure.
 */
#ifndef POSTLUDE_AWS_RDS_TOKEN_H
#define POSTLUDE_AWS_RDS_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/secret.h"

struct aws_rds_login {
    const char *host; /* as the server knows itself: no alias */
    int port;
    const char *user;
    const char *region; /* of the database */
};

/* Signs a token as of time_ms (wall clock, as AWS sees it). Its text keeps the host as it is
 * written and the port; what is signed has the host in lower case, and no port where that is 443,
 * as in AWS's own tools. ERROR_INTERNAL: larger than any we make. */
MUST_CHECK bool aws_rds_token(const struct aws_rds_login *login,
                              const struct aws_credentials *credentials, int64_t time_ms,
                              struct secret *out_token, struct error *err);

/* The region that an endpoint's own name tells ("x.proxy-c9ab.eu-west-3.rds.amazonaws.com"), into
 * out_region; false for any other name. */
MUST_CHECK bool aws_rds_region(const char *host, char *out_region, size_t size);

#endif
