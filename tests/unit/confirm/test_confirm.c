#include "confirm/confirm.h"

#include <unistd.h>

#include "aws/script.h"
#include "base/clock.h"
#include "confirm/events.h"

#define ROLE "arn:aws:iam::210987654321:role/verify"
#define EXECUTION(status, more)                                                                    \
    "{\"pipelineExecution\":{\"pipelineName\":\"orders-prod\",\"pipelineExecutionId\":\"" OURS     \
    "\",\"pipelineVersion\":6,\"status\":\"" status "\"" more "}}"
#define ROW(id, status) "{\"pipelineExecutionId\":\"" id "\",\"status\":\"" status "\"}"
#define ROWS(rows) "{\"pipelineExecutionSummaries\":[" rows "]}"
#define REFUSAL(code) "{\"__type\":\"com.amazonaws.codepipeline#" code "\",\"message\":\"why\"}"
#define SUCCEEDED                                                                                  \
    EXECUTION("Succeeded", ",\"artifactRevisions\":[{\"name\":\"S\",\"revisionId\":\"c0ffee\"}]")

struct fixture {
    char *variables[5];
    struct env *env;
    struct aws aws;
    struct trigger *trigger;
    struct plan_trigger rules;
    struct confirm_request request;
    struct confirm_answer answer;
    struct error err;
};

static void open_fixture(struct fixture *f, const char *stage)
{
    *f = (struct fixture){.variables = {memory_text("AWS_ACCESS_KEY_ID=AKIA1"),
                                        memory_text("AWS_SECRET_ACCESS_KEY=secretsecretsecret"),
                                        memory_text("AWS_REGION=us-east-1")},
                          .trigger = event_of(stage),
                          .rules = {.verify = true}};
    f->env = env_take(f->variables);
    f->aws = aws_open(f->env);
    f->aws.http = script_http;
    f->request = (struct confirm_request){.trigger = f->trigger,
                                          .rules = &f->rules,
                                          .run_id = "0198c0de-7a11-7c3e-9f00-5a6b7c8d9e0f",
                                          .deadline = deadline_in(60000),
                                          .patience_ms = 5000,
                                          .pause_ms = 1};
    script_begin();
}

static void close_fixture(struct fixture *f)
{
    script_end();
    aws_close(&f->aws);
    env_free(f->env);
    trigger_free(f->trigger);
    free(f->rules.assume_role.text);
    for (size_t i = 0; f->variables[i]; i++) {
        free(f->variables[i]);
    }
}

static void answers(int status, const char *body)
{
    script_answer((struct script_answer){.status = status, .body = body});
}

static bool confirm(struct fixture *f)
{
    return confirm_event(&f->aws, &f->request, &f->answer, &f->err);
}

static void confirmed(struct fixture *f)
{
    if (!confirm(f)) {
        fail_msg("%s", f->err.message);
    }
    close_fixture(f);
}

static void refused(struct fixture *f, enum error_kind kind, const char *code, const char *message,
                    const char *hint)
{
    assert_false(confirm(f));
    assert_int_equal(f->err.kind, kind);
    assert_string_equal(f->err.code, code);
    if (!strstr(f->err.message, message) || !strstr(f->err.hint, hint)) {
        fail_msg("%s\n%s", f->err.message, f->err.hint);
    }
    close_fixture(f);
}

static void only_pipelines_and_stages_are_asked_about(void **state)
{
    (void)state;
    const struct plan_trigger on = {.verify = true};
    const struct plan_trigger off = {.verify = false};
    for (int kind = TRIGGER_MANUAL; kind <= TRIGGER_OTHER; kind++) {
        const struct trigger trigger = {.kind = (enum trigger_kind)kind};
        bool asked = kind == TRIGGER_CODEPIPELINE || kind == TRIGGER_STAGE;
        assert_int_equal(confirm_wanted(&trigger, &on), asked);
        assert_false(confirm_wanted(&trigger, &off));
    }
}

static void confirms_what_is_so(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    answers(200, ROWS(ROW(OURS, "Succeeded")));
    assert_true(confirm(&f));
    assert_string_equal(f.answer.revision, "c0ffee");
    assert_string_equal(script_asked(0)->url, "https://codepipeline.eu-west-3.amazonaws.com/");
    assert_non_null(strstr(script_asked(0)->body, OURS));
    assert_null(strstr(script_asked(1)->body, "filter"));
    close_fixture(&f);
}

static void asks_again_for_what_is_not_so_yet(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    answers(400, REFUSAL("PipelineExecutionNotFoundException"));
    answers(400, REFUSAL("ConflictException"));
    answers(200, EXECUTION("InProgress", ""));
    answers(200, SUCCEEDED);
    answers(200, ROWS(ROW(OTHER, "Succeeded")));
    answers(200, SUCCEEDED);
    answers(400, REFUSAL("InvalidNextTokenException"));
    answers(200, SUCCEEDED);
    answers(200, ROWS(ROW(OURS, "Succeeded")));
    confirmed(&f);
}

