/*
 * Who we are to AWS: an ordered chain of providers, of which the first that is configured decides.
 *
 * In this order: environment variables; a web identity (STS); the endpoint at which ECS and EKS
 * hand out a role's temporary credentials; profile files; the metadata service of an EC2 instance
 * (IMDSv2). A provider that is configured but broken is an error, and not a reason to try the next
 * one: it would run as somebody else than was meant.
 */
#ifndef POSTLUDE_AWS_CREDENTIALS_H
#define POSTLUDE_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/limit.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"
#include "base/secret.h"

struct aws;

/* The source of credentials that an EC2 instance gave. */
#define AWS_SOURCE_INSTANCE "instance metadata"

struct aws_credentials {
    char access_key_id[132]; /* "" = none */
    struct secret secret_key;
    struct secret session_token; /* temporary credentials only */
    int64_t expires_ms;          /* wall clock; INT64_MAX = never */
    const char *source;          /* for messages: "environment variables", "container endpoint" */
};

/* Where a session gets credentials from. ERROR_DENIED: none configured, or configured wrongly;
 * ERROR_INVALID: no region to ask in; ERROR_UNREACHABLE: who gives them does not answer;
 * ERROR_INTERRUPTED. */
typedef bool aws_source(struct aws *aws, struct aws_limit *limit,
                        struct aws_credentials *out_credentials, struct error *err);

/* Sees to it that aws->credentials can be used: reads them when there are none or when less than 15
 * minutes are left of them. A failed refresh is no error while the old ones are valid for another
 * minute. Errors are those of aws_source. */
MUST_CHECK bool aws_credentials_ready(struct aws *aws, struct aws_limit *limit, struct error *err);

/* Forgets the ones held, so that the next call reads them anew; where there is nothing to read them
 * from, they stay. */
void aws_credentials_forget(struct aws *aws);

/* The chain. When nothing is configured, the error says for each provider what it lacks. The first
 * time in the life of the process it logs who won, and warns when that hides somebody else who was
 * configured. */
MUST_CHECK bool aws_credentials_chain(struct aws *aws, struct aws_limit *limit,
                                      struct aws_credentials *out_credentials, struct error *err);

/* One provider: true with an access key id when it has some; true without one when it is not
 * configured, and a clause in *why says what is missing; false when it is configured but does not
 * work. */
typedef bool aws_provider(struct aws *aws, struct aws_limit *limit,
                          struct aws_credentials *out_credentials, struct buf *why,
                          struct error *err);
MUST_CHECK bool aws_credentials_env(struct aws *aws, struct aws_limit *limit,
                                    struct aws_credentials *out_credentials, struct buf *why,
                                    struct error *err);
MUST_CHECK bool aws_credentials_web(struct aws *aws, struct aws_limit *limit,
                                    struct aws_credentials *out_credentials, struct buf *why,
                                    struct error *err);
MUST_CHECK bool aws_credentials_container(struct aws *aws, struct aws_limit *limit,
                                          struct aws_credentials *out_credentials, struct buf *why,
                                          struct error *err);

MUST_CHECK bool aws_credentials_profile(struct aws *aws, struct aws_limit *limit,
                                        struct aws_credentials *out_credentials, struct buf *why,
                                        struct error *err);
MUST_CHECK bool aws_credentials_instance(struct aws *aws, struct aws_limit *limit,
                                         struct aws_credentials *out_credentials, struct buf *why,
                                         struct error *err);

/* Pure: reads the JSON with which container endpoints and instance metadata answer.
 * ERROR_UNREACHABLE: it is not that (yet); `who` begins the message ("the container credentials
 * endpoint"). */
MUST_CHECK bool aws_credentials_parse(const char *who, const char *text, size_t length,
                                      struct aws_credentials *out_credentials, struct error *err);

/* Pure: fills *out_credentials from keys that somebody typed or pasted; token may be NULL. False,
 * with what is wrong with which of the three names in err (ERROR_DENIED), never a value. */
MUST_CHECK bool aws_credentials_typed(const char *const names[3], const char *const values[3],
                                      struct aws_credentials *out_credentials, struct error *err);

/* Whether text is one or more printable ASCII characters without blanks. */
bool aws_credentials_is_plain(const char *text);

void aws_credentials_clear(struct aws_credentials *credentials);

static inline void aws_credentials_auto_(struct aws_credentials *credentials)
{
    aws_credentials_clear(credentials);
}

#endif
