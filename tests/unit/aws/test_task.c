#include "aws/task.h"

#include "aws/blocks.h"
#include "aws/region.h"
#include "aws/script.h"
#include "aws/task_links.h"

/* What is known, one line each, in the order of the struct. */
static void show(const struct aws_task *task, struct buf *out)
{
    const struct {
        const char *name, *value;
    } fields[] = {
        {"arn", task->arn},
        {"cluster", task->cluster},
        {"family", task->family},
        {"revision", task->revision},
        {"container", task->container},
        {"image", task->image},
        {"digest", task->image_digest},
        {"launch", task->launch_type},
        {"zone", task->zone},
        {"network", task->own_network ? "own" : ""},
        {"driver", task->log_driver},
        {"group", task->log_group},
        {"stream", task->log_stream},
        {"log-region", task->log_region},
    };
    for (size_t i = 0; i < COUNT(fields); i++) {
        if (*fields[i].value) {
            buf_format(out, "%s%s %s", out->length ? "\n" : "", fields[i].name, fields[i].value);
        }
    }
}

static void check_refused(const struct block *block, const struct error *err)
{
    assert_non_null(strstr(err->message, block_need(block, "refused")));
    assert_int_equal(err->kind, ERROR_UNREACHABLE);
    assert_string_equal(err->code, "BadMetadata");
}

static void check_documents(const struct block *block)
{
    struct aws_task task = {0};
    struct error err = {0};
    const char *container = block_get(block, "container");
    const char *whole = block_get(block, "task");
    const char *id = block_get(block, "id");
    bool ok = true;
    if (container) {
        ok = aws_task_read_container(container, strlen(container), &task, &err);
    }
    if (ok && whole) {
        ok = aws_task_read_task(whole, strlen(whole), id ? id : "", &task, &err);
    }
    assert_int_equal(ok, block_get(block, "refused") == NULL);
    if (!ok) {
        check_refused(block, &err);
        return;
    }
    AUTO(buf) struct buf shown = buf_make(8192);
    AUTO(buf) struct buf expected = buf_make(8192);
    show(&task, &shown);
    block_lines(block, "is", &expected);
    assert_string_equal(shown.data, expected.data);
}

static void reads_documents(void **state)
{
    (void)state;
    blocks_each("task_documents.txt", check_documents);
}

static void set(const struct block *block, const char *key, char *field, size_t size)
{
    const char *value = block_get(block, key);
    text_copy(field, size, value);
}
#define SET(block, key, field) set((block), (key), (field), sizeof(field))

static void check_links(const struct block *block)
{
    struct aws_task task = {.own_network = block_get(block, "awsvpc") != NULL};
    SET(block, "arn", task.arn);
    SET(block, "cluster", task.cluster);
    SET(block, "family", task.family);
    SET(block, "revision", task.revision);
    SET(block, "container", task.container);
    SET(block, "launch", task.launch_type);
    SET(block, "driver", task.log_driver);
    SET(block, "group", task.log_group);
    SET(block, "stream", task.log_stream);
    SET(block, "log-region", task.log_region);
    AUTO(buf) struct buf url = buf_make(8192);
    AUTO(buf) struct buf rerun = buf_make(8192);
    bool has_url = aws_task_log_url(&task, &url);
    bool has_rerun = aws_task_rerun(&task, &rerun);
    assert_string_equal(has_url ? url.data : "none", block_need(block, "url"));
    assert_int_equal(has_url, url.length > 0);
    assert_int_equal(has_rerun, rerun.length > 0);
    const char *expected = block_get(block, "rerun");
    assert_string_equal(has_rerun ? rerun.data : "none", expected ? expected : "none");
}

static void writes_links(void **state)
{
    (void)state;
    blocks_each("task_links.txt", check_links);
}

static const char container_text[] =
    "{\"Name\":\"migrate\",\"Image\":\"orders:7\",\"LogDriver\":\"awslogs\"}";
static const char task_text[] =
    "{\"TaskARN\":\"arn:aws:ecs:eu-west-3:210987654321:task/ops/1\",\"Family\":\"orders\","
    "\"Revision\":\"42\",\"Containers\":[{\"DockerId\":\"id-1\",\"Name\":\"migrate\","
    "\"Image\":\"orders:8\"},{\"DockerId\":\"id-2\",\"Name\":\"other\"}]}";

/* A session whose HTTP is the script. */
static struct aws session(char *variable)
{
    char *variables[] = {variable, NULL};
    return (struct aws){.env = env_take(variable ? variables : variables + 1), .http = script_http};
}

static struct aws_limit a_second(void)
{
    return (struct aws_limit){.deadline = deadline_in(AWS_TASK_MS)};
}

static bool ask(struct aws *aws, struct aws_task *out_task, struct error *err)
{
    struct aws_limit limit = a_second();
    return aws_task_ask(aws, &limit, out_task, err);
}

static void asks_both_documents(void **state)
{
    (void)state;
    char variable[] = "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/id-1/";
    struct aws aws = session(variable);
    struct aws_task task;
    struct error err;
    script_begin();
    script_answer((struct script_answer){.status = 200, .body = container_text});
    script_answer((struct script_answer){.status = 200, .body = task_text});
    assert_true(ask(&aws, &task, &err));
    assert_string_equal(script_asked(0)->url, "http://169.254.170.2/v4/id-1");
    assert_string_equal(script_asked(1)->url, "http://169.254.170.2/v4/id-1/task");
    assert_null(strstr(script_asked(0)->headers, "Authorization"));
    assert_string_equal(task.image, "orders:7");
    assert_string_equal(task.revision, "42");
    script_end();
    env_free(aws.env);
}

