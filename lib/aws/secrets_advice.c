#include "aws/advice.h"
#include "aws/secrets.h"

#define TASK_ROLE "the task role (taskRoleArn; the execution role does not count)"
#define CUSTOMER_KEY                                                                               \
    "The secret is encrypted with a key of your own: allow kms:Decrypt on that key to " TASK_ROLE  \
    ", in the key's own policy too when it is of another account, and see that the key is "        \
    "enabled."

static const struct aws_advice advices[] = {
    {"AccessDeniedException", "KMS", CUSTOMER_KEY},
    {"AccessDeniedException", NULL,
     "Allow secretsmanager:GetSecretValue on {secret} to " TASK_ROLE
     "; a secret of another account "
     "has to allow it in its own policy too, and so has the policy of a VPC endpoint."},
    {"ResourceNotFoundException", "staging label",
     "The secret is there, but no version of it with that stage: a secret without a value yet has "
     "no AWSCURRENT."},
    {"ResourceNotFoundException", NULL,
     "Check database.secret: Secrets Manager in {region} has no {secret}, or not this version of "
     "it. A secret of another region or account is found by its whole ARN only, with the hyphen "
     "and six characters at its end."},
    {"InvalidParameterException", NULL,
     "Secrets Manager says which part it refuses; compare database.secret with the secret's ARN."},
    {"InvalidRequestException", "deletion",
     "The secret is scheduled for deletion: restore it (aws secretsmanager restore-secret), or "
     "name "
     "another one in database.secret."},
    {"InvalidRequestException", NULL,
     "The secret is in a state in which it cannot be read, as when it is scheduled for deletion: "
     "look at it in the console."},
    {"DecryptionFailure", NULL, CUSTOMER_KEY},
    {"ThrottlingException", NULL,
     "The account reads more secrets than Secrets Manager allows in {region}: spread the runs; "
     "database.wait is how long this one goes on trying."},
    {"InternalServiceError", NULL,
     "Secrets Manager has a fault of its own: try again; database.wait is how long a run goes on "
     "trying."},
};

void aws_secret_advise(const struct aws_secret_name *name, const struct aws_endpoint *endpoint,
                       struct error *err)
{
    const struct aws_advice_word words[] = {
        {"{secret}", name->id}, {"{region}", name->region}, {NULL, NULL}};
    aws_advise(advices, COUNT(advices), words, endpoint, err);
}
