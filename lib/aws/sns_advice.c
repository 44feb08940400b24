#include "aws/sns.h"

#include "aws/advice.h"

#define DENIED                                                                                     \
    "Allow sns:Publish on {topic} to the task role (taskRoleArn, not the execution role); a "      \
    "topic of another account has to allow it in its own policy too, and so has the policy of a "  \
    "VPC endpoint."
#define PART                                                                                       \
    "SNS says which part it refuses. For a FIFO topic, check that report.topic ends in .fifo."
#define RATE                                                                                       \
    "The account publishes more than SNS allows in {region}: spread the runs, or ask for a "       \
    "higher quota."
#define TROUBLE                                                                                    \
    "SNS in {region} was in trouble for as long as this was tried: the AWS Health Dashboard "      \
    "tells more."

static const struct aws_advice advices[] = {
    {"NotFound", NULL,
     "Check report.topic: SNS in {region} has no such topic of account {account}; it may have been "
     "deleted, or stand in another region or account."},
    {"AuthorizationError", NULL, DENIED},
    {"AccessDenied", NULL, DENIED},
    {"AccessDeniedException", NULL, DENIED},
    {"KMSAccessDenied", NULL,
     "The topic is encrypted: allow kms:GenerateDataKey and kms:Decrypt on its key to the task "
     "role, and in the key's own policy too when the key is of another account."},
    {"KMSDisabled", NULL, "Enable the KMS key of the topic, or give the topic another one."},
    {"KMSInvalidState", NULL,
     "The KMS key of the topic cannot be used: restore it, or give the topic another one."},
    {"KMSNotFound", NULL, "The KMS key of the topic is gone: give the topic another one."},
    {"KMSOptInRequired", NULL, "Subscribe the topic's account to AWS KMS."},
    {"InvalidParameter", NULL, PART},
    {"ParameterValueInvalid", NULL, PART},
    {"ValidationException", NULL, PART},
    {"ValidationError", NULL, PART},
    {"KMSThrottling", NULL,
     "The topic's KMS key is used more often than KMS allows: ask for a higher quota, or give the "
     "topic a key of its own."},
    {"Throttling", NULL, RATE},
    {"ThrottledException", NULL, RATE},
    {"ThrottlingException", NULL, RATE},
    {"RequestThrottled", NULL, RATE},
    {"TooManyRequestsException", NULL, RATE},
    {"429", NULL, RATE},
    {"InternalError", NULL, TROUBLE},
    {"InternalFailure", NULL, TROUBLE},
    {"ServiceUnavailable", NULL, TROUBLE},
    {"500", NULL, TROUBLE},
    {"502", NULL, TROUBLE},
    {"503", NULL, TROUBLE},
    {"504", NULL, TROUBLE},
};

void aws_sns_advise(const char *topic, const struct aws_arn *arn,
                    const struct aws_endpoint *endpoint, struct error *err)
{
    const struct aws_advice_word words[] = {
        {"{topic}", topic}, {"{region}", arn->region}, {"{account}", arn->account}, {NULL, NULL}};
    aws_advise(advices, COUNT(advices), words, endpoint, err);
}
