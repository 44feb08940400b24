/*
 * What calls to AWS share: the environment they are configured by, the transport, the credentials
 * held at the moment and where new ones come from, and how far AWS's clock is from ours.
 */
#ifndef POSTLUDE_AWS_SESSION_H
#define POSTLUDE_AWS_SESSION_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/http.h"
#include "base/attr.h"
#include "base/env.h"

enum { AWS_ROLE_ARN_SIZE = 768, AWS_ROLE_SESSION_SIZE = 65 };

/* A role to act as; made by aws_sts_role (aws/sts.h). */
struct aws_role {
    char arn[AWS_ROLE_ARN_SIZE];
    char session_name[AWS_ROLE_SESSION_SIZE];
    const char *external_id; /* borrowed; NULL: none */
    int64_t duration_s;      /* 0: STS's default, an hour */
};

struct aws {
    struct env *env;         /* borrowed; variables that carry secrets are concealed in it */
    aws_http_function *http; /* aws_http_curl, or a test's script */
    int64_t pause_ms;        /* between attempts at a credentials endpoint */
    aws_source *find;        /* gives credentials; NULL: those held are all there are */
    struct aws_credentials credentials;
    int64_t skew_ms;      /* AWS's clock minus ours, once it turned out to matter */
    struct aws *base;     /* borrowed: who asks for the role; NULL: this is nobody's role */
    struct aws_role role; /* where there is a base */
    char task_region[32]; /* of the ECS task that we run in; "" = none, or not asked yet */
};

/* A session over libcurl, with the credentials that aws_credentials_chain finds. Nothing is read or
 * sent yet. */
struct aws aws_open(struct env *env);
/* A session of the same environment and transport that has no credentials and looks for none: for
 * open calls, or to be given some. */
struct aws aws_open_bare(const struct aws *like);
/* Wipes the credentials. */
void aws_close(struct aws *aws);

/* The CA bundle to trust: AWS_CA_BUNDLE, or NULL for the system's. */
const char *aws_ca_file(const struct aws *aws);

static inline void aws_auto_(struct aws *aws)
{
    aws_close(aws);
}

#endif
