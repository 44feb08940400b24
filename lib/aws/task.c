#include "aws/task.h"

#include <string.h>

#include "aws/http.h"
#include "base/text.h"

enum { DOCUMENT_MAX = 256 * 1024, ATTEMPTS = 3, PAUSE_MS = 100, URL_MAX = 2048 };

static const char variable[] = "ECS_CONTAINER_METADATA_URI_V4";

/* The endpoint's URL without a slash at its end. */
static bool find_url(const char *value, struct buf *url, struct error *err)
{
    struct aws_url parsed;
    buf_text(url, value);
    while (url->length > 0 && url->data[url->length - 1] == '/') {
        buf_truncate(url, url->length - 1);
    }
    if (!url->full && aws_http_check(url->data, &parsed, err)) {
        if (aws_url_is_local(&parsed) && !*parsed.query) {
            return true;
        }
        error_set(err, ERROR_INVALID, "not an address inside the machine");
    } else if (url->full) {
        error_set(err, ERROR_INVALID, "the URL is too long");
    }
    error_hint(err, "ECS sets this variable itself; do not set it in the task definition.");
    return error_wrap(err, "%s", variable);
}

static bool get(struct aws *aws, const char *url, struct aws_limit *limit,
                struct aws_http_response *out_response, struct error *err)
{
    const struct aws_http_request request = {.method = "GET",
                                             .url = url,
                                             .headers = {{"Accept", "application/json"}},
                                             .timeout_ms = AWS_TASK_MS,
                                             .response_max = DOCUMENT_MAX};
    if (!aws->http(&request, limit, out_response, err)) {
        return false;
    }
    if (out_response->status != 200) {
        error_set(err, ERROR_UNREACHABLE, "the task metadata endpoint answered %d",
                  out_response->status);
        error_code(err, "%d", out_response->status);
        aws_http_clear(out_response);
        return false;
    }
    return true;
}

static bool get_again(struct aws *aws, const char *url, struct aws_limit *limit,
                      struct aws_http_response *out_response, struct error *err)
{
    for (int attempt = 1;; attempt++) {
        if (get(aws, url, limit, out_response, err)) {
            return true;
        }
        /* The last word on why is the answer's, and not that time ran out in the pause. */
        if (attempt == ATTEMPTS || err->kind == ERROR_INTERRUPTED ||
            !aws_limit_pause(limit, PAUSE_MS)) {
            return error_wrap(err, "asking ECS which task this is");
        }
    }
}

static bool ask_container(struct aws *aws, const char *url, struct aws_limit *limit,
                          struct aws_task *task, struct error *err)
{
    AUTO(aws_http) struct aws_http_response response = {0};
    return get_again(aws, url, limit, &response, err) &&
           aws_task_read_container(response.body.data, response.body.length, task, err);
}

static bool ask_task(struct aws *aws, struct buf *url, struct aws_limit *limit,
                     struct aws_task *task, struct error *err)
{
    char id[256];
    AUTO(aws_http) struct aws_http_response response = {0};
    const char *slash = strrchr(url->data, '/');
    text_copy(id, sizeof id, slash ? slash + 1 : "");
    buf_text(url, "/task");
    return get_again(aws, url->data, limit, &response, err) &&
           aws_task_read_task(response.body.data, response.body.length, id, task, err);
}

bool aws_task_ask(struct aws *aws, struct aws_limit *limit, struct aws_task *out_task,
                  struct error *err)
{
    const char *value = env_value(aws->env, variable);
    AUTO(buf) struct buf url = buf_make(URL_MAX);
    struct error ignored; /* the first trouble is the one to tell */
    *out_task = (struct aws_task){0};
    if (!value) {
        return true;
    }
    if (!find_url(value, &url, err)) {
        return false;
    }
    if (!ask_container(aws, url.data, limit, out_task, err)) {
        (void)(aws_limit_check(limit) && ask_task(aws, &url, limit, out_task, &ignored));
        return false;
    }
    return ask_task(aws, &url, limit, out_task, err);
}
