#include "aws/codepipeline.h"

#include <inttypes.h>

#include "aws/blocks.h"
#include "aws/script.h"

struct fixture {
    char *variables[4];
    struct env *env;
    struct aws aws;
    struct aws_limit limit;
    struct error err;
};

static void open_fixture(struct fixture *f)
{
    *f = (struct fixture){.variables = {memory_text("AWS_ACCESS_KEY_ID=AKIA1"),
                                        memory_text("AWS_SECRET_ACCESS_KEY=secretsecretsecret")},
                          .limit = {.deadline = deadline_in(5000)}};
    f->env = env_take(f->variables);
    f->aws = aws_open(f->env);
    f->aws.http = script_http;
    script_begin();
}

static void close_fixture(struct fixture *f)
{
    script_end();
    aws_close(&f->aws);
    env_free(f->env);
    for (size_t i = 0; f->variables[i]; i++) {
        free(f->variables[i]);
    }
}

static json_t *answer_of(const struct block *block)
{
    struct error err;
    json_t *answer = NULL;
    const char *text = block_need(block, "answer");
    if (!json_read(text, strlen(text), &answer, &err)) {
        fail_msg("case \"%s\": %s", block->values[0], err.message);
    }
    return answer;
}

static void show_execution(const struct aws_execution *execution, struct buf *out)
{
    buf_format(out, "%s %s %s version %" PRId64 "%s%s", execution->pipeline, execution->id,
               *execution->status ? execution->status : "-", execution->version,
               execution->rollback ? " rollback" : "", execution->parallel ? " parallel" : "");
    buf_format(out, "%s%s", *execution->revision ? " of " : "", execution->revision);
}

static void check_execution(const struct block *block)
{
    AUTO(json) json_t *answer = answer_of(block);
    AUTO(buf) struct buf shown = buf_make(4096);
    struct aws_execution execution;
    if (aws_codepipeline_read_execution(answer, &execution)) {
        show_execution(&execution, &shown);
    } else {
        buf_text(&shown, "no answer");
    }
    assert_string_equal(shown.data, block_need(block, "reads"));
}

static void reads_executions(void **state)
{
    (void)state;
    blocks_each("executions.txt", check_execution);
}

static void check_page(const struct block *block)
{
    AUTO(json) json_t *answer = answer_of(block);
    AUTO(buf) struct buf shown = buf_make(4096);
    static struct aws_execution_page page;
    if (!aws_codepipeline_read_page(answer, &page)) {
        buf_text(&shown, "no answer");
    } else {
        buf_format(&shown, "%zu", page.count);
        for (size_t i = 0; i < page.count; i++) {
            const struct aws_execution_row *row = &page.rows[i];
            buf_format(&shown, " %s %s %" PRId64, row->id, *row->status ? row->status : "-",
                       row->started_ms);
        }
        buf_format(&shown, "%s%s", *page.next_token ? " then " : "", page.next_token);
    }
    assert_string_equal(shown.data, block_need(block, "reads"));
}

static void reads_pages(void **state)
{
    (void)state;
    blocks_each("execution_pages.txt", check_page);
}

static void no_page_is_longer_than_was_asked_for(void **state)
{
    (void)state;
    AUTO(json) json_t *answer = json_pack("{s:[]}", "pipelineExecutionSummaries");
    for (int i = 0; i < 2 * AWS_EXECUTIONS_PAGE; i++) {
        json_t *row = json_pack("{s:s}", "pipelineExecutionId", "abc");
        assert_int_equal(
            json_array_append_new(json_object_get(answer, "pipelineExecutionSummaries"), row), 0);
    }
    static struct aws_execution_page page;
    assert_true(aws_codepipeline_read_page(answer, &page));
    assert_int_equal(page.count, AWS_EXECUTIONS_PAGE);
}

#define EXECUTION                                                                                  \
    "{\"pipelineExecution\":{\"pipelineName\":\"ledger-deploy\",\"pipelineExecutionId\":"          \
    "\"5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18\",\"status\":\"Succeeded\"}}"

static const struct aws_execution_query somebody = {
    .region = "eu-west-3", .pipeline = "x", .execution_id = "5b1c"};