static void nothing_is_asked_outside_ecs(void **state)
{
    (void)state;
    struct aws aws = session(NULL);
    struct aws_task task;
    struct error err;
    script_begin();
    assert_true(ask(&aws, &task, &err));
    assert_string_equal(task.arn, "");
    script_end();
    env_free(aws.env);
}

static void one_document_is_better_than_none(void **state)
{
    (void)state;
    char variable[] = "ECS_CONTAINER_METADATA_URI_V4=http://127.0.0.1:1/v4/id-1";
    struct aws aws = session(variable);
    struct aws_task task;
    struct error err = {0};
    script_begin();
    script_answers((struct script_answer){.status = 404, .body = "no"}, 3);
    script_answer((struct script_answer){.status = 200, .body = task_text});
    assert_false(ask(&aws, &task, &err));
    assert_int_equal(err.kind, ERROR_UNREACHABLE);
    assert_string_equal(err.code, "404");
    assert_string_equal(task.image, "orders:8");
    assert_string_equal(task.family, "orders");
    script_begin();
    script_answer((struct script_answer){.status = 200, .body = container_text});
    script_answer((struct script_answer){.status = 200, .body = "{}"});
    assert_false(ask(&aws, &task, &err));
    assert_string_equal(err.code, "BadMetadata");
    assert_string_equal(task.image, "orders:7");
    script_end();
    env_free(aws.env);
}

static void a_moment_later_it_is_there(void **state)
{
    (void)state;
    char variable[] = "ECS_CONTAINER_METADATA_URI_V4=http://localhost:1/v4/x";
    struct aws aws = session(variable);
    struct aws_task task;
    struct error err;
    script_begin();
    script_answer((struct script_answer){.error = ERROR_UNREACHABLE, .code = "connect"});
    script_answer((struct script_answer){.status = 500, .body = ""});
    script_answer((struct script_answer){.status = 200, .body = container_text});
    script_answer((struct script_answer){.status = 200, .body = task_text});
    assert_true(ask(&aws, &task, &err));
    script_end();
    env_free(aws.env);
}

static void the_limit_is_for_all_of_it(void **state)
{
    (void)state;
    char variable[] = "ECS_CONTAINER_METADATA_URI_V4=http://localhost:1/v4/x";
    struct aws aws = session(variable);
    struct aws_limit limit = {.deadline = deadline_in(50)};
    struct aws_task task;
    struct error err = {0};
    script_begin();
    script_answer((struct script_answer){.status = 500, .body = ""});
    assert_false(aws_task_ask(&aws, &limit, &task, &err));
    assert_string_equal(err.code, "500");
    script_end();
    env_free(aws.env);
}

static void only_addresses_inside_the_machine_are_asked(void **state)
{
    (void)state;
    char elsewhere[] = "ECS_CONTAINER_METADATA_URI_V4=http://192.0.2.1/v4/x";
    char https[] = "ECS_CONTAINER_METADATA_URI_V4=https://example.com/v4/x";
    char query[] = "ECS_CONTAINER_METADATA_URI_V4=http://127.0.0.1/v4?x";
    char none[] = "ECS_CONTAINER_METADATA_URI_V4=v4/x";
    char *const variables[] = {elsewhere, https, query, none};
    for (size_t i = 0; i < COUNT(variables); i++) {
        struct aws aws = session(variables[i]);
        struct aws_task task;
        struct error err = {0};
        script_begin();
        assert_false(ask(&aws, &task, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(text_starts(err.message, "ECS_CONTAINER_METADATA_URI_V4: "));
        script_end();
        env_free(aws.env);
    }
}

static void the_task_s_region_is_the_last_resort(void **state)
{
    (void)state;
    const struct aws_task task = {.arn = "arn:aws:ecs:eu-west-3:210987654321:task/ops/1"};
    char variable[] = "AWS_DEFAULT_REGION=eu-north-1";
    struct aws with = session(variable);
    struct aws without = session(NULL);
    struct aws_limit limit = a_second();
    char region[AWS_REGION_SIZE];
    struct error err;
    aws_task_region(&task, with.task_region);
    assert_string_equal(with.task_region, "eu-west-3");
    assert_true(aws_region_find(&with, &limit, region, &err));
    assert_string_equal(region, "eu-north-1");
    assert_false(aws_region_find(&without, &limit, region, &err));
    aws_task_region(&task, without.task_region);
    assert_true(aws_region_find(&without, &limit, region, &err));
    assert_string_equal(region, "eu-west-3");
    env_free(with.env);
    env_free(without.env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_documents),
        cmocka_unit_test(writes_links),
        cmocka_unit_test(asks_both_documents),
        cmocka_unit_test(nothing_is_asked_outside_ecs),
        cmocka_unit_test(one_document_is_better_than_none),
        cmocka_unit_test(a_moment_later_it_is_there),
        cmocka_unit_test(the_limit_is_for_all_of_it),
        cmocka_unit_test(only_addresses_inside_the_machine_are_asked),
        cmocka_unit_test(the_task_s_region_is_the_last_resort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
