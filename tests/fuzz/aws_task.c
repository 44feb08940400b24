/* Documents of the task metadata endpoint, each taken for both kinds, and what is made of them. */
#include "aws/task.h"
#include "aws/task_links.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct error err;
    char region[32];
    struct aws_task task = {0};
    AUTO(buf) struct buf out = buf_make(65536);
    const char *text = (const char *)data;
    bool known = aws_task_read_task(text, size, "id-1", &task, &err);
    known = aws_task_read_container(text, size, &task, &err) || known;
    aws_task_region(&task, region);
    bool shown = aws_task_log_url(&task, &out);
    shown = aws_task_rerun(&task, &out) || shown;
    /* What is said comes from a document, and is one line. */
    for (size_t i = 0; i < out.length; i++) {
        if (out.data[i] == '\n') {
            __builtin_trap();
        }
    }
    if (shown != (out.length > 0) || (shown && !known) || out.full) {
        __builtin_trap();
    }
    return 0;
}
