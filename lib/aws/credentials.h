/*
 * Who we are to AWS: an ordered chain of providers, of which the first that is configured decides.
 *
 * In this order: environment variables; the endpoint at which ECS and EKS hand out a role's
 * temporary credentials. A provider that is configured but broken is an error, and not a reason to
 * try the next one: it would run as somebody else than was meant.
 */
#ifndef POSTLUDE_AWS_CREDENTIALS_H
#define POSTLUDE_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/limit.h"
#include "base/attr.h"
#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"

struct aws;

struct aws_credentials {
    char access_key_id[132]; /* "" = none */
    struct secret secret_key;
    struct secret session_token; /* temporary credentials only */
    int64_t expires_ms;          /* wall clock; INT64_MAX = never */
    const char *source;          /* for messages: "environment variables", "container endpoint" */
};

/* Sees to it that aws->credentials can be used: reads them when there are none or when less than 15
 * minutes are left of them. A failed refresh is no error while the old ones are valid for another
 * minute. ERROR_DENIED: none configured, or configured wrongly; ERROR_UNREACHABLE: the endpoint
 * does not answer; ERROR_INTERRUPTED. */
MUST_CHECK bool aws_credentials_ready(struct aws *aws, struct aws_limit *limit, struct error *err);

/* Forgets the ones held, so that the next call reads them anew. */
void aws_credentials_forget(struct aws *aws);

/* One provider: true with an access key id when it has some, true without one when it is not
 * configured, false when it is configured but does not work. */
typedef bool aws_provider(struct aws *aws, struct aws_limit *limit,
                          struct aws_credentials *out_credentials, struct error *err);
MUST_CHECK bool aws_credentials_env(struct aws *aws, struct aws_limit *limit,
                                    struct aws_credentials *out_credentials, struct error *err);
MUST_CHECK bool aws_credentials_container(struct aws *aws, struct aws_limit *limit,
                                          struct aws_credentials *out_credentials,
                                          struct error *err);

/* Pure: reads the answer of a container endpoint. ERROR_UNREACHABLE: it is not one (yet). */
MUST_CHECK bool aws_credentials_parse(const char *text, size_t length,
                                      struct aws_credentials *out_credentials, struct error *err);

/* Whether text is one or more printable ASCII characters without blanks. */
bool aws_credentials_is_plain(const char *text);

void aws_credentials_clear(struct aws_credentials *credentials);

static inline void aws_credentials_auto_(struct aws_credentials *credentials)
{
    aws_credentials_clear(credentials);
}

#endif
