/*
 * URLs as far as we write them, and percent-encoding (RFC 3986). Pure.
 *
 * Strict on purpose: what this parser and libcurl could read in two ways is refused.
 */
#ifndef POSTLUDE_AWS_URL_H
#define POSTLUDE_AWS_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

/* A presigned query with a session token has 2 to 4 KB. */
enum { AWS_HOST_SIZE = 256, AWS_PATH_SIZE = 2048, AWS_QUERY_SIZE = 8192 };

struct aws_url {
    bool secure;                       /* https */
    char host[AWS_HOST_SIZE];          /* lower case; an IPv6 literal without its brackets */
    char authority[AWS_HOST_SIZE + 8]; /* as the Host header says it: no default port */
    char path[AWS_PATH_SIZE];          /* begins with a slash */
    char query[AWS_QUERY_SIZE];        /* without the question mark */
};

/* http and https only; no user, no fragment, no blank or control character. ERROR_INVALID. */
MUST_CHECK bool aws_url_parse(const char *text, struct aws_url *out_url, struct error *err);

/* Whether host is localhost or a loopback address literal (127/8, ::1). Nothing is looked up. */
bool aws_url_is_loopback(const struct aws_url *url);

/* Whether plain http may go there: loopback, or the link-local addresses at which ECS, EKS and
 * EC2 hand out credentials. */
bool aws_url_is_local(const struct aws_url *url);

/* Appends text with everything but A-Z a-z 0-9 - _ . ~ and the characters of `keep` as %XX. */
void aws_url_encode(struct buf *out, const char *text, size_t length, const char *keep);
/* Appends text with every well-formed %XX as its byte. */
void aws_url_decode(struct buf *out, const char *text, size_t length);

#endif
