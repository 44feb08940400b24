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

/* AWS_REGION, else AWS_DEFAULT_REGION. ERROR_INVALID: neither is set, or to what is no region. */
MUST_CHECK bool aws_region_find(struct aws *aws, struct aws_limit *limit,
                                char out_region[AWS_REGION_SIZE], struct error *err);

#endif
