/*
 * AWS Signature Version 4, in its own stages over one struct. Pure: the time comes in.
 *
 * The stages are those of AWS's text, so that a test can hold each against a vector: canonical
 * request, string to sign, signature, Authorization header. The query form (presigned URLs,
 * database tokens) shares all but the last. Every header given is signed, but for those that
 * proxies and HTTP itself change on the way; host and x-amz-date have to be among them.
 */
#ifndef POSTLUDE_AWS_SIGV4_H
#define POSTLUDE_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/http.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/secret.h"

struct aws_sigv4 {
    /* given: */
    const char *method;
    const char *path;  /* as it goes over the wire, not normalised */
    const char *query; /* likewise, without the question mark; "" = none */
    const struct aws_header *headers;
    size_t header_count;
    const void *body;
    size_t body_length;
    const char *access_key_id;
    const struct secret *secret_key;
    const char *region, *service;
    int64_t time_ms;

    /* made, in this order: */
    struct buf signed_headers;
    struct buf canonical_request; /* holds the session token */
    struct buf string_to_sign;
    char signature[DIGEST_HEX_SIZE];
    struct buf authorization;
};

/* Fills canonical_request and signed_headers. */
void aws_sigv4_canonical_request(struct aws_sigv4 *sigv4);
/* Fills string_to_sign from canonical_request. */
void aws_sigv4_string_to_sign(struct aws_sigv4 *sigv4);
/* Derives the key that signs at that time, in that region, for that service; the caller wipes it.
 */
void aws_sigv4_key(const struct aws_sigv4 *sigv4, unsigned char out_key[DIGEST_SIZE]);
/* Fills signature from string_to_sign; the derived keys are wiped. */
void aws_sigv4_signature(struct aws_sigv4 *sigv4);
/* Fills authorization: the value of the Authorization header. */
void aws_sigv4_authorization(struct aws_sigv4 *sigv4);

/* All stages. False when the request is larger than any we make (64 KiB without its body). */
MUST_CHECK bool aws_sigv4_sign(struct aws_sigv4 *sigv4);

/* The query form: authentication as parameters, for a request that somebody else sends. `query` is
 * the request's own, encoded, not empty; host is the one header. All stages; appends the whole
 * query to out, the signature last. False when it is larger than any we make. */
MUST_CHECK bool aws_sigv4_presign(struct aws_sigv4 *sigv4, const struct secret *session_token,
                                  int expires_s, struct buf *out);

/* The canonical forms on their own, appended to out. */
void aws_sigv4_canonical_path(struct buf *out, const char *path);
void aws_sigv4_canonical_query(struct buf *out, const char *query);
/* signed_names gets the names, joined by semicolons. */
void aws_sigv4_canonical_headers(struct buf *out, struct buf *signed_names,
                                 const struct aws_header *headers, size_t count);

/* Wipes and frees what was made. */
void aws_sigv4_clear(struct aws_sigv4 *sigv4);

static inline void aws_sigv4_auto_(struct aws_sigv4 *sigv4)
{
    aws_sigv4_clear(sigv4);
}

#endif
