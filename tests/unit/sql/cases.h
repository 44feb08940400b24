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

/* Runs one block; the expectation goes up to the next title. Returns whether it was met. */
static inline bool cases_block(const char *title, const char **at, cases_render render,
                               struct buf *written)
{
    const char *from = *at;
    const char *to = from;
    const char *next = from;
    while (*to && !cases_is(to, cases_line(to, &next), "----")) {
        to = next;
    }
    AUTO(buf) struct buf input = buf_make(CASES_MAX);
    cases_input(title, from, to, &input);
    AUTO(buf) struct buf result = buf_make(CASES_MAX);
    render(title, input.data, input.length, &result);

    const char *expected = *to ? next : to;
    const char *end = expected;
    while (*end && !text_starts(end, "==== ")) {
        (void)cases_line(end, &next);
        end = next;
    }
    *at = end;
    while (end > expected && end[-1] == '\n') {
        end--;
    }
    while (result.length && result.data[result.length - 1] == '\n') {
        buf_truncate(&result, result.length - 1);
    }
    buf_format(written, "==== %s\n%.*s----\n%s%s\n", title, (int)(to - from), from, result.data,
               result.length ? "\n" : "");
    bool met = cases_is(result.data, result.length, "")
                   ? end == expected
                   : (size_t)(end - expected) == result.length &&
                         memcmp(expected, result.data, result.length) == 0;
    if (!met && !getenv("GOLDEN")) {
        (void)fprintf(stderr, "%s\n-- expected:\n%.*s\n-- came out:\n%s\n\n", title,
                      (int)(end - expected), expected, result.data);
    }
    return met;
}

static inline size_t cases_file(const char *path, cases_render render, size_t *count)
{
    AUTO(buf) struct buf file = buf_make(CASES_MAX);
    AUTO(buf) struct buf written = buf_make(CASES_MAX);
    struct error err;
    if (!file_read(path, &file, &err)) {
        fail_msg("%s: %s", path, err.message);
    }
    size_t failed = 0;
    const char *at = file.data;
    while (*at) {
        const char *next = at;
        size_t size = cases_line(at, &next);
        assert_true(text_starts(at, "==== "));
        char title[256];
        (void)snprintf(title, sizeof title, "%.*s", (int)(size - 5), at + 5);
        at = next;
        failed += !cases_block(title, &at, render, &written);
        (*count)++;
    }
    if (text_same(getenv("GOLDEN"), "write")) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(written.data, 1, written.length - 1, out), written.length - 1);
        assert_int_equal(fclose(out), 0);
        return 0;
    }
    return failed;
}

/* Every file of cases/<folder>. */
static inline void cases_run(const char *folder, cases_render render)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/cases/%s", getenv("TEST_DATA"), folder);
    DIR *files = opendir(path);
    assert_non_null(files);
    size_t count = 0;
    size_t failed = 0;
    for (struct dirent *entry = readdir(files); entry; entry = readdir(files)) {
        if (text_ends(entry->d_name, ".txt")) {
            char name[1536];
            (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            failed += cases_file(name, render, &count);
        }
    }
    (void)closedir(files);
    print_message("%zu cases of %s\n", count, folder);
    assert_int_equal(failed, 0);
    assert_true(count > 0);
}

#endif
