/*
 * Data files of cases: blocks of input and what is to come of it.
 *
 *   ==== title | flags        crlf: line ends are CR LF; bom: a BOM in front; cut: no last line end
 *   input
 *   ----
 *   expectation
 *
 * The control pictures U+240B, U+240C, U+240D and U+241B in the input stand for VT, FF, CR and ESC.
 * A render function turns the input into text, which must be the expectation. GOLDEN=write writes
 * what came out into the data files instead, to be read before it is believed.
 */
#ifndef POSTLUDE_TESTS_SQL_CASES_H
#define POSTLUDE_TESTS_SQL_CASES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

#include "check.h"

enum { CASES_MAX = 4 * 1024 * 1024 };

typedef void (*cases_render)(const char *title, const char *text, size_t length, struct buf *out);

struct cases {
    cases_render render;
    bool visit; /* the inputs only: there is no expectation to meet, and nothing to write */
    size_t count;
    size_t failed;
};

/* The line at `at` (without its end) and where the next begins. */
static inline size_t cases_line(const char *at, const char **out_next)
{
    size_t size = strcspn(at, "\n");
    *out_next = at[size] ? at + size + 1 : at + size;
    return size;
}

static inline bool cases_is(const char *at, size_t size, const char *line)
{
    return size == strlen(line) && memcmp(at, line, size) == 0;
}

static inline void cases_input(const char *title, const char *from, const char *to, struct buf *out)
{
    const char *flags = strstr(title, " | ");
    if (flags && strstr(flags, "bom")) {
        buf_text(out, "\xEF\xBB\xBF");
    }
    for (; from < to; from++) {
        if (to - from >= 3 && memcmp(from, "\xE2\x90", 2) == 0 && from[2] != '\xA3') {
            buf_char(out, (char)(from[2] - '\x80'));
            from += 2;
            continue;
        }
        if (*from == '\n' && flags && strstr(flags, "crlf")) {
            buf_char(out, '\r');
        }
        buf_char(out, *from);
    }
    if (flags && strstr(flags, "cut")) {
        buf_truncate(out, out->length - 1);
    }
}

/* Whether the expectation, up to the next title, is what came out. */
static inline bool cases_met(const char *title, const char *expected, const char *end,
                             const struct buf *result)
{
    while (end > expected && end[-1] == '\n') {
        end--;
    }
    size_t size = (size_t)(end - expected);
    if (size == result->length && memcmp(expected, result->data, size) == 0) {
        return true;
    }
    (void)fprintf(stderr, "%s\n-- expected:\n%.*s\n-- came out:\n%s\n\n", title, (int)size,
                  expected, result->data);
    return false;
}

/* Runs the block whose title line was read, and moves *at to the next. */
static inline void cases_block(struct cases *cases, const char *title, const char **at,
                               struct buf *written)
{
    const char *from = *at;
    const char *to = from;
    const char *next = from;
    while (*to && !cases_is(to, cases_line(to, &next), "----")) {
        to = next;
    }
    const char *expected = *to ? next : to;
    const char *end = expected;
    while (*end && !text_starts(end, "==== ")) {
        (void)cases_line(end, &next);
        end = next;
    }
    *at = end;
    AUTO(buf) struct buf input = buf_make(CASES_MAX);
    cases_input(title, from, to, &input);
    AUTO(buf) struct buf result = buf_make(CASES_MAX);
    cases->render(title, input.data, input.length, &result);
    while (result.length && result.data[result.length - 1] == '\n') {
        buf_truncate(&result, result.length - 1);
    }
    buf_format(written, "==== %s\n%.*s----\n%s%s\n", title, (int)(to - from), from, result.data,
               result.length ? "\n" : "");
    cases->count++;
    cases->failed += !cases->visit && !cases_met(title, expected, end, &result);
}

static inline void cases_write(const char *path, const struct buf *written)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(written->data, 1, written->length - 1, out), written->length - 1);
    assert_int_equal(fclose(out), 0);
}

static inline void cases_file(struct cases *cases, const char *path)
{
    AUTO(buf) struct buf file = buf_make(CASES_MAX);
    AUTO(buf) struct buf written = buf_make(CASES_MAX);
    struct error err;
    if (!file_read(path, &file, &err)) {
        fail_msg("%s: %s", path, err.message);
    }
    const char *at = file.data;
    while (*at) {
        const char *next = at;
        size_t size = cases_line(at, &next);
        assert_true(text_starts(at, "==== "));
        char title[256];
        (void)snprintf(title, sizeof title, "%.*s", (int)(size - 5), at + 5);
        at = next;
        cases_block(cases, title, &at, &written);
    }
    if (!cases->visit && text_same(getenv("GOLDEN"), "write")) {
        cases_write(path, &written);
    }
}

/* Every file of cases/<folder>. */
static inline void cases_folder(struct cases *cases, const char *folder)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/cases/%s", getenv("TEST_DATA"), folder);
    DIR *files = opendir(path);
    assert_non_null(files);
    for (struct dirent *entry = readdir(files); entry; entry = readdir(files)) {
        if (text_ends(entry->d_name, ".txt")) {
            char name[1536];
            (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            cases_file(cases, name);
        }
    }
    (void)closedir(files);
    print_message("%zu cases of %s\n", cases->count, folder);
    assert_true(cases->count > 0);
}

static inline void cases_run(const char *folder, cases_render render)
{
    struct cases cases = {.render = render};
    cases_folder(&cases, folder);
    assert_int_equal(cases.failed, 0);
}

static inline void cases_visit(const char *folder, cases_render render)
{
    struct cases cases = {.render = render, .visit = true};
    cases_folder(&cases, folder);
}

#endif
