/*
 * The region in which to ask, where no ARN says it.
 */
#ifndef POSTLUDE_AWS_REGION_H
#define POSTLUDE_AWS_REGION_H

#include <stdbool.h>

#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"

enum { AWS_REGION_SIZE = 32 };

/* AWS_REGION, else AWS_DEFAULT_REGION, else that of the ECS task we run in, once it was asked for
 * (aws/task.h), else the profile's region, else, when an EC2 instance gives us our credentials, the
 * instance's. ERROR_INVALID: none of them is known, or what is no region; ERROR_DENIED: profile
 * files that cannot be read; ERROR_UNREACHABLE, ERROR_INTERRUPTED: as the instance was asked. */
MUST_CHECK bool aws_region_find(struct aws *aws, struct aws_limit *limit,
                                char out_region[AWS_REGION_SIZE], struct error *err);

#endif
