/* AWS's shared files. */
#include <string.h>

#include "aws/ini.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct error err;
    struct buf text = buf_make(AWS_INI_SIZE_MAX);
    AUTO(aws_ini) struct aws_ini ini = {0};
    buf_add(&text, data, size);
    if (!aws_ini_parse(&text, &ini, &err)) {
        return 0;
    }
    for (size_t i = 0; i < ini.count; i++) {
        const struct aws_ini_line *line = &ini.lines[i];
        if (!aws_ini_has(&ini, line->section) ||
            (line->key && aws_ini_get(&ini, line->section, line->key) != line->value)) {
            return 1;
        }
    }
    return 0;
}
