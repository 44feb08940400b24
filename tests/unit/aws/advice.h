/*
 * Case files of hints: each refusal once through a whole call.
 *
 *     case NAME / status 400 / code X [/ message TEXT] / hint PART ... [/ passing yes]
 *
 * Status 0: it did not get through. passing: trying again may help, but there is no time left.
 */
#ifndef POSTLUDE_TESTS_AWS_ADVICE_H
#define POSTLUDE_TESTS_AWS_ADVICE_H

#include <string.h>

#include "aws/blocks.h"
#include "aws/script.h"
#include "aws/session.h"

typedef bool advice_ask(struct aws *aws, struct aws_limit *limit, struct error *err);

/* Written into by whoever takes them: a fresh set each time. */
#define ADVICE_VARIABLES                                                                           \
    {                                                                                              \
        (char[]){"AWS_ACCESS_KEY_ID=AKIDPORTAGEEXAMPLE01"},                                        \
            (char[]){"AWS_SECRET_ACCESS_KEY=k3yM4t3rial"}, (char[]){"AWS_REGION=eu-west-3"}, NULL  \
    }

/* An answer as AWS JSON 1.1 has it, appended to body. */
static struct script_answer advice_answer(const struct block *block, struct buf *body)
{
    int64_t status = 0;
    const char *code = block_need(block, "code");
    const char *message = block_get(block, "message");
    assert_true(text_integer(block_need(block, "status"), 0, 599, &status));
    buf_format(body, "{\"__type\":\"com.amazonaws#%s\",\"Message\":\"%s\"}", code,
               message ? message : "");
    if (status == 0) {
        return (struct script_answer){.error = ERROR_UNREACHABLE, .code = code};
    }
    return (struct script_answer){.status = (int)status, .body = body->data};
}

static void advice_check(const struct block *block, advice_ask *ask)
{
    bool passing = block_get(block, "passing");
    bool refreshed = text_starts(block_need(block, "code"), "ExpiredToken");
    char *variables[] = ADVICE_VARIABLES;
    AUTO(buf) struct buf body = buf_make(4096);
    AUTO(env) struct env *env = env_take(variables);
    AUTO(aws) struct aws aws = aws_open(env);
    struct aws_limit limit = {.deadline = deadline_in(passing ? 0 : 60000)};
    struct error err = {0};
    script_begin();
    script_answers(advice_answer(block, &body), passing ? 3 : refreshed ? 2 : 1);
    aws.http = script_http;
    assert_false(ask(&aws, &limit, &err));
    print_message("%s\n  %s\n", err.message, err.hint);
    assert_int_equal(err.kind, passing ? ERROR_UNREACHABLE : ERROR_DENIED);
    assert_string_equal(err.code, block_need(block, "code"));
    for (size_t i = 0; block_nth(block, "hint", i); i++) {
        assert_non_null(strstr(err.hint, block_nth(block, "hint", i)));
    }
    if (!passing) {
        script_end();
    }
}

#endif
