#include "confirm/advice.h"

#include <string.h>

#include "aws/advice.h"
#include "base/text.h"

#define ALLOW                                                                                      \
    "Allow codepipeline:GetPipelineExecution and codepipeline:ListPipelineExecutions on {arn} to " \
    "{who}; the policy of a VPC endpoint has to allow them too."
#define BUSY                                                                                       \
    "CodePipeline had no time for it: another delivery, the schedule, or a run by hand "           \
    "with --reason applies what is pending."

/* {words} are filled in by confirm_advise. */
static const struct aws_advice advices[] = {
    {"AccessDeniedException", NULL, ALLOW},
    {"AccessDenied", NULL, ALLOW},
    {"NotAuthorized", NULL, ALLOW},
    {"PipelineNotFoundException", NULL,
     "The account that asks has no pipeline {pipeline} in {region}. A pipeline of another account "
     "needs trigger.assume_role with a role of that account; an event that is right names the "
     "region of its pipeline."},
    {"PipelineExecutionNotFoundException", NULL,
     "Pipeline {pipeline} has had no such execution in {region}: the event is not CodePipeline's, "
     "or it is of a pipeline of that name in another account, which trigger.assume_role would "
     "reach. Look at who and what starts this task."},
    {"ValidationException", NULL,
     "CodePipeline says which part it refuses; all of them are the event's own."},
    {"InvalidNextTokenException", NULL, BUSY},
    {"ConflictException", NULL, BUSY},
    {"Throttling", NULL, BUSY},
    {"ThrottlingException", NULL, BUSY},
    {"TooManyRequestsException", NULL, BUSY},
    {"RequestLimitExceeded", NULL, BUSY},
    {"InternalFailure", NULL, BUSY},
    {"InternalError", NULL, BUSY},
    {"InternalServerError", NULL, BUSY},
    {"ServiceUnavailable", NULL, BUSY},
    {"ServiceUnavailableException", NULL, BUSY},
};

bool confirm_passing(const char *code)
{
    static const char *const passing[] = {"PipelineExecutionNotFoundException",
                                          "InvalidNextTokenException",
                                          "ConflictException",
                                          "Throttling",
                                          "ThrottlingException",
                                          "TooManyRequestsException",
                                          "RequestLimitExceeded",
                                          "InternalFailure",
                                          "InternalError",
                                          "InternalServerError",
                                          "ServiceUnavailable",
                                          "ServiceUnavailableException"};
    for (size_t i = 0; i < COUNT(passing); i++) {
        if (strcmp(passing[i], code) == 0) {
            return true;
        }
    }
    return false;
}

void confirm_advise(const struct confirm_question *question, struct error *err)
{
    const struct trigger *trigger = question->trigger;
    AUTO(buf) struct buf arn = buf_make(512);
    buf_format(&arn, "arn:%s:codepipeline:%s:%s:%s", aws_partition_name(trigger->region),
               trigger->region, text_empty(trigger->account) ? "*" : trigger->account,
               trigger->pipeline);
    const struct aws_advice_word words[] = {
        {"{arn}", arn.data},
        {"{who}",
         question->role ? question->role : "the task role (taskRoleArn, not the execution role)"},
        {"{pipeline}", trigger->pipeline},
        {"{region}", trigger->region},
        {NULL, NULL},
    };
    aws_advise(advices, COUNT(advices), words, question->endpoint, err);
    if (!*err->hint) {
        error_hint(
            err,
            "This is no answer that the question should have; ask by hand: aws codepipeline "
            "get-pipeline-execution --region %s --pipeline-name %s --pipeline-execution-id %s",
            trigger->region, trigger->pipeline, trigger->execution_id);
    }
}
