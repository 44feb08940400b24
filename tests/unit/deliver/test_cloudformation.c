#include "deliver/cloudformation.h"

#include <unistd.h>

#include "aws/blocks.h"
#include "aws/script.h"
#include "deliver/requests.h"
#include "deliver/runs.h"

struct fixture {
    struct env *env;
    struct aws aws;
    struct trigger *trigger;
    struct outcome *outcome;
    struct deliver_means means;
    struct error err;
};

static void open_fixture(struct fixture *f, const char *url)
{
    *f = (struct fixture){.outcome = run_failed(), .trigger = request_read("Create", url, NULL)};
    f->env = env_take((char *[]){NULL});
    f->aws = aws_open(f->env);
    f->aws.http = script_http;
    f->means = (struct deliver_means){
        .aws = &f->aws, .deadline = deadline_in(5000), .patience = {.attempts = 3, .pause_ms = 1}};
    script_begin();
}

static void close_fixture(struct fixture *f)
{
    script_end();
    trigger_free(f->trigger);
    outcome_free(f->outcome);
    aws_close(&f->aws);
    env_free(f->env);
}

static bool answer(struct fixture *f)
{
    return deliver_answer(f->trigger, f->outcome, &f->means, &f->err);
}

static void sends_the_url_as_it_came(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, S3_URL);
    script_answer((struct script_answer){.status = 200, .body = ""});
    assert_true(answer(&f));
    AUTO(buf) struct buf body = buf_make(DELIVER_ANSWER_MAX);
    deliver_answer_render(f.trigger->request, f.outcome, &body);
    assert_string_equal(script_asked(0)->url, S3_URL);
    assert_string_equal(script_asked(0)->headers, "Content-Type: \n");
    assert_string_equal(script_asked(0)->body, body.data);
    close_fixture(&f);
}

/* Neither the query nor what S3 quotes of it. */
static void check_undelivered(struct fixture *f, const char *code, const char *words)
{
    assert_false(answer(f));
    assert_int_equal(f->err.kind, ERROR_UNDELIVERED);
    assert_string_equal(f->err.code, code);
    assert_true(text_starts(f->err.message, "the stack was not answered: "));
    assert_null(strstr(f->err.message, "0c0ffee"));
    assert_null(strstr(f->err.hint, "0c0ffee"));
    if (!strstr(f->err.hint, words)) {
        fail_msg("the hint does not say \"%s\": %s", words, f->err.hint);
    }
}

static void gives_up_on_what_is_final(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body, *code, *words;
    } finals[] = {
        {403,
         "<Error><Code>AccessDenied</Code><Message>Request has expired 0c0ffee</Message></Error>",
         "AccessDenied", "ran out"},
        {403, "<Error><Code>SignatureDoesNotMatch</Code><Message>0c0ffee</Message></Error>",
         "SignatureDoesNotMatch", "byte for byte"},
        {403, "", "403", "proxy"},
        {400, "<Error><Code>ExpiredToken</Code></Error>", "ExpiredToken", "too late"},
        {307, "", "307", "by hand"},
        {404, "<html>", "404", "by hand"},
    };
    for (size_t i = 0; i < COUNT(finals); i++) {
        struct fixture f;
        open_fixture(&f, S3_URL);
        script_answer((struct script_answer){.status = finals[i].status, .body = finals[i].body});
        check_undelivered(&f, finals[i].code, finals[i].words);
        close_fixture(&f);
    }
}

static void tries_again(void **state)
{
    (void)state;
    static const struct script_answer passing[] = {
        {.status = 500, .body = ""},
        {.status = 503, .body = "<Error><Code>SlowDown</Code></Error>"},
        {.status = 400, .body = "<Error><Code>RequestTimeout</Code></Error>"},
        {.error = ERROR_UNREACHABLE, .code = "broken"},
        {.error = ERROR_UNREACHABLE, .code = "timeout"},
    };
    struct fixture f;
    for (size_t i = 0; i < COUNT(passing); i++) {
        open_fixture(&f, S3_URL);
        script_answers(passing[i], 2);
        script_answer((struct script_answer){.status = 200, .body = ""});
        assert_true(answer(&f));
        close_fixture(&f);
    }
    open_fixture(&f, S3_URL);
    script_answers((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"}, 3);
    check_undelivered(&f, "connect", "gateway endpoint");
    assert_non_null(strstr(f.err.message, "gave up after 3 attempts"));
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
    open_fixture(&f, S3_URL);
    f.means.stop = &stop;
    script_answer((struct script_answer){.status = 500, .body = ""});
    script_answer((struct script_answer){.status = 200, .body = ""});
    assert_true(answer(&f));
    close_fixture(&f);
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
}

static void check_url(const struct block *block)
{
    struct fixture f;
    const char *refused = block_get(block, "refused");
    open_fixture(&f, block_need(block, "url"));
    assert_int_equal(deliver_answer_check(f.trigger, &f.err), !refused);
    if (refused) {
        assert_false(answer(&f)); /* the script has no answer: nobody is asked */
        assert_int_equal(f.err.kind, ERROR_REFUSED);
        assert_non_null(strstr(f.err.message, refused));
        assert_null(strstr(f.err.message, "SIGNED"));
        assert_true(*f.err.hint);
    }
    close_fixture(&f);
}

static void goes_where_it_may(void **state)
{
    (void)state;
    blocks_each("response_urls.txt", check_url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_the_url_as_it_came),
        cmocka_unit_test(gives_up_on_what_is_final),
        cmocka_unit_test(tries_again),
        cmocka_unit_test(goes_out_after_a_stop),
        cmocka_unit_test(goes_where_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
