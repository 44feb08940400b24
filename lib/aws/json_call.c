#include "aws/json_call.h"

enum {
    ATTEMPTS = 3,
    PAUSE_MS = 1000,
    TIMEOUT_MS = 10000,
    REQUEST_MAX = 65536,
    ANSWER_MAX = 512 * 1024, /* a secret of 64 KiB, every character escaped */
};

static bool not_the_service(const struct aws_endpoint *endpoint, struct error *err)
{
    error_set(err, ERROR_DENIED, "%s answered 200 with something that is not an answer of AWS",
              endpoint->url);
    error_code(err, "200");
    error_where(err, "%s", endpoint->url);
    return error_hint(err, "Check %s and HTTPS_PROXY: something else than AWS took the request.",
                      endpoint->variable ? endpoint->variable : "AWS_ENDPOINT_URL");
}

static bool read_answer(const struct aws_endpoint *endpoint,
                        const struct aws_http_response *response, json_t **out_answer,
                        struct error *err)
{
    struct error ignored;
    AUTO(json) json_t *answer = NULL;
    const struct buf *body = &response->body;
    if (!body->data || !json_read(body->data, body->length, &answer, &ignored) ||
        !json_is_object(answer)) {
        return not_the_service(endpoint, err);
    }
    *out_answer = TAKE(answer);
    return true;
}

bool aws_json_call_send(struct aws *aws, const struct aws_json_call *call, struct aws_limit *limit,
                        json_t **out_answer, struct error *err)
{
    struct aws_endpoint endpoint;
    AUTO(buf) struct buf body = buf_make(REQUEST_MAX);
    AUTO(aws_http) struct aws_http_response response = {0};
    struct aws_fault fault;
    if (!aws_endpoint_find(aws->env, call->service, call->region, &endpoint, err)) {
        return false;
    }
    json_write(call->request, &body);
    const struct aws_call post = {
        .endpoint = &endpoint,
        .content_type = "application/x-amz-json-1.1",
        .target = call->target,
        .body = body.data,
        .body_length = body.length,
        .response_max = ANSWER_MAX,
        .attempts = ATTEMPTS,
        .pause_ms = PAUSE_MS,
        .timeout_ms = TIMEOUT_MS,
    };
    return aws_call_send(aws, &post, limit, &response, &fault, err) &&
           read_answer(&endpoint, &response, out_answer, err);
}
