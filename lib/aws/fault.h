/*
 * What an AWS service says when it refuses, and whether trying again can help. Pure.
 *
 * Query services answer XML, the newer ones JSON, and what stands in front of them HTML or nothing:
 * then the status alone decides.
 */
#ifndef POSTLUDE_AWS_FAULT_H
#define POSTLUDE_AWS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/http.h"
#include "base/attr.h"
#include "base/buf.h"

struct aws_fault {
    int status;
    /* Escaped for a terminal. */
    char code[64];      /* "AuthorizationError"; "" when the answer has none */
    char message[1024]; /* without the canonical request and the signature, which AWS echoes */
    char request_id[128];
};

enum aws_verdict {
    AWS_FINAL,   /* the same request will be refused again */
    AWS_RETRY,   /* throttled, or a passing fault of theirs */
    AWS_REFRESH, /* the credentials or the request ran out: the clock, else the credentials, are why
                  */
    AWS_CLOCK,   /* the signature was refused: the clock may be why */
};

/* Reads a refusal. Never fails: what cannot be read stays empty. */
void aws_fault_read(const struct aws_http_response *response, struct aws_fault *out_fault);

/* By the table of codes, else by the status. */
enum aws_verdict aws_fault_judge(const struct aws_fault *fault);

/* Cuts a message before a secret that was sent, of which it may hold only a part: 12 characters of
 * it are enough. */
void aws_fault_mask(char *message, const char *secret);

/* The same of all that a refusal says. */
void aws_fault_conceal(struct aws_fault *fault, const char *secret);

/* Appends the text of the first <tag>...</tag>, entities resolved. False when there is none. */
MUST_CHECK bool aws_xml_text(const char *xml, size_t length, const char *tag, struct buf *out);

#endif