static void asks_for_an_execution(void **state)
{
    (void)state;
    const struct aws_execution_query query = {
        .region = "us-gov-west-1", .pipeline = "ledger-deploy", .execution_id = "5b1c"};
    struct fixture f;
    struct aws_execution execution;
    open_fixture(&f);
    script_answer((struct script_answer){.status = 200, .body = EXECUTION});
    assert_true(aws_codepipeline_get(&f.aws, &query, &f.limit, &execution, &f.err));
    assert_string_equal(execution.status, "Succeeded");
    const struct script_asked *asked = script_asked(0);
    assert_string_equal(asked->url, "https://codepipeline.us-gov-west-1.amazonaws.com/");
    assert_string_equal(asked->body,
                        "{\"pipelineName\":\"ledger-deploy\",\"pipelineExecutionId\":\"5b1c\"}");
    assert_non_null(strstr(asked->headers, "Content-Type: application/x-amz-json-1.1\n"));
    assert_non_null(
        strstr(asked->headers, "X-Amz-Target: CodePipeline_20150709.GetPipelineExecution\n"));
    assert_non_null(strstr(asked->headers, "/us-gov-west-1/codepipeline/aws4_request"));
    close_fixture(&f);
}

static void asks_for_pages(void **state)
{
    (void)state;
    struct fixture f;
    static struct aws_execution_page page;
    const struct aws_executions_query query = {
        .region = "cn-north-1", .pipeline = "ledger-deploy", .stage = "Prod", .next_token = "abc"};
    const struct aws_executions_query plain = {
        .region = "eu-west-3", .pipeline = "ledger-deploy", .next_token = ""};
    open_fixture(&f);
    script_answers(
        (struct script_answer){.status = 200, .body = "{\"pipelineExecutionSummaries\":[]}"}, 2);
    assert_true(aws_codepipeline_list(&f.aws, &query, &f.limit, &page, &f.err));
    assert_true(aws_codepipeline_list(&f.aws, &plain, &f.limit, &page, &f.err));
    assert_int_equal(page.count, 0);
    assert_string_equal(script_asked(0)->url, "https://codepipeline.cn-north-1.amazonaws.com.cn/");
    assert_string_equal(script_asked(0)->body,
                        "{\"pipelineName\":\"ledger-deploy\",\"maxResults\":25,\"filter\":{"
                        "\"succeededInStage\":{\"stageName\":\"Prod\"}},\"nextToken\":\"abc\"}");
    assert_string_equal(script_asked(1)->body,
                        "{\"pipelineName\":\"ledger-deploy\",\"maxResults\":25}");
    close_fixture(&f);
}

static void takes_no_other_answer(void **state)
{
    (void)state;
    struct fixture f;
    struct aws_execution execution;
    static struct aws_execution_page page;
    const struct aws_executions_query query = {.region = "eu-west-3", .pipeline = "x"};
    open_fixture(&f);
    script_answers((struct script_answer){.status = 200, .body = "{}"}, 2);
    assert_false(aws_codepipeline_get(&f.aws, &somebody, &f.limit, &execution, &f.err));
    assert_int_equal(f.err.kind, ERROR_DENIED);
    assert_string_equal(f.err.code, "200");
    assert_false(aws_codepipeline_list(&f.aws, &query, &f.limit, &page, &f.err));
    assert_string_equal(f.err.code, "200");
    assert_non_null(strstr(f.err.hint, "AWS_ENDPOINT_URL_CODEPIPELINE"));
    close_fixture(&f);
}

static void says_what_was_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct aws_execution execution;
    open_fixture(&f);
    script_answer((struct script_answer){
        .status = 400,
        .body = "{\"__type\":\"com.amazonaws.codepipeline#PipelineNotFoundException\","
                "\"message\":\"Account '210987654321' does not have a pipeline with name 'x'\"}"});
    assert_false(aws_codepipeline_get(&f.aws, &somebody, &f.limit, &execution, &f.err));
    assert_int_equal(f.err.kind, ERROR_DENIED);
    assert_string_equal(f.err.code, "PipelineNotFoundException");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_executions),
        cmocka_unit_test(reads_pages),
        cmocka_unit_test(no_page_is_longer_than_was_asked_for),
        cmocka_unit_test(asks_for_an_execution),
        cmocka_unit_test(asks_for_pages),
        cmocka_unit_test(takes_no_other_answer),
        cmocka_unit_test(says_what_was_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
