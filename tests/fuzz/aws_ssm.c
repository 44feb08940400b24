/* Answers to GetParameter. */
#include <string.h>

#include "aws/ssm.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    AUTO(json) json_t *answer = NULL;
    struct error ignored;
    if (!json_read((const char *)data, size, &answer, &ignored)) {
        return 0;
    }
    AUTO(text) char *value = aws_ssm_value(answer);
    if (value && *value && (*value == ' ' || value[strlen(value) - 1] == '\n')) {
        __builtin_trap();
    }
    return 0;
}
