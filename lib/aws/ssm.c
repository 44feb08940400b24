#include "aws/ssm.h"

#include <string.h>

#include "aws/advice.h"
#include "aws/json_call.h"
#include "aws/region.h"
#include "base/memory.h"
#include "base/text.h"

#define TASK_ROLE "the task role (taskRoleArn; the execution role does not count)"
#define KEY                                                                                        \
    "The parameter is encrypted: allow kms:Decrypt on its key to " TASK_ROLE ", and see that the " \
    "key is enabled."

static const struct aws_advice advices[] = {
    {"AccessDeniedException", "ciphertext", KEY},
    {"AccessDeniedException", "KMS", KEY},
    {"AccessDeniedException", NULL,
     "Allow ssm:GetParameter on {parameter} to " TASK_ROLE "; the policy of a VPC endpoint has to "
     "allow it, too."},
    {"ParameterNotFound", NULL,
     "Check database.host: Parameter Store in {region} has no {parameter}. Names begin with a "
     "slash "
     "as soon as one stands inside them, and capitals count."},
    {"ParameterVersionNotFound", NULL,
     "The parameter is there, but not with the version or label behind its name."},
    {"InvalidKeyId", NULL,
     "The KMS key of the parameter cannot be used: it is disabled, being deleted, or gone."},
    {"ValidationException", NULL,
     "Parameter Store says what it refuses: compare database.host with the parameter's name."},
    {"ThrottlingException", NULL,
     "The account reads more parameters than Parameter Store allows in {region}: spread the runs; "
     "database.wait is how long this one goes on trying."},
    {"InternalServerError", NULL,
     "Parameter Store has a fault of its own: try again; database.wait is how long a run goes on "
     "trying."},
};

void aws_ssm_advise(const char *name, const struct aws_endpoint *endpoint, struct error *err)
{
    const struct aws_advice_word words[] = {
        {"{parameter}", name}, {"{region}", endpoint->region}, {NULL, NULL}};
    aws_advise(advices, COUNT(advices), words, endpoint, err);
}

static bool find_region(struct aws *aws, const char *name, struct aws_limit *limit,
                        char out_region[AWS_REGION_SIZE], struct error *err)
{
    struct aws_arn arn;
    if (!text_starts(name, "arn:")) {
        return aws_region_find(aws, limit, out_region, err);
    }
    if (!aws_arn_parse(name, &arn, err)) {
        return false;
    }
    text_copy(out_region, AWS_REGION_SIZE, arn.region);
    return true;
}

char *aws_ssm_value(const json_t *answer)
{
    static const char blanks[] = " \t\r\n";
    const char *text = json_text(json_object_get(answer, "Parameter"), "Value");
    if (!text) {
        return NULL;
    }
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length && strchr(blanks, text[length - 1])) {
        length--;
    }
    return memory_text_n(text, length);
}

static bool no_value(struct error *err)
{
    error_set(err, ERROR_DENIED, "the answer has no value");
    return error_hint(err, "Check AWS_ENDPOINT_URL_SSM, AWS_ENDPOINT_URL and HTTPS_PROXY: "
                           "something else than AWS took the request.");
}

bool aws_ssm_read(struct aws *aws, const char *name, struct aws_limit *limit, char **out_value,
                  struct error *err)
{
    char region[AWS_REGION_SIZE];
    struct aws_endpoint endpoint;
    struct error ignored;
    if (!find_region(aws, name, limit, region, err)) {
        return false;
    }
    AUTO(json) json_t *request = json_made(json_object());
    AUTO(json) json_t *answer = NULL;
    json_put(request, "Name", json_safe(name));
    json_put(request, "WithDecryption", json_true());
    const struct aws_json_call call = {.service = AWS_SSM,
                                       .region = region,
                                       .target = "AmazonSSM.GetParameter",
                                       .request = request};
    if (!aws_json_call_send(aws, &call, limit, &answer, err)) {
        if (aws_endpoint_find(aws->env, AWS_SSM, region, &endpoint, &ignored)) {
            aws_ssm_advise(name, &endpoint, err);
        }
        return false;
    }
    char *value = aws_ssm_value(answer);
    if (!value) {
        return no_value(err);
    }
    *out_value = value;
    return true;
}
