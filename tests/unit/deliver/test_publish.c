#include <unistd.h>

#include "aws/script.h"
#include "deliver/deliver.h"
#include "deliver/runs.h"

static const char topic[] = "arn:aws:sns:eu-west-3:210987654321:orders";
static const char accepted[] = "<PublishResponse><MessageId>9d1f</MessageId></PublishResponse>";

struct fixture {
    char *variables[3];
    struct env *env;
    struct aws aws;
    struct outcome *outcome;
    struct deliver_target target;
    struct deliver_means means;
    struct aws_sns_receipt receipt;
    struct error err;
};

static void open_fixture(struct fixture *f)
{
    *f = (struct fixture){.variables = {memory_text("AWS_ACCESS_KEY_ID=AKIA1"),
                                        memory_text("AWS_SECRET_ACCESS_KEY=secret")},
                          .outcome = run_failed(),
                          .target = {.topic = topic}};
    f->env = env_take(f->variables);
    f->aws = aws_open(f->env);
    f->aws.http = script_http;
    f->aws.pause_ms = 1;
    f->means = (struct deliver_means){
        .aws = &f->aws, .deadline = deadline_in(5000), .patience = {.attempts = 2, .pause_ms = 1}};
    script_begin();
}

static void close_fixture(struct fixture *f)
{
    script_end();
    outcome_free(f->outcome);
    aws_close(&f->aws);
    env_free(f->env);
    free(f->variables[0]);
    free(f->variables[1]);
}

static bool publish(struct fixture *f)
{
    return deliver_publish(f->outcome, &f->target, &f->means, &f->receipt, &f->err);
}

static void check_undelivered(struct fixture *f, const char *code, const char *words)
{
    assert_false(publish(f));
    assert_int_equal(f->err.kind, ERROR_UNDELIVERED);
    assert_string_equal(f->err.code, code);
    assert_string_equal(f->err.where, f->target.topic);
    assert_true(*f->err.hint);
    if (!strstr(f->err.message, words) && !strstr(f->err.hint, words)) {
        fail_msg("neither says \"%s\": %s / %s", words, f->err.message, f->err.hint);
    }
}

static void says_what_went_wrong(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    script_answer((struct script_answer){
        .status = 403,
        .body = "<Error><Code>AuthorizationError</Code><Message>User: x</Message></Error>"});
    check_undelivered(&f, "AuthorizationError", "Allow sns:Publish");
    assert_true(text_starts(f.err.message, "the report was not published: "));
    close_fixture(&f);
    open_fixture(&f);
    script_answers((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"}, 2);
    check_undelivered(&f, "connect", "VPC interface endpoint");
    close_fixture(&f);
}

static void needs_a_topic_and_credentials(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.target.topic = "orders";
    check_undelivered(&f, "", "not an ARN");
    close_fixture(&f);
    open_fixture(&f);
    env_free(f.env);
    f.env = env_take((char *[]){"AWS_EC2_METADATA_DISABLED=true", NULL});
    f.aws.env = f.env;
    check_undelivered(&f, "NoCredentials", "taskRoleArn");
    close_fixture(&f);
}

static void goes_out_after_a_stop(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "!", 1), 1);
    const struct stop stop = {.fd = ends[0]};
    struct fixture f;
    open_fixture(&f);
    f.means.stop = &stop;
    script_answer((struct script_answer){.status = 500, .body = ""});
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    close_fixture(&f);
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
}

static void publishes(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    assert_string_equal(f.receipt.message_id, "9d1f");
    const char *body = script_asked(0)->body;
    assert_non_null(strstr(body, "&Subject=orders%3A%20failed%20at%200002_unique"));
    assert_non_null(strstr(body, "&Message=%7B%22schema%22%3A%22postlude.report%2F1%22"));
    assert_non_null(strstr(body, "&MessageAttributes.entry.5.Value.StringValue=orders-prod"));
    assert_null(strstr(body, "row-data"));
    assert_null(strstr(body, "MessageGroupId"));
    close_fixture(&f);
    open_fixture(&f);
    f.target.topic = "arn:aws:sns:eu-west-3:210987654321:orders.fifo";
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    assert_non_null(strstr(script_asked(0)->body, "&MessageGroupId=orders&MessageDeduplicationId="
                                                  "0198c0de-0000-7000-8000-000000000001-failed"));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_went_wrong),
        cmocka_unit_test(needs_a_topic_and_credentials),
        cmocka_unit_test(goes_out_after_a_stop),
        cmocka_unit_test(publishes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
