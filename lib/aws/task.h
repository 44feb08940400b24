/*
 * Which ECS task this is, as the task metadata endpoint (version 4) says: task and task definition,
 * our own container among its neighbours, image, and where its log goes.
 *
 * A convenience for reports, never a condition of a run: whatever is not known stays "". Asking
 * needs no credentials, is plain http, and goes to 169.254.170.2 or a loopback address only.
 * "Amazon ECS task metadata endpoint version 4" is the document followed.
 */
#ifndef POSTLUDE_AWS_TASK_H
#define POSTLUDE_AWS_TASK_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"

enum { AWS_TASK_MS = 1000 }; /* what asking is worth, both documents together */

struct aws_task {
    char arn[512];
    char cluster[512]; /* a name or an ARN, as ECS says it */
    char family[256], revision[16];
    char container[256];    /* our name in the task definition */
    char image[512];        /* as the task definition writes it */
    char image_digest[128]; /* "sha256:..."; on Fargate of the manifest, on EC2 of what Docker made
                               of it */
    char launch_type[16];   /* "FARGATE", "EC2", "EXTERNAL" */
    char zone[32];
    bool own_network; /* awsvpc: a start needs subnets and security groups */
    char log_driver[32];
    char log_group[513], log_stream[513], log_region[32]; /* of awslogs */
};

/* Asks the endpoint that ECS_CONTAINER_METADATA_URI_V4 names; true, and nothing known, where there
 * is none. Tries again while the limit lasts: the endpoint may come up after the container.
 * *out_task is filled as far as it came, on failure too. ERROR_INVALID: the variable is no URL to
 * be asked; ERROR_UNREACHABLE: no answer, or none that is metadata; ERROR_INTERRUPTED. */
MUST_CHECK bool aws_task_ask(struct aws *aws, struct aws_limit *limit, struct aws_task *out_task,
                             struct error *err);

/* Pure: takes from a document of this container, or of the task, what it says; what it does not say
 * stays as it is. A value with a control character, or too long to be one, counts as not said.
 * ERROR_UNREACHABLE: not such a document. */
MUST_CHECK bool aws_task_read_container(const char *text, size_t length, struct aws_task *task,
                                        struct error *err);
/* The task's list of containers is used only where the container is not known yet: `id` (the last
 * part of the endpoint's path, or "") names ours where it is a DockerId; otherwise it is the only
 * one that is not ECS's own. */
MUST_CHECK bool aws_task_read_task(const char *text, size_t length, const char *id,
                                   struct aws_task *task, struct error *err);

/* Pure: the region of the task's ARN, "" when it is not known. */
void aws_task_region(const struct aws_task *task, char out_region[32]);

#endif
