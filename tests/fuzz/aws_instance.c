/* What an EC2 instance's metadata service answers: the token, the name of the role, its document,
 * the region; in the input a line with a percent sign stands between one answer and the next. */
#include <string.h>

#include "aws/region.h"
#include "aws/session.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct {
    const char *at;
    size_t left;
} answers;

static bool answer(const struct aws_http_request *request, struct aws_limit *limit,
                   struct aws_http_response *out_response, struct error *err)
{
    static const char between[] = "\n%\n";
    (void)limit;
    if (answers.left == 0) {
        return error_set(err, ERROR_UNREACHABLE, "nobody there");
    }
    const char *end = memmem(answers.at, answers.left, between, strlen(between));
    size_t length = end ? (size_t)(end - answers.at) : answers.left;
    size_t taken = end ? length + strlen(between) : length;
    *out_response = (struct aws_http_response){
        .status = 200, .body = buf_make(request->response_max), .date_ms = -1};
    buf_add(&out_response->body, answers.at, length);
    answers.at += taken;
    answers.left -= taken;
    return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *variables[] = {NULL};
    AUTO(env) struct env *env = env_take(variables);
    AUTO(aws) struct aws aws = aws_open(env);
    struct aws_limit limit = {.deadline = deadline_in(60000)};
    char region[AWS_REGION_SIZE];
    struct error err = {0};
    answers.at = (const char *)data;
    answers.left = size;
    aws.http = answer;
    aws.pause_ms = 0;
    bool found = aws_region_find(&aws, &limit, region, &err);
    const struct aws_credentials *credentials = &aws.credentials;
    /* Name and region go into URLs and headers, the message to a terminal. */
    if ((*credentials->access_key_id && !aws_credentials_is_plain(credentials->access_key_id)) ||
        (found && !aws_credentials_is_plain(region)) || strpbrk(err.message, "\x1b\n")) {
        __builtin_trap();
    }
    return 0;
}
