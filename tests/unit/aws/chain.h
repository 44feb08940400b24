/*
 * Case files about who we are to AWS: blocks (blocks.h) that say what is around, what answers, and
 * what is to come of it. A % stands for a folder of the case's own.
 *
 *     case NAME
 *     env NAME=value            a variable; a real line end is written \n
 *     file NAME text            a line of the file %/NAME
 *     answer STATUS body        what answers the next request
 *     fail CODE                 or nothing does (ERROR_UNREACHABLE; "interrupted": that)
 *     asked URL                 a request, in order
 *     sent text, header text    is part of the last request's body, of its headers
 *     id KEY-ID, source NAME    the credentials that are found
 *     region NAME               the region that is found
 *     refused KIND text         or an error of that kind, whose message has text
 *     hint text                 its hint has text
 */
#ifndef POSTLUDE_TESTS_AWS_CHAIN_H
#define POSTLUDE_TESTS_AWS_CHAIN_H

#include <stdio.h>
#include <unistd.h>

#include "aws/blocks.h"
#include "aws/credentials.h"
#include "aws/region.h"
#include "aws/script.h"
#include "aws/session.h"

enum { CHAIN_VARIABLES_MAX = 24 };

struct chain {
    char folder[32];
    char *variables[CHAIN_VARIABLES_MAX + 1];
    struct env *env;
    struct aws aws;
    struct aws_limit limit;
    struct error err;
};

/* Text with the folder's path for %, and line ends for \n. */
static char *chain_text(const struct chain *chain, const char *text)
{
    struct buf out = buf_make(65536);
    for (; *text; text++) {
        if (*text == '%' && (text[1] == '/' || !text[1])) {
            buf_text(&out, chain->folder);
        } else if (text_starts(text, "\\n")) {
            buf_char(&out, '\n');
            text++;
        } else {
            buf_char(&out, *text);
        }
    }
    return buf_take(&out);
}

static void chain_write(const struct chain *chain, const char *name, const char *line)
{
    AUTO(buf) struct buf path = buf_make(4096);
    AUTO(text) char *text = chain_text(chain, line);
    buf_format(&path, "%s/%s", chain->folder, name);
    FILE *file = fopen(path.data, "ae");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", text) > 0);
    assert_int_equal(fclose(file), 0);
}

/* Splits "first rest"; the first word is copied, the rest returned. */
static const char *chain_split(const char *value, char *first, size_t size)
{
    size_t length = strcspn(value, " ");
    assert_true(length < size);
    memcpy(first, value, length);
    first[length] = '\0';
    return value[length] ? value + length + 1 : "";
}

static void chain_prepare(struct chain *chain, const char *key, const char *value)
{
    char first[256];
    const char *rest = chain_split(value, first, sizeof first);
    if (strcmp(key, "file") == 0) {
        chain_write(chain, first, rest);
    } else if (strcmp(key, "answer") == 0) {
        int64_t status = 0;
        assert_true(text_integer(first, 100, 599, &status));
        script_answer((struct script_answer){.status = (int)status, .body = rest});
    } else if (strcmp(key, "fail") == 0) {
        bool stopped = strcmp(first, "interrupted") == 0;
        script_answer((struct script_answer){
            .error = stopped ? ERROR_INTERRUPTED : ERROR_UNREACHABLE, .code = value});
    }
}

static void chain_open(struct chain *chain, const struct block *block)
{
    *chain = (struct chain){.folder = "/tmp/postlude-test-XXXXXX"};
    assert_non_null(mkdtemp(chain->folder));
    script_begin();
    size_t count = 0;
    for (size_t i = 0; i < block->count; i++) {
        if (strcmp(block->keys[i], "env") == 0) {
            assert_true(count < CHAIN_VARIABLES_MAX);
            chain->variables[count++] = chain_text(chain, block->values[i]);
        }
        chain_prepare(chain, block->keys[i], block->values[i]);
    }
    chain->env = env_take(chain->variables);
    chain->aws = aws_open(chain->env);
    chain->aws.http = script_http;
    chain->aws.pause_ms = 1;
    chain->limit = (struct aws_limit){.deadline = deadline_in(30000)};
}

