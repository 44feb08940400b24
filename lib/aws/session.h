/*
 * What calls to AWS share: the environment they are configured by, the transport, the credentials
 * held at the moment, and how far AWS's clock is from ours.
 */
#ifndef POSTLUDE_AWS_SESSION_H
#define POSTLUDE_AWS_SESSION_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/http.h"
#include "base/attr.h"
#include "base/env.h"

struct aws {
    struct env *env;         /* borrowed; variables that carry secrets are concealed in it */
    aws_http_function *http; /* aws_http_curl, or a test's script */
    int64_t pause_ms;        /* between attempts at a credentials endpoint */
    struct aws_credentials credentials;
    int64_t skew_ms; /* AWS's clock minus ours, once it turned out to matter */
};

/* A session over libcurl. Nothing is read or sent yet. */
struct aws aws_open(struct env *env);
/* Wipes the credentials. */
void aws_close(struct aws *aws);

/* The CA bundle to trust: AWS_CA_BUNDLE, or NULL for the system's. */
const char *aws_ca_file(const struct aws *aws);

static inline void aws_auto_(struct aws *aws)
{
    aws_close(aws);
}

#endif
