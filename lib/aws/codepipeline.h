/*
 * CodePipeline: what it knows of an execution, and which executions a pipeline had.
 *
 * GetPipelineExecution and ListPipelineExecutions (API version 2015-07-09). Nothing is judged here.
 */
#ifndef POSTLUDE_AWS_CODEPIPELINE_H
#define POSTLUDE_AWS_CODEPIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/limit.h"
#include "aws/session.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"

enum {
    AWS_PIPELINE_SIZE = 101,
    AWS_EXECUTION_ID_SIZE = 37,
    AWS_EXECUTION_STATUS_SIZE = 24,
    AWS_EXECUTION_REVISION_SIZE = 512,
    AWS_EXECUTIONS_PAGE = 25,
    AWS_EXECUTIONS_TOKEN_SIZE = 2049,
};

/* Texts are in the alphabet AWS gives them; what is not is left out as if it were not there. */
struct aws_execution {
    char pipeline[AWS_PIPELINE_SIZE];
    char id[AWS_EXECUTION_ID_SIZE];
    char status[AWS_EXECUTION_STATUS_SIZE]; /* "Succeeded", as the API writes it; "" = not told */
    int64_t version;                        /* of the pipeline's structure; -1 = not told */
    bool rollback;                          /* it brought an earlier execution's revisions back */
    bool parallel; /* executions of this pipeline do not wait for another */
    /* The revision (a commit, an object's version, an image's digest) of its source; of several
     * that differ "NAME=REVISION NAME=REVISION", by the names of their artifacts, cut; "" = not
     * told. */
    char revision[AWS_EXECUTION_REVISION_SIZE];
};

struct aws_execution_row {
    char id[AWS_EXECUTION_ID_SIZE];
    char status[AWS_EXECUTION_STATUS_SIZE];
    int64_t started_ms; /* wall clock; -1 = not told */
};

/* One page of a pipeline's executions, newest first as AWS gives them. */
struct aws_execution_page {
    struct aws_execution_row rows[AWS_EXECUTIONS_PAGE];
    size_t count;
    char next_token[AWS_EXECUTIONS_TOKEN_SIZE]; /* "" = it was the last */
};

/* Which execution; region is the pipeline's. */
struct aws_execution_query {
    const char *region, *pipeline, *execution_id;
};

/* Which page; region is the pipeline's. */
struct aws_executions_query {
    const char *region, *pipeline;
    const char *stage;      /* only those that succeeded in this stage; NULL = all */
    const char *next_token; /* of the page before; "" or NULL = the first */
};

/* Asks for one execution. Error kinds and codes: aws_json_call_send's. */
MUST_CHECK bool aws_codepipeline_get(struct aws *aws, const struct aws_execution_query *query,
                                     struct aws_limit *limit, struct aws_execution *out_execution,
                                     struct error *err);
MUST_CHECK bool aws_codepipeline_list(struct aws *aws, const struct aws_executions_query *query,
                                      struct aws_limit *limit, struct aws_execution_page *out_page,
                                      struct error *err);

/* Pure: read the answers. False: not an answer to that question. */
MUST_CHECK bool aws_codepipeline_read_execution(const json_t *answer,
                                                struct aws_execution *out_execution);
MUST_CHECK bool aws_codepipeline_read_page(const json_t *answer,
                                           struct aws_execution_page *out_page);

#endif
