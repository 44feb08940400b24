#include <string.h>

#include "aws/sts.h"
#include "base/text.h"

static const struct advice {
    const char *code; /* AWS's, or the transport's */
    const char *hint; /* {role} and {region} are those of the question */
} advices[] = {
    {"AccessDenied",
     "The trust policy of {role} has to admit who asks: for a web identity the provider, with "
     "conditions that the token's subject and audience meet; for another role that role's ARN. "
     "That other role needs the right sts:AssumeRole on {role} too."},
    {"ExpiredTokenException",
     "The web identity token ran out: kubelet renews the file by itself; a token that was copied "
     "somewhere else, or made by a job that waited for long, is not renewed."},
    {"InvalidIdentityToken",
     "IAM cannot verify the token: the identity provider of {role}'s account has to have the "
     "token's issuer as its URL and the token's audience (sts.amazonaws.com) among its clients."},
    {"IDPRejectedClaim",
     "The identity provider does not accept the token: look whether its session was revoked."},
    {"IDPCommunicationError",
     "STS could not reach the identity provider to verify the token: its discovery document "
     "(/.well-known/openid-configuration) has to be public."},
    {"PackedPolicyTooLarge",
     "The session's policies and tags are too large for STS: shorten them."},
    {"MalformedPolicyDocument", "Mend the policy of {role}."},
    {"RegionDisabledException",
     "STS is not activated in {region} for this account: activate it in IAM's account settings, or "
     "set AWS_REGION to a region in which it is."},
    {"ValidationError",
     "STS says which part it refuses: the role's ARN, the session's name, or a duration that is "
     "longer than {role} allows."},
    {"InvalidClientTokenId",
     "AWS does not know the access key that asks: it was deleted, or is of another partition."},
    {"SignatureDoesNotMatch",
     "Check the secret access key that asks, and this machine's clock, which may be at most five "
     "minutes off."},
    {"ExpiredToken", "The temporary credentials that ask for the role ran out: renew them."},
};

static const char route[] =
    "A private subnet without NAT needs the VPC interface endpoint com.amazonaws.{region}.sts with "
    "private DNS; its security group has to let port 443 in from this task, and this task's has to "
    "let it out.";

static const char *advice_for(const char *code)
{
    for (size_t i = 0; i < COUNT(advices); i++) {
        if (strcmp(advices[i].code, code) == 0) {
            return advices[i].hint;
        }
    }
    bool unreached = strcmp(code, "resolve") == 0 || strcmp(code, "connect") == 0 ||
                     strcmp(code, "timeout") == 0;
    return unreached ? route : NULL;
}

/* Appends what the placeholder at `at` stands for and returns its length, 0 when it is none. */
static size_t add_placeholder(struct buf *out, const char *at, const char *role_arn,
                              const struct aws_endpoint *endpoint)
{
    const struct {
        const char *name;
        const char *value;
    } known[] = {{"{role}", role_arn}, {"{region}", endpoint->region}};
    for (size_t i = 0; i < COUNT(known); i++) {
        if (text_starts(at, known[i].name)) {
            buf_text(out, known[i].value);
            return strlen(known[i].name);
        }
    }
    return 0;
}

void aws_sts_advise(const char *role_arn, const struct aws_endpoint *endpoint, struct error *err)
{
    const char *hint = advice_for(err->code);
    if (hint == route && endpoint->variable) {
        error_hint(err, "The address comes from %s: check it, or unset it.", endpoint->variable);
        return;
    }
    AUTO(buf) struct buf out = buf_make(sizeof err->hint - 1);
    while (hint && *hint) {
        size_t length = add_placeholder(&out, hint, role_arn, endpoint);
        if (length == 0) {
            buf_char(&out, *hint);
            length = 1;
        }
        hint += length;
    }
    if (out.length > 0) {
        error_hint(err, "%s", out.data);
    }
}
