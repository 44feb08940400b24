#include "aws/task_links.h"

#include <string.h>

#include "aws/url.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum { REGION_SIZE = 32, ENCODED_MAX = 8192 };

/* The first whose prefix the region has. */
static const struct {
    const char *prefix;
    const char *host; /* NULL: not known */
} consoles[] = {
    {"cn-", "console.amazonaws.cn"},
    {"us-gov-", "console.amazonaws-us-gov.com"},
    {"us-iso", NULL},
    {"eu-iso", NULL},
    {"eusc-", NULL},
    {"", "console.aws.amazon.com"},
};

static const char *console_of(const char *region)
{
    size_t at = 0;
    while (!text_starts(region, consoles[at].prefix)) {
        at++;
    }
    return consoles[at].host;
}

/* The console decodes what stands behind the # twice, and takes a dollar sign for the percent
 * sign of the second: a slash is $252F. */
static void add_twice_encoded(struct buf *out, const char *text)
{
    AUTO(buf) struct buf once = buf_make(ENCODED_MAX);
    AUTO(buf) struct buf twice = buf_make(ENCODED_MAX);
    aws_url_encode(&once, text, strlen(text), "");
    aws_url_encode(&twice, once.data, once.length, "");
    for (size_t i = 0; i < twice.length; i++) {
        buf_add(out, twice.data[i] == '%' ? "$" : twice.data + i, 1);
    }
}

static void region_of(const struct aws_task *task, char out_region[REGION_SIZE])
{
    aws_task_region(task, out_region);
    if (*task->log_region) {
        text_copy(out_region, REGION_SIZE, task->log_region);
    }
}

bool aws_task_log_url(const struct aws_task *task, struct buf *out)
{
    char region[REGION_SIZE];
    region_of(task, region);
    const char *host = *region ? console_of(region) : NULL;
    if (strcmp(task->log_driver, "awslogs") != 0 || !*task->log_group || !host) {
        return false;
    }
    buf_format(out, "https://%s/cloudwatch/home?region=", host);
    aws_url_encode(out, region, strlen(region), "");
    buf_text(out, "#logsV2:log-groups/log-group/");
    add_twice_encoded(out, task->log_group);
    if (*task->log_stream) {
        buf_text(out, "/log-events/");
        add_twice_encoded(out, task->log_stream);
    }
    return true;
}

/* One word of a POSIX shell. */
static void add_word(struct buf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-_./:@%+=,";
    buf_char(out, ' ');
    if (*text && !text[strspn(text, plain)]) {
        buf_text(out, text);
        return;
    }
    buf_char(out, '\'');
    for (const char *c = text; *c; c++) {
        if (*c == '\'') {
            buf_text(out, "'\\''");
        } else {
            buf_char(out, *c);
        }
    }
    buf_char(out, '\'');
}

static void add_option(struct buf *out, const char *option, const char *value)
{
    if (*value) {
        buf_format(out, " %s", option);
        add_word(out, value);
    }
}

static void add_overrides(struct buf *out, const char *container)
{
    AUTO(json)
    json_t *overrides =
        json_pack("{s:[{s:s, s:[{s:s, s:s}]}]}", "containerOverrides", "name", container,
                  "environment", "name", "POSTLUDE_REASON", "value", "<why>");
    if (!overrides) {
        memory_die();
    }
    AUTO(buf) struct buf text = buf_make(ENCODED_MAX);
    json_write(overrides, &text);
    add_option(out, "--overrides", text.data);
}

bool aws_task_rerun(const struct aws_task *task, struct buf *out)
{
    char region[REGION_SIZE];
    aws_task_region(task, region);
    if (!*task->family || !*task->revision || !*region) {
        return false;
    }
    AUTO(buf) struct buf definition = buf_make(sizeof task->family + sizeof task->revision);
    buf_format(&definition, "%s:%s", task->family, task->revision);
    buf_text(out, "aws ecs run-task");
    add_option(out, "--cluster", task->cluster);
    add_option(out, "--task-definition", definition.data);
    add_option(out, "--region", region);
    add_option(out, "--launch-type", task->launch_type);
    if (task->own_network || strcmp(task->launch_type, "FARGATE") == 0) {
        add_option(out, "--network-configuration",
                   "awsvpcConfiguration={subnets=[<subnet-ids>],"
                   "securityGroups=[<security-group-ids>]}");
    }
    add_overrides(out, *task->container ? task->container : "<container>");
    return true;
}
