/*
 * Data files of the base tests: one case a line, "input -> expected". Empty lines and lines that
 * begin with # are passed over; \n, \t, \\ and \xNN stand for bytes in the input.
 */
#ifndef POSTLUDE_TESTS_BASE_LINES_H
#define POSTLUDE_TESTS_BASE_LINES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "check.h"

typedef void line_check(const char *input, size_t length, const char *expected, const char *place);

static inline size_t lines_decode(char *s)
{
    size_t used = 0;
    for (const char *from = s; *from; used++) {
        unsigned value = 0;
        int taken = 1;
        if (from[0] == '\\' && from[1] == 'x') {
            char hex[3] = {from[2], from[3], '\0'};
            value = (unsigned)strtoul(hex, NULL, 16);
            taken = 4;
        } else if (from[0] == '\\') {
            const char *known = strchr("n\nt\tr\r\\\\", from[1]);
            assert_non_null(known);
            value = (unsigned char)known[1];
            taken = 2;
        } else {
            value = (unsigned char)*from;
        }
        s[used] = (char)value;
        from += taken;
    }
    s[used] = '\0';
    return used;
}

/* Runs check over tests/unit/base/cases/<name>; an empty file fails. */
static inline void lines_run(const char *name, line_check *check)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/cases/%s", getenv("TEST_DATA"), name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *line = NULL;
    size_t size = 0;
    int number = 0;
    int cases = 0;
    for (ssize_t got = getline(&line, &size, file); got > 0; got = getline(&line, &size, file)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (!*line || *line == '#') {
            continue;
        }
        char *arrow = strstr(line, " -> ");
        if (!arrow) {
            fail_msg("%s:%d: no arrow", path, number);
            break;
        }
        *arrow = '\0';
        char place[600];
        (void)snprintf(place, sizeof place, "%s:%d", path, number);
        size_t length = lines_decode(line);
        check(line, length, arrow + 4, place);
        cases++;
    }
    free(line);
    (void)fclose(file);
    assert_true(cases > 0);
}

/* One line's expectation, with the line's place in the message when it is not met. */
static inline void lines_same(const char *got, const char *expected, const char *place)
{
    if (strcmp(got, expected) != 0) {
        fail_msg("%s: expected \"%s\", got \"%s\"", place, expected, got);
    }
}

#endif
