#include "confirm/advice.h"

#include <string.h>

#include "aws/endpoint.h"
#include "base/text.h"

#define ALLOW                                                                                      \
    "Allow codepipeline:{operation} on {arn} to {who}; the policy of a VPC endpoint has to allow " \
    "it too."
#define KEY                                                                                        \
    "AWS does not know the access key that asks: it was deleted, or is of another partition than " \
    "{region}. On ECS unset AWS_ACCESS_KEY_ID, so that the task role is used."
#define SIGNED                                                                                     \
    "Check AWS_SECRET_ACCESS_KEY (on ECS unset it, so that the task role is used), and this "      \
    "machine's clock, which may be at most five minutes off."
#define EXPIRED                                                                                    \
    "The temporary credentials ran out: renew AWS_SESSION_TOKEN together with its two keys. On "   \
    "ECS unset all three, so that the task role is used."
#define BUSY                                                                                       \
    "CodePipeline had no time for it: another delivery, the schedule, or a run by hand "           \
    "with --reason applies what is pending."

static const struct advice {
    const char *code; /* AWS's, or the transport's */
    bool passing;
    const char *hint; /* {words} are filled in by add_placeholder */
} advices[] = {
    {"AccessDeniedException", false, ALLOW},
    {"AccessDenied", false, ALLOW},
    {"NotAuthorized", false, ALLOW},
    {"PipelineNotFoundException", false,
     "The account that asks has no pipeline {pipeline} in {region}. A pipeline of another account "
     "needs trigger.assume_role with a role of that account; an event that is right names the "
     "region of its pipeline."},
    {"PipelineExecutionNotFoundException", true,
     "Pipeline {pipeline} has had no such execution in {region}: the event is not CodePipeline's, "
     "or it is of a pipeline of that name in another account, which trigger.assume_role would "
     "reach. Look at who and what starts this task."},
    {"ValidationException", false,
     "CodePipeline says which part it refuses; all of them are the event's own."},
    {"InvalidNextTokenException", true, BUSY},
    {"ConflictException", true, BUSY},
    {"UnrecognizedClientException", false, KEY},
    {"InvalidClientTokenId", false, KEY},
    {"MissingAuthenticationToken", false, SIGNED},
    {"MissingAuthenticationTokenException", false, SIGNED},
    {"IncompleteSignature", false, SIGNED},
    {"IncompleteSignatureException", false, SIGNED},
    {"InvalidSignatureException", false, SIGNED},
    {"SignatureDoesNotMatch", false, SIGNED},
    {"RequestExpired", false, SIGNED},
    {"ExpiredTokenException", false, EXPIRED},
    {"ExpiredToken", false, EXPIRED},
    {"OptInRequired", false, "Enable {region} for the account that asks."},
    {"SubscriptionRequiredException", false, "Enable {region} for the account that asks."},
    {"Throttling", true, BUSY},
    {"ThrottlingException", true, BUSY},
    {"TooManyRequestsException", true, BUSY},
    {"RequestLimitExceeded", true, BUSY},
    {"InternalFailure", true, BUSY},
    {"InternalError", true, BUSY},
    {"InternalServerError", true, BUSY},
    {"ServiceUnavailable", true, BUSY},
    {"ServiceUnavailableException", true, BUSY},
};

static const char route[] =
    "A private subnet without NAT needs the VPC interface endpoint "
    "com.amazonaws.{region}.codepipeline with private DNS; its security group has to let port 443 "
    "in from this task, and this task's has to let it out.";

static const struct advice *advice_for(const char *code)
{
    for (size_t i = 0; i < COUNT(advices); i++) {
        if (strcmp(advices[i].code, code) == 0) {
            return &advices[i];
        }
    }
    return NULL;
}

bool confirm_passing(const char *code)
{
    const struct advice *advice = advice_for(code);
    return advice && advice->passing;
}

static void add_arn(struct buf *out, const struct trigger *trigger)
{
    buf_format(out, "arn:%s:codepipeline:%s:%s:%s", aws_partition_name(trigger->region),
               trigger->region, text_empty(trigger->account) ? "*" : trigger->account,
               trigger->pipeline);
}

/* Appends what the placeholder at `at` stands for and returns its length, 0 when it is none. */
static size_t add_placeholder(struct buf *out, const char *at,
                              const struct confirm_question *question)
{
    AUTO(buf) struct buf arn = buf_make(512);
    add_arn(&arn, question->trigger);
    const char *task = "the task role (taskRoleArn, not the execution role)";
    const struct {
        const char *name;
        const char *value;
    } known[] = {{"{operation}", question->operation},
                 {"{arn}", arn.data},
                 {"{who}", question->role ? question->role : task},
                 {"{pipeline}", question->trigger->pipeline},
                 {"{region}", question->trigger->region}};
    for (size_t i = 0; i < COUNT(known); i++) {
        if (text_starts(at, known[i].name)) {
            buf_text(out, known[i].value);
            return strlen(known[i].name);
        }
    }
    return 0;
}

static void set_hint(const char *hint, const struct confirm_question *question, struct error *err)
{
    AUTO(buf) struct buf out = buf_make(4 * sizeof err->hint);
    while (*hint) {
        size_t length = add_placeholder(&out, hint, question);
        if (length == 0) {
            buf_char(&out, *hint);
            length = 1;
        }
        hint += length;
    }
    error_hint(err, "%s", out.data);
}

static bool is_unreached(const char *code)
{
    return strcmp(code, "resolve") == 0 || strcmp(code, "connect") == 0 ||
           strcmp(code, "timeout") == 0;
}

void confirm_advise(const struct confirm_question *question, struct error *err)
{
    const struct advice *advice = advice_for(err->code);
    if (advice) {
        set_hint(advice->hint, question, err);
    } else if (is_unreached(err->code) && question->variable) {
        error_hint(err, "The address comes from %s: check it, or unset it.", question->variable);
    } else if (is_unreached(err->code)) {
        set_hint(route, question, err);
    } else if (!*err->hint) {
        error_hint(err,
                   "This is no answer that the question should have; ask by hand: aws "
                   "codepipeline get-pipeline-execution --region %s --pipeline-name %s "
                   "--pipeline-execution-id %s",
                   question->trigger->region, question->trigger->pipeline,
                   question->trigger->execution_id);
    }
}