static void gives_up_with_what_was_told_last(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.request.patience_ms = 60;
    f.request.pause_ms = 100;
    answers(200, EXECUTION("InProgress", ""));
    refused(&f, ERROR_REFUSED, "unconfirmed", "is InProgress, not Succeeded", "its own SUCCEEDED");
    open_fixture(&f, NULL);
    f.request.patience_ms = 60;
    f.request.pause_ms = 100;
    answers(400, REFUSAL("PipelineExecutionNotFoundException"));
    refused(&f, ERROR_REFUSED, "PipelineExecutionNotFoundException",
            "the event could not be confirmed: GetPipelineExecution: codepipeline.eu-west-3",
            "no such execution");
}

static void gives_up_when_there_was_no_answer_at_all(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.request.patience_ms = 30;
    f.request.pause_ms = 100;
    script_answer((struct script_answer){.error = ERROR_INTERRUPTED});
    refused(&f, ERROR_REFUSED, "timeout", "did not answer in time", "applies what is pending");
}

static void does_not_ask_again_what_is_settled(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    answers(200, EXECUTION("Failed", ""));
    refused(&f, ERROR_REFUSED, "unconfirmed", "is Failed", "look at who");
    open_fixture(&f, NULL);
    answers(200, EXECUTION("Succeeded", ",\"executionType\":\"ROLLBACK\""));
    refused(&f, ERROR_REFUSED, "unconfirmed", "is a rollback", "--reason");
    open_fixture(&f, NULL);
    answers(400, REFUSAL("AccessDeniedException"));
    refused(&f, ERROR_REFUSED, "AccessDeniedException", "could not be confirmed",
            "codepipeline:ListPipelineExecutions on arn:aws:codepipeline:eu-west-3:210987654321:"
            "orders-prod to the task role");
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    answers(400, REFUSAL("AccessDeniedException"));
    refused(&f, ERROR_REFUSED, "AccessDeniedException", "ListPipelineExecutions",
            "codepipeline:ListPipelineExecutions on");
    open_fixture(&f, NULL);
    script_answer((struct script_answer){.error = ERROR_DENIED, .code = "tls"});
    refused(&f, ERROR_REFUSED, "tls", "could not be confirmed", "");
}

static void refuses_when_a_newer_one_has_succeeded(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    answers(200, ROWS(ROW(OTHER, "Succeeded") "," ROW(OURS, "Succeeded")));
    refused(&f, ERROR_REFUSED, "unconfirmed", OTHER " of pipeline orders-prod has Succeeded",
            "late");
}

static void executions_in_parallel_are_not_held_against_each_other(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    answers(200, EXECUTION("Succeeded", ",\"executionMode\":\"PARALLEL\""));
    confirmed(&f);
}

static void reads_page_after_page(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    answers(200, "{\"pipelineExecutionSummaries\":[" ROW(OTHER, "Failed") "],\"nextToken\":\"2\"}");
    answers(200, ROWS(ROW(OURS, "Succeeded")));
    assert_true(confirm(&f));
    assert_non_null(strstr(script_asked(2)->body, "\"nextToken\":\"2\""));
    close_fixture(&f);
}

static void reads_no_further_than_its_own_nor_for_ever(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = buf_make(8192);
    struct fixture f;
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    answers(200,
            "{\"pipelineExecutionSummaries\":[" ROW(OURS, "Succeeded") "],\"nextToken\":\"2\"}");
    confirmed(&f);
    buf_text(&page, "{\"nextToken\":\"2\",\"pipelineExecutionSummaries\":[");
    for (int i = 0; i < AWS_EXECUTIONS_PAGE; i++) {
        buf_format(&page, "%s%s", i ? "," : "", ROW(OTHER, "Failed"));
    }
    buf_text(&page, "]}");
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    script_answers((struct script_answer){.status = 200, .body = page.data}, 4);
    refused(&f, ERROR_REFUSED, "unconfirmed", "100 executions of pipeline orders-prod are newer",
            "very late");
    open_fixture(&f, NULL);
    answers(200, SUCCEEDED);
    answers(200, "{\"pipelineExecutionSummaries\":[],\"nextToken\":\"2\"}");
    answers(200, ROWS(ROW(OURS, "Succeeded")));
    confirmed(&f);
}

static void a_stage_in_a_pipeline_that_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, "Prod");
    answers(200, EXECUTION("InProgress", ""));
    answers(200, ROWS(ROW(OURS, "InProgress")));
    confirmed(&f);
}

static void a_stage_in_a_pipeline_that_failed_later(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, "Prod");
    answers(200, EXECUTION("Failed", ""));
    answers(200, ROWS(ROW(OURS, "Failed")));
    answers(200, ROWS(ROW(OURS, "Failed")));
    assert_true(confirm(&f));
    assert_non_null(strstr(script_asked(1)->body,
                           "\"filter\":{\"succeededInStage\":{\"stageName\":\"Prod\"}}"));
    assert_null(strstr(script_asked(2)->body, "filter"));
    close_fixture(&f);
    open_fixture(&f, "Prod");
    f.request.patience_ms = 60;
    f.request.pause_ms = 100;
    answers(200, EXECUTION("Failed", ""));
    answers(200, ROWS(""));
    refused(&f, ERROR_REFUSED, "unconfirmed", "that succeeded in stage Prod", "present version");
}

