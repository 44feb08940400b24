#include "aws/sts.h"

#include "aws/advice.h"

static const struct aws_advice advices[] = {
    {"AccessDenied", NULL,
     "Allow sts:AssumeRole on {role} to who asks, and admit them in the trust policy of {role}. "
     "A web identity needs that policy alone: it has to name the provider, with conditions that "
     "the token's subject and audience meet."},
    {"ExpiredTokenException", NULL,
     "The web identity token ran out: kubelet renews the file by itself; a token that was copied "
     "somewhere else, or made by a job that waited for long, is not renewed."},
    {"InvalidIdentityToken", NULL,
     "IAM cannot verify the token: the identity provider of {role}'s account has to have the "
     "token's issuer as its URL and the token's audience (sts.amazonaws.com) among its clients."},
    {"IDPRejectedClaim", NULL,
     "The identity provider does not accept the token: look whether its session was revoked."},
    {"IDPCommunicationError", NULL,
     "STS could not reach the identity provider to verify the token: its discovery document "
     "(/.well-known/openid-configuration) has to be public."},
    {"PackedPolicyTooLarge", NULL,
     "The session's policies and tags are too large for STS: shorten them."},
    {"MalformedPolicyDocument", NULL, "Mend the policy of {role}."},
    {"RegionDisabledException", NULL,
     "STS is not activated in {region} for this account: activate it in IAM's account settings, or "
     "set AWS_REGION to a region in which it is."},
    {"ValidationError", NULL,
     "STS says which part it refuses: the role's ARN, the session's name, or a duration that is "
     "longer than {role} allows."},
};

void aws_sts_advise(const char *role_arn, const struct aws_endpoint *endpoint, struct error *err)
{
    const struct aws_advice_word words[] = {
        {"{role}", role_arn}, {"{region}", endpoint->region}, {NULL, NULL}};
    aws_advise(advices, COUNT(advices), words, endpoint, err);
}
