/*
 * Where a service answers: ARNs, partitions, host names, and the variables that override them.
 * Pure but for the env that is handed in.
 */
#ifndef POSTLUDE_AWS_ENDPOINT_H
#define POSTLUDE_AWS_ENDPOINT_H

#include <stdbool.h>

#include "aws/url.h"
#include "base/attr.h"
#include "base/env.h"
#include "base/error.h"

/* arn:partition:service:region:account:resource */
struct aws_arn {
    char partition[24];
    char service[32];
    char region[32];
    char account[16];
    char resource[512];
};

/* ERROR_INVALID when text is not an ARN with a region and a 12-digit account. */
MUST_CHECK bool aws_arn_parse(const char *text, struct aws_arn *out_arn, struct error *err);

enum aws_service { AWS_SNS, AWS_STS, AWS_SECRETS_MANAGER, AWS_SSM, AWS_CODEPIPELINE };

struct aws_endpoint {
    const char *signing_name; /* of the service, for the signature's scope */
    const char *variable;     /* that it comes from; NULL: from the partition */
    char region[32];
    char url[AWS_PATH_SIZE]; /* complete, with a path */
};

/* The endpoint of a service in a region: AWS_ENDPOINT_URL_<SERVICE>, else AWS_ENDPOINT_URL (neither
 * when AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), else the partition's host, FIPS or dual-stack
 * when AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT is true. ERROR_INVALID: a variable that
 * is no usable URL. */
MUST_CHECK bool aws_endpoint_find(const struct env *env, enum aws_service service,
                                  const char *region, struct aws_endpoint *out_endpoint,
                                  struct error *err);

/* What stands behind the region in host names of its partition: "amazonaws.com". */
const char *aws_partition_suffix(const char *region);
/* The partition as ARNs name it: "aws", "aws-cn". */
const char *aws_partition_name(const char *region);
/* Whether two regions are of one partition. */
bool aws_partition_same(const char *a, const char *b);

#endif