static const char role_keys[] =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA2</AccessKeyId>"
    "<SecretAccessKey>rolerolerolerole</SecretAccessKey><SessionToken>roletokenroletoken"
    "</SessionToken><Expiration>2131-03-14T15:20:11Z</Expiration></Credentials>"
    "</AssumeRoleResult></AssumeRoleResponse>";

static void asks_as_the_role(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.rules.assume_role.text = memory_text(ROLE);
    answers(200, role_keys);
    answers(200, SUCCEEDED);
    answers(200, ROWS(ROW(OURS, "Succeeded")));
    assert_true(confirm(&f));
    assert_non_null(strstr(script_asked(0)->url, "sts.us-east-1."));
    assert_non_null(strstr(script_asked(0)->body, "postlude-0198c0de-7a11-7c3e-9f00-5a6b7c8d9e0f"));
    assert_non_null(strstr(script_asked(1)->headers, "Credential=ASIA2/"));
    assert_non_null(strstr(script_asked(1)->headers, "/eu-west-3/codepipeline/"));
    assert_string_equal(f.aws.credentials.access_key_id, "AKIA1");
    close_fixture(&f);
}

static void tries_again_to_become_the_role(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.request.patience_ms = 20000;
    f.rules.assume_role.text = memory_text(ROLE);
    script_answers((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"}, 3);
    answers(200, role_keys);
    answers(200, EXECUTION("InProgress", ""));
    answers(200, SUCCEEDED);
    answers(200, ROWS(ROW(OURS, "Succeeded")));
    confirmed(&f);
}

static void says_who_may_not_be_the_role(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.rules.assume_role.text = memory_text(ROLE);
    answers(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                 "</ErrorResponse>");
    refused(&f, ERROR_REFUSED, "AccessDenied", "could not be confirmed: could not assume " ROLE,
            "sts:AssumeRole");
    open_fixture(&f, NULL);
    f.rules.assume_role.text = memory_text(ROLE);
    answers(200, role_keys);
    answers(400, REFUSAL("AccessDeniedException"));
    refused(&f, ERROR_REFUSED, "AccessDeniedException", "", "to " ROLE);
}

static void stops_when_it_is_told_to(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "!", 1), 1);
    const struct stop stop = {.fd = ends[0]};
    struct fixture f;
    open_fixture(&f, NULL);
    f.request.stop = &stop;
    f.request.pause_ms = 60000;
    answers(200, EXECUTION("InProgress", ""));
    int64_t started = clock_steady_ms();
    refused(&f, ERROR_INTERRUPTED, "", "told to stop while asking CodePipeline",
            "The database was not contacted");
    assert_true(clock_steady_ms() - started < 2000);
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
}

static void ends_with_the_run(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.request.deadline = deadline_in(50);
    f.request.pause_ms = 60000;
    answers(200, EXECUTION("InProgress", ""));
    refused(&f, ERROR_INTERRUPTED, "", "out of time while asking CodePipeline", "");
}

static void what_is_configured_wrongly_stays_that(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    script_answer((struct script_answer){.error = ERROR_INVALID, .code = "url"});
    refused(&f, ERROR_INVALID, "url", "scripted", "");
}

static void asks_nobody_about_an_event_that_says_too_little(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.trigger->version = -1;
    refused(&f, ERROR_REFUSED, "", "no version", "POSTLUDE_EVENT_VERSION");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_pipelines_and_stages_are_asked_about),
        cmocka_unit_test(confirms_what_is_so),
        cmocka_unit_test(asks_again_for_what_is_not_so_yet),
        cmocka_unit_test(gives_up_with_what_was_told_last),
        cmocka_unit_test(gives_up_when_there_was_no_answer_at_all),
        cmocka_unit_test(does_not_ask_again_what_is_settled),
        cmocka_unit_test(refuses_when_a_newer_one_has_succeeded),
        cmocka_unit_test(executions_in_parallel_are_not_held_against_each_other),
        cmocka_unit_test(reads_page_after_page),
        cmocka_unit_test(reads_no_further_than_its_own_nor_for_ever),
        cmocka_unit_test(a_stage_in_a_pipeline_that_goes_on),
        cmocka_unit_test(a_stage_in_a_pipeline_that_failed_later),
        cmocka_unit_test(asks_as_the_role),
        cmocka_unit_test(tries_again_to_become_the_role),
        cmocka_unit_test(says_who_may_not_be_the_role),
        cmocka_unit_test(stops_when_it_is_told_to),
        cmocka_unit_test(ends_with_the_run),
        cmocka_unit_test(what_is_configured_wrongly_stays_that),
        cmocka_unit_test(asks_nobody_about_an_event_that_says_too_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
