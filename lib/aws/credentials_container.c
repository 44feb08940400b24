#include <string.h>

#include "aws/credentials.h"
#include "aws/http.h"
#include "aws/session.h"
#include "aws/url.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

enum {
    ATTEMPTS = 3,
    TIMEOUT_MS = 2000,
    ANSWER_MAX = 65536,
    TOKEN_MAX = 16384,
    URL_MAX = 4096,
};

static const char endpoint[] = "the container credentials endpoint";
static const char relative_name[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
static const char full_name[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
static const char token_name[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
static const char token_file_name[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

static bool misconfigured(struct error *err, const char *name)
{
    err->kind = ERROR_DENIED;
    error_code(err, "BadCredentials");
    return error_wrap(err, "%s", name);
}

/* Fills url from the variables; leaves it empty when neither is set. */
static bool find_url(const struct env *env, struct buf *url, struct error *err)
{
    const char *relative = env_value(env, relative_name);
    const char *full = env_value(env, full_name);
    if (!relative && !full) {
        return true;
    }
    if (relative && *relative != '/') {
        error_set(err, ERROR_DENIED, "does not begin with a slash");
        error_hint(err, "ECS sets this variable itself; do not set it in the task definition.");
        return misconfigured(err, relative_name);
    }
    buf_text(url, relative ? "http://169.254.170.2" : full);
    buf_text(url, relative);
    struct aws_url parsed;
    bool usable = url->full ? error_set(err, ERROR_DENIED, "too long")
                            : aws_http_check(url->data, &parsed, err);
    return usable || misconfigured(err, relative ? relative_name : full_name);
}

/* A token file as kubelet or an echo writes it may end with one line end. */
static void trim_line_end(struct buf *token)
{
    if (token->length > 0 && token->data[token->length - 1] == '\n') {
        buf_truncate(token, token->length - 1);
        if (token->length > 0 && token->data[token->length - 1] == '\r') {
            buf_truncate(token, token->length - 1);
        }
    }
}

static bool find_token(struct env *env, struct buf *token, struct error *err)
{
    const char *file = env_value(env, token_file_name);
    const char *name = file ? token_file_name : token_name;
    if (file) {
        if (!file_read(file, token, err)) {
            error_hint(err, "EKS Pod Identity mounts this file and sets the variable itself; do "
                            "not set it in the pod's or the task's definition.");
            return misconfigured(err, token_file_name);
        }
        trim_line_end(token);
    } else {
        buf_text(token, env_value(env, token_name));
    }
    env_conceal(env, token_name);
    if (token->full || strlen(token->data) != token->length ||
        strpbrk(token->data, "\r\n") != NULL) {
        error_set(err, ERROR_DENIED, "the token has a line end inside, or is too long");
        error_hint(err, "The token is one line; take out what stands around it.");
        return misconfigured(err, name);
    }
    return true;
}

/* The transport's hints are about the way out; this endpoint is inside the machine. */
static bool unreachable(struct error *err)
{
    error_wrap(err, "no AWS credentials from the container endpoint");
    error_code(err, "NoCredentials");
    return error_hint(err,
                      "The address comes from %s or %s. On ECS give the task definition a task "
                      "role; a container in host network mode needs ECS_ENABLE_TASK_IAM_ROLE_"
                      "NETWORK_HOST in the agent.",
                      relative_name, full_name);
}

static bool ask(struct aws *aws, const struct aws_http_request *request, struct aws_limit *limit,
                struct aws_credentials *out_credentials, struct error *err)
{
    AUTO(aws_http) struct aws_http_response response = {0};
    if (!aws->http(request, limit, &response, err)) {
        return unreachable(err);
    }
    if (response.status != 200) {
        error_set(err, ERROR_UNREACHABLE, "%s answered HTTP status %d", endpoint, response.status);
        error_code(err, "BadCredentials");
    } else if (aws_credentials_parse(endpoint, response.body.data, response.body.length,
                                     out_credentials, err)) {
        out_credentials->source = "container endpoint";
        return true;
    }
    return error_hint(err, "Check that the task definition's task role exists and may be assumed "
                           "by ecs-tasks.amazonaws.com; on EKS, that the pod identity association "
                           "names a role that pods.eks.amazonaws.com may assume.");
}

/* Three times, a second apart, whatever goes wrong: the endpoint may come up after the container.
 */
static bool ask_again(struct aws *aws, const struct aws_http_request *request,
                      struct aws_limit *limit, struct aws_credentials *out_credentials,
                      struct error *err)
{
    for (int attempt = 1;; attempt++) {
        if (ask(aws, request, limit, out_credentials, err)) {
            return true;
        }
        if (attempt == ATTEMPTS || err->kind == ERROR_INTERRUPTED) {
            return false;
        }
        if (!aws_limit_pause(limit, aws->pause_ms)) {
            return aws_limit_error(limit, "waiting for the container credentials endpoint", err);
        }
    }
}

bool aws_credentials_container(struct aws *aws, struct aws_limit *limit,
                               struct aws_credentials *out_credentials, struct buf *why,
                               struct error *err)
{
    AUTO(buf) struct buf url = buf_make(URL_MAX);
    if (!find_url(aws->env, &url, err)) {
        return false;
    }
    if (url.length == 0) {
        buf_format(why, "neither %s nor %s is set", relative_name, full_name);
        return true;
    }
    struct buf token = buf_make(TOKEN_MAX);
    bool found = find_token(aws->env, &token, err);
    if (found) {
        struct aws_http_request request = {
            .method = "GET",
            .url = url.data,
            .headers = {{"Accept", "application/json"},
                        {token.length ? "Authorization" : NULL, token.data}},
            .ca_file = aws_ca_file(aws),
            .timeout_ms = TIMEOUT_MS,
            .response_max = ANSWER_MAX,
        };
        found = ask_again(aws, &request, limit, out_credentials, err);
    }
    buf_wipe(&token);
    return found;
}
