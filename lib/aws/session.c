#include "aws/session.h"

enum { PAUSE_MS = 1000 };

struct aws aws_open(struct env *env)
{
    return (struct aws){.env = env, .http = aws_http_curl, .pause_ms = PAUSE_MS};
}

void aws_close(struct aws *aws)
{
    aws_credentials_clear(&aws->credentials);
}

const char *aws_ca_file(const struct aws *aws)
{
    return env_value(aws->env, "AWS_CA_BUNDLE");
}
