/* What the files of this room share. Not for others. */
#ifndef POSTLUDE_TARGET_INTERNAL_H
#define POSTLUDE_TARGET_INTERNAL_H

#include "aws/limit.h"
#include "aws/secrets.h"
#include "target/target.h"

struct target {
    const struct plan *plan;
    struct aws *aws;
    char *host;                         /* that Parameter Store said, or NULL */
    struct aws_secret_name secret_name; /* where the plan names one */
    struct aws_secret secret;           /* as it was read last */
    bool secret_read;
    bool warned;         /* of what the secret says beside the password */
    struct secret token; /* signed for the connection at hand */
};

/* A question of a connection that is to be made. */
struct target_question {
    const struct pg_asking *asking;
    struct aws_limit limit;
};

/* Puts the place of that key of the plan in err. Returns false. */
bool target_place(const struct target *target, const struct plan_text *key, struct error *err);

/* Says in err that what AWS was asked for is not to be had, "secret \"x\" could not be read", and
 * puts the place of that key of the plan in it. Out of time is ERROR_UNREACHABLE: a later attempt
 * has more. */
bool target_unread(const struct target *target, const struct plan_text *key,
                   const struct target_question *question, const char *what, struct error *err);

/* Whether text can be a host that libpq takes for one; if not, err says so, without the text unless
 * it is a host and its port. ERROR_INVALID. */
MUST_CHECK bool target_check_host(const char *text, const char *what, struct error *err);

/* secret.c: reads the secret, and again after a refusal. */
MUST_CHECK bool target_read_secret(struct target *target, struct target_question *question,
                                   struct error *err);
/* What the plan leaves to the secret, put into the address. ERROR_INVALID: neither says it. */
MUST_CHECK bool target_fill_from_secret(struct target *target, struct pg_address *address,
                                        struct error *err);

/* token.c: signs a token for this address. */
MUST_CHECK bool target_sign_token(struct target *target, struct target_question *question,
                                  const struct pg_address *address, struct error *err);

#endif
