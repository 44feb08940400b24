#include "aws/sns.h"

#include <unistd.h>

#include "aws/blocks.h"
#include "aws/script.h"
#include "base/clock.h"

static const char topic[] = "arn:aws:sns:eu-west-3:210987654321:migration-outcome";
static const char accepted[] =
    "<PublishResponse><PublishResult><MessageId>9d1f</MessageId></PublishResult>"
    "<ResponseMetadata><RequestId>e2a7</RequestId></ResponseMetadata></PublishResponse>";

#define REFUSAL(code, message)                                                                     \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message              \
    "</Message></Error><RequestId>e2a7</RequestId></ErrorResponse>"

struct fixture {
    char *variables[4];
    struct env *env;
    struct aws aws;
    struct aws_limit limit;
    struct aws_sns_patience patience;
    struct aws_sns_receipt receipt;
    struct error err;
};

static void open_fixture(struct fixture *f)
{
    *f = (struct fixture){.variables = {memory_text("AWS_ACCESS_KEY_ID=AKIA1"),
                                        memory_text("AWS_SECRET_ACCESS_KEY=secretsecretsecret"),
                                        memory_text("AWS_SESSION_TOKEN=tokentokentokentoken")},
                          .limit = {.deadline = deadline_in(5000)},
                          .patience = {.attempts = 3, .pause_ms = 2}};
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

static bool publish(struct fixture *f)
{
    const struct aws_sns_message message = {
        .topic = topic, .subject = "s", .text = "m", .text_length = 1};
    return aws_sns_publish(&f->aws, &message, &f->patience, &f->limit, &f->receipt, &f->err);
}

/* Publishes against one answer and holds the error against what it has to say. */
static void check_times(size_t requests, struct script_answer answer, enum error_kind kind,
                        const char *code, const char *hint)
{
    struct fixture f;
    open_fixture(&f);
    f.patience.attempts = 1;
    script_answers(answer, requests);
    assert_false(publish(&f));
    assert_int_equal(f.err.kind, kind);
    assert_string_equal(f.err.code, code);
    if (!strstr(f.err.hint, hint)) {
        fail_msg("hint of %s lacks \"%s\": %s", code, hint, f.err.hint);
    }
    assert_null(strstr(f.err.message, "tokentoken"));
    close_fixture(&f);
}

static void check_one(struct script_answer answer, enum error_kind kind, const char *code,
                      const char *hint)
{
    check_times(1, answer, kind, code, hint);
}

static void check_advice(const struct block *block)
{
    int64_t status = 0;
    assert_true(text_integer(block_need(block, "status"), 0, 599, &status));
    AUTO(buf) struct buf body = buf_make(4096);
    buf_format(&body, REFUSAL("%s", "Why"), block_need(block, "code"));
    struct script_answer answer = {.status = (int)status, .body = body.data};
    if (status == 0) {
        answer =
            (struct script_answer){.error = ERROR_UNREACHABLE, .code = block_need(block, "code")};
    }
    enum error_kind kind =
        text_same(block_get(block, "passing"), "yes") ? ERROR_UNREACHABLE : ERROR_DENIED;
    size_t requests = text_same(block_get(block, "again"), "yes") ? 2 : 1;
    check_times(requests, answer, kind, block_need(block, "code"), block_need(block, "hint"));
}

static void advises_on_refusals(void **state)
{
    (void)state;
    blocks_each("advice.txt", check_advice);
}

static void refuses_topics_that_are_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "orders",
        "arn:aws:sqs:eu-west-3:210987654321:orders",
        "arn:aws:sns:eu-west-3:210987654321:orders:5b1c7e0a-9f42-4d1e-8a63-0c2f7d9e4b18",
        "arn:aws:sns:eu-west-3:210987654321:app/GCM/x",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct aws_arn arn;
        struct error err = {0};
        assert_false(aws_sns_topic_parse(wrong[i], &arn, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(*err.hint);
    }
}

static void cuts_its_own_token_out_of_messages(void **state)
{
    (void)state;
    check_one(
        (struct script_answer){
            .status = 403, .body = REFUSAL("InvalidSecurity", "token tokentokentokentoken is bad")},
        ERROR_DENIED, "InvalidSecurity", "");
}

static void does_not_take_a_login_page_for_an_answer(void **state)
{
    (void)state;
    check_one((struct script_answer){.status = 200, .body = "<html>"}, ERROR_DENIED, "200",
              "HTTPS_PROXY");
    check_one((struct script_answer){.status = 200, .body = "<MessageId></MessageId>"},
              ERROR_DENIED, "200", "HTTPS_PROXY");
    check_one((struct script_answer){.status = 200, .body = "<MessageId>a b</MessageId>"},
              ERROR_DENIED, "200", "HTTPS_PROXY");
}

static void gives_up_after_its_attempts(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    script_answers((struct script_answer){.status = 503, .body = ""}, 2);
    script_answer((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"});
    assert_false(publish(&f));
    assert_string_equal(f.err.code, "connect");
    assert_non_null(strstr(f.err.message, "gave up after 3 attempts"));
    assert_non_null(strstr(f.err.hint, "com.amazonaws.eu-west-3.sns"));
    close_fixture(&f);
}

static void does_not_try_again_what_is_final(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    script_answer((struct script_answer){.error = ERROR_DENIED, .code = "tls"});
    assert_false(publish(&f));
    close_fixture(&f);
    open_fixture(&f);
    script_answer((struct script_answer){.status = 404, .body = REFUSAL("NotFound", "No")});
    assert_false(publish(&f));
    close_fixture(&f);
}

static void says_the_last_fault_when_time_runs_out(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.limit.deadline = deadline_in(100);
    script_answer((struct script_answer){
        .status = 503, .body = REFUSAL("ServiceUnavailable", "No"), .retry_after_ms = 4000});
    assert_false(publish(&f));
    assert_string_equal(f.err.code, "ServiceUnavailable");
    close_fixture(&f);
    open_fixture(&f);
    script_answer((struct script_answer){.status = 500, .body = ""});
    script_answer((struct script_answer){.error = ERROR_INTERRUPTED});
    assert_false(publish(&f));
    assert_string_equal(f.err.code, "500");
    close_fixture(&f);
}

static void waits_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    int64_t started = clock_steady_ms();
    script_answer((struct script_answer){
        .status = 400, .body = REFUSAL("Throttling", "Rate"), .retry_after_ms = 200});
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    assert_true(clock_steady_ms() - started >= 200);
    close_fixture(&f);
}

static void a_stop_leaves_only_the_grace(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "!", 1), 1);
    const struct stop stop = {.fd = ends[0]};
    struct fixture f;
    open_fixture(&f);
    f.limit.stop = &stop;
    f.limit.grace_ms = 50;
    script_answer((struct script_answer){.status = 503, .body = "", .retry_after_ms = 3000});
    int64_t started = clock_steady_ms();
    assert_false(publish(&f));
    assert_true(clock_steady_ms() - started < 2000);
    assert_string_equal(f.err.code, "503");
    close_fixture(&f);
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
}

