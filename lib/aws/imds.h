/*
 * The metadata service of an EC2 instance, version 2 (with a session token) only. A token is asked
 * for with a short wait, so that where there is no such service nobody waits for it.
 */
#ifndef POSTLUDE_AWS_IMDS_H
#define POSTLUDE_AWS_IMDS_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/limit.h"
#include "aws/session.h"
#include "aws/url.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"

struct aws_imds {
    struct aws *aws; /* borrowed */
    char base[AWS_PATH_SIZE];
    struct secret token; /* unset: there is no such service here */
    int64_t timeout_ms;
    int attempts;
};

/* Gets a token. True without one, and a clause in *why, when the service is switched off, not to be
 * expected here (in an ECS task), or does not answer. False when its settings are wrong or it
 * answers with something else: ERROR_DENIED, ERROR_UNREACHABLE, ERROR_INTERRUPTED. The caller
 * closes *out_imds. */
MUST_CHECK bool aws_imds_open(struct aws *aws, struct aws_limit *limit, struct aws_imds *out_imds,
                              struct buf *why, struct error *err);

/* Appends what stands at a path ("placement/region"). ERROR_UNREACHABLE with the status as code
 * when there is nothing. */
MUST_CHECK bool aws_imds_get(const struct aws_imds *imds, const char *path, struct aws_limit *limit,
                             struct buf *out, struct error *err);

/* Wipes the token; safe on a zeroed struct. */
void aws_imds_close(struct aws_imds *imds);

static inline void aws_imds_auto_(struct aws_imds *imds)
{
    aws_imds_close(imds);
}

#endif
