#include "cmd/origin.h"

#include <stdlib.h>

#include "aws/task.h"
#include "aws/task_links.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 16384, GRACE_MS = 500 };

static void keep(char **field, const char *value)
{
    free(*field);
    *field = text_empty(value) ? NULL : memory_text(value);
}

static void keep_task(const struct aws_task *task, struct outcome *outcome)
{
    keep(&outcome->task_arn, task->arn);
    keep(&outcome->cluster, task->cluster);
    keep(&outcome->family, task->family);
    keep(&outcome->revision, task->revision);
    keep(&outcome->container, task->container);
    keep(&outcome->image, task->image);
    keep(&outcome->image_digest, task->image_digest);
}

static void keep_links(const struct aws_task *task, struct outcome *outcome)
{
    AUTO(buf) struct buf url = buf_make(LINE_MAX_BYTES);
    AUTO(buf) struct buf rerun = buf_make(LINE_MAX_BYTES);
    if (aws_task_log_url(task, &url)) {
        keep(&outcome->log_url, url.data);
    }
    if (!outcome->rerun && aws_task_rerun(task, &rerun)) {
        keep(&outcome->rerun, rerun.data);
    }
}

void origin_learn(struct aws *aws, const struct stop *stop, struct outcome *outcome)
{
    struct aws_limit limit = {
        .deadline = deadline_in(AWS_TASK_MS), .stop = stop, .grace_ms = GRACE_MS};
    struct aws_task task;
    struct error err;
    if (!aws_task_ask(aws, &limit, &task, &err)) {
        log_trouble(LOG_WARN, "the report may not name the task, its image and its log", &err);
    }
    keep_task(&task, outcome);
    keep_links(&task, outcome);
    aws_task_region(&task, aws->task_region);
    if (*task.arn) {
        log_debug("running as an ECS task", LOG_TEXT("task", task.arn),
                  LOG_TEXT("container", task.container), LOG_TEXT("image", task.image),
                  LOG_QUIET_TEXT("image_digest", task.image_digest),
                  LOG_QUIET_TEXT("family", task.family), LOG_QUIET_TEXT("revision", task.revision),
                  LOG_QUIET_TEXT("launch_type", task.launch_type),
                  LOG_QUIET_TEXT("zone", task.zone));
    }
}
