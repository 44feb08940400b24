#include "aws/session.h"

#include "base/text.h"

enum { PAUSE_MS = 1000 };

struct aws aws_open(struct env *env)
{
    return (struct aws){
        .env = env, .http = aws_http_curl, .pause_ms = PAUSE_MS, .find = aws_credentials_chain};
}

struct aws aws_open_bare(const struct aws *like)
{
    struct aws made = {
        .env = like->env, .http = like->http, .pause_ms = like->pause_ms, .skew_ms = like->skew_ms};
    text_copy(made.task_region, sizeof made.task_region, like->task_region);
    return made;
}

void aws_close(struct aws *aws)
{
    aws_credentials_clear(&aws->credentials);
}

const char *aws_ca_file(const struct aws *aws)
{
    return env_value(aws->env, "AWS_CA_BUNDLE");
}
