/*
 * Secrets Manager: one secret read, and what stands in it taken for a database's login.
 */
#ifndef POSTLUDE_AWS_SECRETS_H
#define POSTLUDE_AWS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/endpoint.h"
#include "aws/limit.h"
#include "aws/region.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"

/* NAME-OR-ARN[:JSON-KEY[:VERSION-STAGE[:VERSION-ID]]], as the "secrets" of an ECS task definition
 * have it, each of the three perhaps empty. A name has no colon, an ARN exactly six. */
struct aws_secret_name {
    char id[600];
    char json_key[256];
    char stage[257];
    char version[65];
    char region[AWS_REGION_SIZE]; /* of an ARN, else "" */
};

/* Pure. ERROR_INVALID. */
MUST_CHECK bool aws_secret_name_parse(const char *text, struct aws_secret_name *out_name,
                                      struct error *err);

/* A login as a secret has it; NULL and 0 where it says nothing. */
struct aws_secret {
    struct secret password; /* always there */
    char *user, *host, *database;
    int port;
    char version[65]; /* VersionId */
    bool line_end;    /* the password ends with one, as a file does that was meant to hold it */
};

/* Reads the secret as it is now. Kinds of aws_json_call_send; ERROR_DENIED too when it holds no
 * password in a shape that is known. The hint names the right, key or route that is missing. The
 * caller clears *out_secret. */
MUST_CHECK bool aws_secret_read(struct aws *aws, const struct aws_secret_name *name,
                                struct aws_limit *limit, struct aws_secret *out_secret,
                                struct error *err);

/* Pure: takes the answer to GetSecretValue apart. Known are the JSON of AWS's own consoles and
 * rotations ("username", "password", "host", "port", "dbname"; other keys are left alone), the same
 * one level down when json_key names an object, a single value that json_key names, and a plain
 * password, in SecretString or in SecretBinary. Nothing of a value stands in an error.
 * ERROR_DENIED. */
MUST_CHECK bool aws_secret_parse(const json_t *answer, const char *json_key,
                                 struct aws_secret *out_secret, struct error *err);

/* Pure: puts into err the hint that fits its code, where there is one. */
void aws_secret_advise(const struct aws_secret_name *name, const struct aws_endpoint *endpoint,
                       struct error *err);

void aws_secret_clear(struct aws_secret *secret); /* wipes; safe on a zeroed struct and twice */

static inline void aws_secret_auto_(struct aws_secret *secret)
{
    aws_secret_clear(secret);
}

#endif
