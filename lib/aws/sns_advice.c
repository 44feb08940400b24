#include <string.h>

#include "aws/sns.h"
#include "base/text.h"

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
#define KEYS                                                                                       \
    "Look at where the credentials come from (--log-level debug says so); on ECS unset "           \
    "AWS_ACCESS_KEY_ID, so that the task role is used."

static const struct advice {
    const char *code; /* AWS's, or the transport's */
    const char *hint; /* {topic}, {region} and {account} are those of the ARN */
} advices[] = {
    {"NotFound",
     "Check report.topic: SNS in {region} has no such topic of account {account}; it may have been "
     "deleted, or stand in another region or account."},
    {"AuthorizationError", DENIED},
    {"AccessDenied", DENIED},
    {"AccessDeniedException", DENIED},
    {"KMSAccessDenied",
     "The topic is encrypted: allow kms:GenerateDataKey and kms:Decrypt on its key to the task "
     "role, and in the key's own policy too when the key is of another account."},
    {"KMSDisabled", "Enable the KMS key of the topic, or give the topic another one."},
    {"KMSInvalidState",
     "The KMS key of the topic cannot be used: restore it, or give the topic another one."},
    {"KMSNotFound", "The KMS key of the topic is gone: give the topic another one."},
    {"KMSOptInRequired", "Subscribe the topic's account to AWS KMS."},
    {"InvalidClientTokenId",
     "AWS does not know the access key: it was deleted, or is of another partition. On ECS unset "
     "AWS_ACCESS_KEY_ID, so that the task role is used."},
    {"SignatureDoesNotMatch",
     "Check AWS_SECRET_ACCESS_KEY (on ECS unset it, so that the task role is used), and this "
     "machine's clock, which may be at most five minutes off."},
    {"IncompleteSignature",
     "Something on the way changes the headers of requests: look for a proxy."},
    {"RequestExpired", "Check this machine's clock, which may be at most five minutes off."},
    {"ExpiredToken", "The temporary credentials ran out: renew AWS_SESSION_TOKEN together with its "
                     "two keys. On ECS unset all three, so that the task role is used."},
    {"InvalidSecurity", KEYS},
    {"MissingAuthenticationToken", KEYS},
    {"OptInRequired", "Enable {region} for the account: SNS says that it is not subscribed there."},
    {"InvalidParameter", PART},
    {"ParameterValueInvalid", PART},
    {"ValidationException", PART},
    {"ValidationError", PART},
    {"KMSThrottling",
     "The topic's KMS key is used more often than KMS allows: ask for a higher quota, or give the "
     "topic a key of its own."},
    {"Throttling", RATE},
    {"ThrottledException", RATE},
    {"ThrottlingException", RATE},
    {"RequestThrottled", RATE},
    {"TooManyRequestsException", RATE},
    {"429", RATE},
    {"InternalError", TROUBLE},
    {"InternalFailure", TROUBLE},
    {"ServiceUnavailable", TROUBLE},
    {"500", TROUBLE},
    {"502", TROUBLE},
    {"503", TROUBLE},
    {"504", TROUBLE},
};

static const char route[] =
    "A private subnet without NAT needs the VPC interface endpoint com.amazonaws.{region}.sns with "
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
static size_t add_placeholder(struct buf *out, const char *at, const char *topic,
                              const struct aws_arn *arn)
{
    const struct {
        const char *name;
        const char *value;
    } known[] = {{"{topic}", topic}, {"{region}", arn->region}, {"{account}", arn->account}};
    for (size_t i = 0; i < COUNT(known); i++) {
        if (text_starts(at, known[i].name)) {
            buf_text(out, known[i].value);
            return strlen(known[i].name);
        }
    }
    return 0;
}

static void set_hint(const char *hint, const char *topic, const struct aws_arn *arn,
                     struct error *err)
{
    AUTO(buf) struct buf out = buf_make(sizeof err->hint - 1);
    while (*hint) {
        size_t length = add_placeholder(&out, hint, topic, arn);
        if (length == 0) {
            buf_char(&out, *hint);
            length = 1;
        }
        hint += length;
    }
    error_hint(err, "%s", out.data);
}

void aws_sns_advise(const char *topic, const struct aws_arn *arn,
                    const struct aws_endpoint *endpoint, struct error *err)
{
    const char *hint = advice_for(err->code);
    if (hint == route && endpoint->variable) {
        error_hint(err, "The address comes from %s: check it, or unset it.", endpoint->variable);
    } else if (hint) {
        set_hint(hint, topic, arn, err);
    }
}
