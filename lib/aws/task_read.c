/* The documents of the task metadata endpoint. */
#include <string.h>

#include "aws/endpoint.h"
#include "aws/task.h"
#include "base/json.h"
#include "base/text.h"

enum { REGION_SIZE = 32 };

static const char label_arn[] = "com.amazonaws.ecs.task-arn";
static const char label_cluster[] = "com.amazonaws.ecs.cluster";
static const char label_family[] = "com.amazonaws.ecs.task-definition-family";
static const char label_revision[] = "com.amazonaws.ecs.task-definition-version";
static const char label_container[] = "com.amazonaws.ecs.container-name";

/* Half an ARN or name would lead somebody astray: what does not fit is not known. */
static void take(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_text(object, key);
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length >= size ||
        length != json_string_length(json_object_get(object, key))) {
        return;
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) {
            return;
        }
    }
    memcpy(out, text, length + 1);
}
#define TAKE_TEXT(object, key, field) take((object), (key), (field), sizeof(field))

static bool read_document(const char *text, size_t length, const char *mark, json_t **out_document,
                          struct error *err)
{
    json_t *document = NULL;
    if (!json_read(text, length, &document, err)) {
        err->kind = ERROR_UNREACHABLE;
        error_wrap(err, "the task metadata endpoint's answer is no JSON");
        return error_code(err, "BadMetadata");
    }
    if (!json_text(document, mark)) {
        json_decref(document);
        error_set(err, ERROR_UNREACHABLE, "the task metadata endpoint's answer has no %s", mark);
        return error_code(err, "BadMetadata");
    }
    *out_document = document;
    return true;
}

/* In the container's own document, and in its entry of the task's. */
static void take_container(const json_t *container, struct aws_task *task)
{
    const json_t *labels = json_object_get(container, "Labels");
    const json_t *log = json_object_get(container, "LogOptions");
    const json_t *networks = json_object_get(container, "Networks");
    TAKE_TEXT(labels, label_container, task->container);
    TAKE_TEXT(container, "Name", task->container);
    TAKE_TEXT(container, "Image", task->image);
    TAKE_TEXT(container, "ImageID", task->image_digest);
    TAKE_TEXT(container, "LogDriver", task->log_driver);
    TAKE_TEXT(log, "awslogs-group", task->log_group);
    TAKE_TEXT(log, "awslogs-stream", task->log_stream);
    TAKE_TEXT(log, "awslogs-region", task->log_region);
    for (size_t i = 0; i < json_array_size(networks); i++) {
        const char *mode = json_text(json_array_get(networks, i), "NetworkMode");
        task->own_network = task->own_network || text_same(mode, "awsvpc");
    }
    TAKE_TEXT(labels, label_arn, task->arn);
    TAKE_TEXT(labels, label_cluster, task->cluster);
    TAKE_TEXT(labels, label_family, task->family);
    TAKE_TEXT(labels, label_revision, task->revision);
}

bool aws_task_read_container(const char *text, size_t length, struct aws_task *task,
                             struct error *err)
{
    AUTO(json) json_t *container = NULL;
    if (!read_document(text, length, "Name", &container, err)) {
        return false;
    }
    take_container(container, task);
    return true;
}

/* The pause container of awsvpc tasks, and others that ECS adds. */
static bool of_ecs_itself(const json_t *container)
{
    const char *type = json_text(container, "Type");
    const char *name = json_text(container, "Name");
    return !name || text_starts(name, "~internal~") || (type && !text_same(type, "NORMAL"));
}

static const json_t *find_container(const json_t *task, const char *id)
{
    const json_t *containers = json_object_get(task, "Containers");
    const json_t *only = NULL;
    size_t candidates = 0;
    for (size_t i = 0; i < json_array_size(containers); i++) {
        const json_t *container = json_array_get(containers, i);
        const char *docker_id = json_text(container, "DockerId");
        if (*id && text_same(docker_id, id)) {
            return container;
        }
        if (!of_ecs_itself(container)) {
            only = container;
            candidates++;
        }
    }
    return candidates == 1 ? only : NULL;
}

bool aws_task_read_task(const char *text, size_t length, const char *id, struct aws_task *task,
                        struct error *err)
{
    AUTO(json) json_t *document = NULL;
    if (!read_document(text, length, "TaskARN", &document, err)) {
        return false;
    }
    const json_t *container = *task->container ? NULL : find_container(document, id);
    if (container) {
        take_container(container, task);
    }
    TAKE_TEXT(document, "TaskARN", task->arn);
    TAKE_TEXT(document, "Cluster", task->cluster);
    TAKE_TEXT(document, "Family", task->family);
    TAKE_TEXT(document, "Revision", task->revision);
    TAKE_TEXT(document, "LaunchType", task->launch_type);
    TAKE_TEXT(document, "AvailabilityZone", task->zone);
    return true;
}

void aws_task_region(const struct aws_task *task, char out_region[32])
{
    struct aws_arn arn;
    struct error ignored;
    bool known = aws_arn_parse(task->arn, &arn, &ignored);
    text_copy(out_region, REGION_SIZE, known ? arn.region : "");
}