static void chain_remove_files(const struct chain *chain, const struct block *block)
{
    for (size_t i = 0; i < block->count; i++) {
        if (strcmp(block->keys[i], "file") == 0) {
            char name[256];
            (void)chain_split(block->values[i], name, sizeof name);
            AUTO(buf) struct buf path = buf_make(4096);
            buf_format(&path, "%s/%s", chain->folder, name);
            (void)unlink(path.data);
        }
    }
    assert_int_equal(rmdir(chain->folder), 0);
}

static void chain_close(struct chain *chain, const struct block *block)
{
    script_end();
    aws_close(&chain->aws);
    env_free(chain->env);
    for (size_t i = 0; chain->variables[i]; i++) {
        free(chain->variables[i]);
    }
    chain_remove_files(chain, block);
}

static void chain_find(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" lacks \"%s\"", text, part);
    }
}

static void chain_check_refused(const struct chain *chain, const struct block *block)
{
    char kind[32];
    const char *words = chain_split(block_need(block, "refused"), kind, sizeof kind);
    AUTO(text) char *expected = chain_text(chain, words);
    AUTO(text)
    char *hint = chain_text(chain, block_get(block, "hint") ? block_get(block, "hint") : "");
    chain_find(chain->err.message, expected);
    chain_find(chain->err.hint, hint);
    if (chain->err.kind != ERROR_INTERRUPTED) {
        assert_true(*chain->err.hint);
    }
    const char *found = chain->err.kind == ERROR_DENIED ? "denied" : error_name(chain->err.kind);
    assert_string_equal(found, kind);
    /* Every secret of the cases has this in it. */
    assert_null(strstr(chain->err.message, "hidden"));
    assert_null(strstr(chain->err.hint, "hidden"));
}

static void chain_check_requests(const struct chain *chain, const struct block *block)
{
    for (size_t i = 0; block_nth(block, "asked", i); i++) {
        AUTO(text) char *url = chain_text(chain, block_nth(block, "asked", i));
        assert_string_equal(script_asked(i)->url, url);
    }
    for (size_t i = 0; block_nth(block, "sent", i); i++) {
        chain_find(script_asked(script.asked_count - 1)->body, block_nth(block, "sent", i));
    }
    for (size_t i = 0; block_nth(block, "header", i); i++) {
        chain_find(script_asked(script.asked_count - 1)->headers, block_nth(block, "header", i));
    }
}

static void chain_check_found(const struct chain *chain, const struct block *block)
{
    const char *id = block_get(block, "id");
    const char *source = block_get(block, "source");
    if (id) {
        assert_string_equal(chain->aws.credentials.access_key_id, id);
    }
    if (source) {
        assert_string_equal(chain->aws.credentials.source, source);
    }
}

/* Runs a block: its credentials, or its region where "region" or "of region" is there. */
UNUSED static void chain_check(const struct block *block)
{
    struct chain chain;
    chain_open(&chain, block);
    char region[AWS_REGION_SIZE] = "";
    bool done = block_get(block, "region")
                    ? aws_region_find(&chain.aws, &chain.limit, region, &chain.err)
                    : aws_credentials_ready(&chain.aws, &chain.limit, &chain.err);
    if (!done && !block_get(block, "refused")) {
        fail_msg("refused: %s", chain.err.message);
    }
    assert_int_equal(done, block_get(block, "refused") == NULL);
    if (done) {
        chain_check_found(&chain, block);
        assert_string_equal(region, block_get(block, "region") ? block_get(block, "region") : "");
    } else {
        chain_check_refused(&chain, block);
    }
    chain_check_requests(&chain, block);
    chain_close(&chain, block);
}

#endif
