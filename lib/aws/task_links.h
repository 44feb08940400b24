/*
 * Where a task's log is read, and how such a task is started again: for reports. Pure.
 */
#ifndef POSTLUDE_AWS_TASK_LINKS_H
#define POSTLUDE_AWS_TASK_LINKS_H

#include <stdbool.h>

#include "aws/task.h"
#include "base/attr.h"
#include "base/buf.h"

/* Appends the CloudWatch console's link to the container's log stream, or to its group when the
 * stream is not known. False, and nothing appended: the log goes elsewhere, or its region's
 * partition has no console that we know. */
MUST_CHECK bool aws_task_log_url(const struct aws_task *task, struct buf *out);

/* Appends one line for a POSIX shell: `aws ecs run-task` with the same cluster, task definition,
 * launch type and region, and a reason for the run. What a task cannot know of itself (subnets,
 * security groups, the reason) stands as a word in angle brackets, inside quotes, to be replaced.
 * False, and nothing appended: too little is known. */
MUST_CHECK bool aws_task_rerun(const struct aws_task *task, struct buf *out);

#endif
