/*
 * The HTTP seam as a script: each exchange takes the next answer and keeps what was asked.
 *
 *     script_begin();
 *     script_answer((struct script_answer){.status = 200, .body = "..."});
 *     aws.http = script_http;
 *     ... script_asked(0)->url ... script_end();
 *
 * script_end fails the test when an answer was not asked for.
 */
#ifndef POSTLUDE_TESTS_AWS_SCRIPT_H
#define POSTLUDE_TESTS_AWS_SCRIPT_H

#include <string.h>

#include "aws/http.h"
#include "base/memory.h"
#include "base/text.h"
#include "check.h"

enum { SCRIPT_MAX = 16 };

struct script_answer {
    enum error_kind error; /* instead of an answer */
    const char *code;      /* of that error */
    int status;
    const char *body;
    int64_t date_ms;        /* 0: none */
    int64_t retry_after_ms; /* 0: none */
};

struct script_asked {
    char *url;
    char *headers; /* "Name: value" lines */
    char *body;
    int64_t left_ms; /* of the limit */
};

static struct {
    struct script_answer answers[SCRIPT_MAX];
    struct script_asked asked[SCRIPT_MAX];
    size_t answer_count, asked_count;
} script;

static void script_begin(void)
{
    for (size_t i = 0; i < script.asked_count; i++) {
        free(script.asked[i].url);
        free(script.asked[i].headers);
        free(script.asked[i].body);
    }
    memset(&script, 0, sizeof script);
}

UNUSED static void script_answer(struct script_answer answer)
{
    assert_true(script.answer_count < SCRIPT_MAX);
    script.answers[script.answer_count++] = answer;
}

UNUSED static void script_answers(struct script_answer answer, size_t times)
{
    while (times-- > 0) {
        script_answer(answer);
    }
}

UNUSED static const struct script_asked *script_asked(size_t at)
{
    assert_true(at < script.asked_count);
    return &script.asked[at];
}

UNUSED static void script_end(void)
{
    assert_int_equal(script.asked_count, script.answer_count);
    script_begin();
}

static void script_keep(const struct aws_http_request *request, const struct aws_limit *limit)
{
    AUTO(buf) struct buf headers = buf_make(65536);
    for (size_t i = 0; i < AWS_HTTP_HEADERS_MAX && request->headers[i].name; i++) {
        buf_format(&headers, "%s: %s\n", request->headers[i].name, request->headers[i].value);
    }
    script.asked[script.asked_count] = (struct script_asked){
        .url = memory_text(request->url),
        .headers = memory_text(headers.data),
        .body = memory_text_n(request->body ? request->body : "", request->body_length),
        .left_ms = deadline_left_ms(limit->deadline)};
}

UNUSED static bool script_http(const struct aws_http_request *request, struct aws_limit *limit,
                               struct aws_http_response *out_response, struct error *err)
{
    if (script.asked_count >= script.answer_count) {
        fail_msg("one request more than the script has: %s", request->url);
    }
    script_keep(request, limit);
    const struct script_answer *answer = &script.answers[script.asked_count++];
    if (answer->error) {
        error_set(err, answer->error, "scripted");
        return error_code(err, "%s", answer->code ? answer->code : "");
    }
    *out_response = (struct aws_http_response){
        .status = answer->status,
        .body = buf_make(request->response_max),
        .date_ms = answer->date_ms ? answer->date_ms : -1,
        .retry_after_ms = answer->retry_after_ms ? answer->retry_after_ms : -1};
    buf_text(&out_response->body, answer->body);
    return true;
}

#endif
