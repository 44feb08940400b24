/*
 * Answers, for test_endpoints.py, each line "SERVICE REGION FIPS DUAL-STACK" of stdin (the last two
 * true or false) with the URL that aws_endpoint_find gives, or with its refusal.
 */
#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static const struct {
    const char *name;
    enum aws_service service;
} services[] = {{"sns", AWS_SNS},
                {"sts", AWS_STS},
                {"secretsmanager", AWS_SECRETS_MANAGER},
                {"ssm", AWS_SSM},
                {"codepipeline", AWS_CODEPIPELINE}};

static bool find_service(const char *name, enum aws_service *out_service)
{
    for (size_t i = 0; i < COUNT(services); i++) {
        if (strcmp(services[i].name, name) == 0) {
            *out_service = services[i].service;
            return true;
        }
    }
    return false;
}

static char *variable(const char *name, const char *value)
{
    struct buf out = buf_make(256);
    buf_format(&out, "%s=%s", name, value);
    return buf_take(&out);
}

static bool answer(char *line)
{
    enum aws_service service = AWS_SNS;
    const char *name = strsep(&line, " ");
    const char *region = strsep(&line, " ");
    const char *fips = strsep(&line, " ");
    if (!line || !find_service(name, &service)) {
        return false;
    }
    AUTO(text) char *first = variable("AWS_USE_FIPS_ENDPOINT", fips);
    AUTO(text) char *second = variable("AWS_USE_DUALSTACK_ENDPOINT", line);
    char *variables[] = {first, second, NULL};
    AUTO(env) struct env *env = env_take(variables);
    struct aws_endpoint endpoint;
    struct error err;
    bool found = aws_endpoint_find(env, service, region, &endpoint, &err);
    (void)printf("%s\n", found ? endpoint.url : err.message);
    return true;
}

int main(void)
{
    AUTO(buf) struct buf text = buf_make(1 << 20);
    struct error err;
    if (!file_read_input("-", &text, &err)) {
        return 2;
    }
    char *rest = text.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (*line && !answer(line)) {
            return 2;
        }
    }
    return 0;
}