static void corrects_the_clock_once(void **state)
{
    (void)state;
    const struct script_answer skewed = {.status = 403,
                                         .body = REFUSAL("SignatureDoesNotMatch", "Expired"),
                                         .date_ms = INT64_C(1931246813000)};
    struct fixture f;
    open_fixture(&f);
    script_answer(skewed);
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    assert_null(strstr(script_asked(0)->headers, "X-Amz-Date: 20310314T0926"));
    assert_non_null(strstr(script_asked(1)->headers, "X-Amz-Date: 20310314T0926"));
    assert_non_null(strstr(script_asked(1)->headers, "Credential=AKIA1/20310314/eu-west-3/sns/"));
    close_fixture(&f);
    open_fixture(&f);
    script_answers(skewed, 2);
    assert_false(publish(&f));
    assert_string_equal(f.err.code, "SignatureDoesNotMatch");
    close_fixture(&f);
}

static void leaves_a_right_clock_alone(void **state)
{
    (void)state;
    check_one((struct script_answer){.status = 403,
                                     .body = REFUSAL("SignatureDoesNotMatch", "No"),
                                     .date_ms = clock_wall_ms() + 60000},
              ERROR_DENIED, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY");
}

static void reads_expired_credentials_once_more(void **state)
{
    (void)state;
    const struct script_answer expired = {.status = 403, .body = REFUSAL("ExpiredToken", "Old")};
    struct fixture f;
    open_fixture(&f);
    script_answer(expired);
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    close_fixture(&f);
    open_fixture(&f);
    script_answers(expired, 2);
    assert_false(publish(&f));
    assert_string_equal(f.err.code, "ExpiredToken");
    assert_non_null(strstr(f.err.hint, "AWS_SESSION_TOKEN"));
    close_fixture(&f);
}

static void asks_anew_for_temporary_credentials(void **state)
{
    (void)state;
    static const char first[] = "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s\"}";
    static const char second[] = "{\"AccessKeyId\":\"ASIA2\",\"SecretAccessKey\":\"s\"}";
    struct fixture f;
    open_fixture(&f);
    env_free(f.env);
    f.env = env_take((char *[]){"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x", NULL});
    f.aws.env = f.env;
    script_answer((struct script_answer){.status = 200, .body = first});
    script_answer((struct script_answer){.status = 403, .body = REFUSAL("ExpiredToken", "Old")});
    script_answer((struct script_answer){.status = 200, .body = second});
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    assert_non_null(strstr(script_asked(1)->headers, "Credential=ASIA1/"));
    assert_non_null(strstr(script_asked(3)->headers, "Credential=ASIA2/"));
    close_fixture(&f);
}

static void signs_what_it_sends(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    script_answer((struct script_answer){.status = 200, .body = accepted});
    assert_true(publish(&f));
    assert_string_equal(f.receipt.message_id, "9d1f");
    assert_string_equal(f.receipt.request_id, "e2a7");
    assert_string_equal(script_asked(0)->url, "https://sns.eu-west-3.amazonaws.com/");
    const char *headers = script_asked(0)->headers;
    assert_non_null(strstr(headers, "Host: sns.eu-west-3.amazonaws.com\n"));
    assert_non_null(
        strstr(headers, "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"));
    assert_non_null(strstr(headers, "X-Amz-Security-Token: tokentokentokentoken\n"));
    close_fixture(&f);
}

static void check_body(const struct block *block)
{
    struct aws_sns_attribute attributes[4] = {0};
    size_t count = 0;
    for (; block_nth(block, "attribute", count); count++) {
        attributes[count] = (struct aws_sns_attribute){block_nth(block, "attribute", count),
                                                       block_nth(block, "type", count),
                                                       block_nth(block, "value", count)};
    }
    AUTO(buf) struct buf text = buf_make(4096);
    block_lines(block, "message", &text);
    const struct aws_sns_message message = {.topic = block_need(block, "topic"),
                                            .subject = block_get(block, "subject"),
                                            .text = text.data,
                                            .text_length = text.length,
                                            .attributes = attributes,
                                            .attribute_count = count,
                                            .group = "orders",
                                            .deduplication = "0198-applied"};
    AUTO(buf) struct buf body = buf_make(65536);
    aws_sns_body(&message, &body);
    assert_string_equal(body.data, block_need(block, "body"));
}

static void writes_bodies(void **state)
{
    (void)state;
    blocks_each("publish_bodies.txt", check_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_topics_that_are_none),
        cmocka_unit_test(advises_on_refusals),
        cmocka_unit_test(cuts_its_own_token_out_of_messages),
        cmocka_unit_test(does_not_take_a_login_page_for_an_answer),
        cmocka_unit_test(gives_up_after_its_attempts),
        cmocka_unit_test(does_not_try_again_what_is_final),
        cmocka_unit_test(says_the_last_fault_when_time_runs_out),
        cmocka_unit_test(waits_as_long_as_it_is_asked_to),
        cmocka_unit_test(a_stop_leaves_only_the_grace),
        cmocka_unit_test(corrects_the_clock_once),
        cmocka_unit_test(leaves_a_right_clock_alone),
        cmocka_unit_test(reads_expired_credentials_once_more),
        cmocka_unit_test(asks_anew_for_temporary_credentials),
        cmocka_unit_test(signs_what_it_sends),
        cmocka_unit_test(writes_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
