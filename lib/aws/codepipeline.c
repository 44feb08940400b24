#include "aws/codepipeline.h"

#include "aws/json_call.h"
#include "base/json.h"
#include "base/text.h"

#define TARGET "CodePipeline_20150709."

static json_t *question(const char *pipeline)
{
    return json_made(json_pack("{s:s}", "pipelineName", pipeline));
}

static bool not_an_answer(const char *operation, struct error *err)
{
    error_set(err, ERROR_DENIED, "CodePipeline answered %s with something that is no answer to it",
              operation);
    error_code(err, "200");
    return error_hint(err, "Check AWS_ENDPOINT_URL_CODEPIPELINE, AWS_ENDPOINT_URL and HTTPS_PROXY: "
                           "something else than CodePipeline took the request.");
}

bool aws_codepipeline_get(struct aws *aws, const struct aws_execution_query *query,
                          struct aws_limit *limit, struct aws_execution *out_execution,
                          struct error *err)
{
    AUTO(json) json_t *request = question(query->pipeline);
    AUTO(json) json_t *answer = NULL;
    json_put(request, "pipelineExecutionId", json_string(query->execution_id));
    const struct aws_json_call call = {
        .service = AWS_CODEPIPELINE,
        .region = query->region,
        .target = TARGET "GetPipelineExecution",
        .request = request,
    };
    return aws_json_call_send(aws, &call, limit, &answer, err) &&
           (aws_codepipeline_read_execution(answer, out_execution) ||
            not_an_answer("GetPipelineExecution", err));
}

bool aws_codepipeline_list(struct aws *aws, const struct aws_executions_query *query,
                           struct aws_limit *limit, struct aws_execution_page *out_page,
                           struct error *err)
{
    AUTO(json) json_t *request = question(query->pipeline);
    AUTO(json) json_t *answer = NULL;
    json_put(request, "maxResults", json_integer(AWS_EXECUTIONS_PAGE));
    if (query->stage) {
        json_put(request, "filter",
                 json_pack("{s:{s:s}}", "succeededInStage", "stageName", query->stage));
    }
    if (!text_empty(query->next_token)) {
        json_put(request, "nextToken", json_string(query->next_token));
    }
    const struct aws_json_call call = {
        .service = AWS_CODEPIPELINE,
        .region = query->region,
        .target = TARGET "ListPipelineExecutions",
        .request = request,
    };
    return aws_json_call_send(aws, &call, limit, &answer, err) &&
           (aws_codepipeline_read_page(answer, out_page) ||
            not_an_answer("ListPipelineExecutions", err));
}
