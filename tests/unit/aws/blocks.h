/*
 * Case files of this room: blocks of "key value" lines, separated by empty lines; # starts a
 * comment line. A key may come several times. Every block begins with "case NAME"; the name is
 * printed before it runs, so that the last one printed is the one that failed.
 */
#ifndef POSTLUDE_TESTS_AWS_BLOCKS_H
#define POSTLUDE_TESTS_AWS_BLOCKS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "check.h"

enum { BLOCK_LINES_MAX = 64 };

struct block {
    const char *keys[BLOCK_LINES_MAX];
    const char *values[BLOCK_LINES_MAX];
    size_t count;
};

/* The value of the nth line of that key, or NULL. */
UNUSED static const char *block_nth(const struct block *block, const char *key, size_t nth)
{
    for (size_t i = 0; i < block->count; i++) {
        if (strcmp(block->keys[i], key) == 0 && nth-- == 0) {
            return block->values[i];
        }
    }
    return NULL;
}

UNUSED static const char *block_get(const struct block *block, const char *key)
{
    return block_nth(block, key, 0);
}

/* The same for a key that has to be there. */
UNUSED static const char *block_need(const struct block *block, const char *key)
{
    const char *value = block_get(block, key);
    if (!value) {
        fail_msg("case \"%s\" lacks %s", block->values[0], key);
    }
    return value;
}

/* Appends every value of that key as one line each. */
UNUSED static void block_lines(const struct block *block, const char *key, struct buf *out)
{
    for (size_t i = 0; block_nth(block, key, i); i++) {
        buf_format(out, "%s%s", i ? "\n" : "", block_nth(block, key, i));
    }
}

static void block_add(struct block *block, char *line)
{
    char *space = strchr(line, ' ');
    assert_true(block->count < BLOCK_LINES_MAX);
    block->keys[block->count] = line;
    block->values[block->count++] = space ? space + 1 : "";
    if (space) {
        *space = '\0';
    }
}

static size_t block_run(struct block *block, void (*run)(const struct block *))
{
    if (block->count == 0) {
        return 0;
    }
    assert_string_equal(block->keys[0], "case");
    print_message("case %s\n", block->values[0]);
    run(block);
    block->count = 0;
    return 1;
}

/* Runs every block of the room's file cases/<name>. */
UNUSED static void blocks_each(const char *name, void (*run)(const struct block *))
{
    AUTO(buf) struct buf path = buf_make(4096);
    AUTO(buf) struct buf text = buf_make(1 << 20);
    struct error err;
    buf_format(&path, "%s/cases/%s", getenv("TEST_DATA"), name);
    assert_true(file_read(path.data, &text, &err));
    struct block block = {0};
    size_t ran = 0;
    char *rest = text.data;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (*line && *line != '#') {
            block_add(&block, line);
        } else if (!*line) {
            ran += block_run(&block, run);
        }
    }
    ran += block_run(&block, run);
    assert_true(ran > 0);
}

#endif
