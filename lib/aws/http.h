/*
 * One HTTP exchange, as a value each way and one function that does it.
 *
 * The seam of this room: everything above takes an aws_http_function. The real one is aws_http_curl
 * (http_curl.c, the only user of libcurl); tests hand in a script. No redirects are followed, no
 * cookie is kept, nothing is retried here.
 */
#ifndef POSTLUDE_AWS_HTTP_H
#define POSTLUDE_AWS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/limit.h"
#include "aws/url.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

enum { AWS_HTTP_HEADERS_MAX = 12 };

struct aws_header {
    const char *name;
    const char *value; /* may be a secret: not for logs or errors. "": the header is not sent, nor
                          the one that libcurl would add by itself */
};

struct aws_http_request {
    const char *method;
    const char *url;                                 /* goes out byte for byte */
    struct aws_header headers[AWS_HTTP_HEADERS_MAX]; /* ends at the first without a name */
    const void *body;                                /* NULL: none */
    size_t body_length;
    const char *ca_file; /* NULL: the system's bundle */
    int64_t timeout_ms;  /* for the whole exchange */
    size_t response_max; /* bytes of its body */
};

struct aws_http_response {
    int status;
    struct buf body;
    int64_t date_ms;        /* the server's clock, -1 when it did not say */
    int64_t retry_after_ms; /* -1 when it did not say */
    char request_id[128];
};

/* Does the exchange; any status is a success. The caller clears *out_response.
 * ERROR_UNREACHABLE: trying again may help (not resolved, not connected, timed out, broken off);
 * ERROR_DENIED: it will not (TLS, answer too large); ERROR_INVALID: the URL is not one we use;
 * ERROR_INTERRUPTED: the limit is used up. code names the cause: "resolve", "connect", "timeout",
 * "broken", "tls", "ca-file", "too-large", "protocol", "proxy". where = host. */
typedef bool aws_http_function(const struct aws_http_request *request, struct aws_limit *limit,
                               struct aws_http_response *out_response, struct error *err);

MUST_CHECK bool aws_http_curl(const struct aws_http_request *request, struct aws_limit *limit,
                              struct aws_http_response *out_response, struct error *err);

/* Pure: parses url, and refuses plain http to anywhere but this machine and the credentials
 * endpoints of ECS, EKS and EC2. ERROR_INVALID. */
MUST_CHECK bool aws_http_check(const char *url, struct aws_url *out_url, struct error *err);

/* Wipes and frees; safe on a zeroed struct. */
void aws_http_clear(struct aws_http_response *response);

static inline void aws_http_auto_(struct aws_http_response *response)
{
    aws_http_clear(response);
}

#endif
