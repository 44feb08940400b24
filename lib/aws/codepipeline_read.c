#include <string.h>

#include "aws/codepipeline.h"
#include "base/text.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

enum { REVISION_SHOWN = 200, NAME_SHOWN = 100, VERSION_MAX = 2147483647 };

static bool take(char *field, size_t size, const json_t *object, const char *key,
                 const char *alphabet)
{
    const char *text = json_text(object, key);
    if (text_empty(text) || text[strspn(text, alphabet)] || strlen(text) >= size) {
        return false;
    }
    text_copy(field, size, text);
    return true;
}

static bool take_id(char field[AWS_EXECUTION_ID_SIZE], const json_t *object)
{
    return take(field, AWS_EXECUTION_ID_SIZE, object, "pipelineExecutionId", "abcdef" DIGITS "-");
}

static bool take_status(char field[AWS_EXECUTION_STATUS_SIZE], const json_t *object)
{
    return take(field, AWS_EXECUTION_STATUS_SIZE, object, "status", LETTERS);
}

/* A rollback says so in up to three places, of which an older API or a copy of it lacks some. */
static bool is_rollback(const json_t *execution)
{
    const char *type = json_text(json_object_get(execution, "trigger"), "triggerType");
    return text_same(json_text(execution, "executionType"), "ROLLBACK") ||
           text_same(type, "ManualRollback") || text_same(type, "AutomatedRollback") ||
           json_text(json_object_get(execution, "rollbackMetadata"),
                     "rollbackTargetPipelineExecutionId");
}

static int64_t version_of(const json_t *execution)
{
    const json_t *value = json_object_get(execution, "pipelineVersion");
    double number = json_is_number(value) ? json_number_value(value) : -1;
    bool whole = number >= 0 && number <= VERSION_MAX && number == (double)(int64_t)number;
    return whole ? (int64_t)number : -1;
}

static bool all_same(const json_t *revisions)
{
    const char *first = json_text(json_array_get(revisions, 0), "revisionId");
    for (size_t i = 1; i < json_array_size(revisions); i++) {
        if (!text_same(json_text(json_array_get(revisions, i), "revisionId"), first)) {
            return false;
        }
    }
    return true;
}

static void take_revision(const json_t *execution, char field[AWS_EXECUTION_REVISION_SIZE])
{
    const json_t *revisions = json_object_get(execution, "artifactRevisions");
    AUTO(buf) struct buf text = buf_make(AWS_EXECUTION_REVISION_SIZE - 1);
    bool named = !all_same(revisions);
    size_t count = named ? json_array_size(revisions) : 1;
    for (size_t i = 0; i < count && !text.full; i++) {
        const json_t *revision = json_array_get(revisions, i);
        const char *id = json_text(revision, "revisionId");
        AUTO(buf) struct buf one = buf_make(8 * (REVISION_SHOWN + NAME_SHOWN));
        if (text_empty(id)) {
            continue;
        }
        buf_text(&one, text.length ? " " : "");
        if (named) {
            text_escape_cut(&one, json_text(revision, "name"), NAME_SHOWN);
            buf_char(&one, '=');
        }
        text_escape_cut(&one, id, REVISION_SHOWN);
        buf_add(&text, one.data, one.length);
    }
    text_copy(field, AWS_EXECUTION_REVISION_SIZE, text.data);
}

bool aws_codepipeline_read_execution(const json_t *answer, struct aws_execution *out_execution)
{
    const json_t *found = json_object_get(answer, "pipelineExecution");
    struct aws_execution execution = {.version = version_of(found)};
    if (!take(execution.pipeline, sizeof execution.pipeline, found, "pipelineName",
              LETTERS DIGITS ".@-_") ||
        !take_id(execution.id, found)) {
        return false;
    }
    (void)take_status(execution.status, found);
    execution.rollback = is_rollback(found);
    execution.parallel = text_same(json_text(found, "executionMode"), "PARALLEL");
    take_revision(found, execution.revision);
    *out_execution = execution;
    return true;
}

/* AWS writes moments as seconds with a fraction. */
static int64_t moment(const json_t *value)
{
    double seconds = json_is_number(value) ? json_number_value(value) : -1;
    return seconds >= 0 && seconds < 1e11 ? (int64_t)(seconds * 1000) : -1;
}

bool aws_codepipeline_read_page(const json_t *answer, struct aws_execution_page *out_page)
{
    const json_t *rows = json_object_get(answer, "pipelineExecutionSummaries");
    if (!json_is_array(rows)) {
        return false;
    }
    *out_page = (struct aws_execution_page){0};
    for (size_t i = 0; i < json_array_size(rows) && out_page->count < AWS_EXECUTIONS_PAGE; i++) {
        const json_t *from = json_array_get(rows, i);
        struct aws_execution_row row = {.started_ms = moment(json_object_get(from, "startTime"))};
        if (take_id(row.id, from)) {
            (void)take_status(row.status, from);
            out_page->rows[out_page->count++] = row;
        }
    }
    text_copy(out_page->next_token, sizeof out_page->next_token, json_text(answer, "nextToken"));
    return true;
}
