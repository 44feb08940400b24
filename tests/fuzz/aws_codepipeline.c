/* Answers of CodePipeline. */
#include <string.h>

#include "aws/codepipeline.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct error err;
    AUTO(json) json_t *answer = NULL;
    if (!json_read((const char *)data, size, &answer, &err)) {
        return 0;
    }
    struct aws_execution execution;
    static struct aws_execution_page page;
    if (aws_codepipeline_read_execution(answer, &execution) &&
        (!*execution.pipeline || !*execution.id || execution.version < -1 ||
         strpbrk(execution.revision, "\x1b\n"))) {
        return 1;
    }
    return aws_codepipeline_read_page(answer, &page) && page.count > AWS_EXECUTIONS_PAGE;
}
