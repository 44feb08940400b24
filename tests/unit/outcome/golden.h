/* Compares a rendering with golden/<name> in the room's folder; GOLDEN=write rewrites it. */
#ifndef POSTLUDE_TESTS_OUTCOME_GOLDEN_H
#define POSTLUDE_TESTS_OUTCOME_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "check.h"

static inline void golden_write(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->length, file), text->length);
    assert_int_equal(fclose(file), 0);
}

static inline void golden_check(const char *name, const char *ending, const struct buf *text)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/golden/%s.%s", getenv("TEST_DATA"), name, ending);
    const char *mode = getenv("GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        golden_write(path, text);
        return;
    }
    AUTO(buf) struct buf wanted = buf_make((size_t)16 * 1024 * 1024);
    struct error err;
    if (!file_read(path, &wanted, &err)) {
        fail_msg("%s: %s (GOLDEN=write makes it)", path, err.message);
    }
    assert_string_equal(text->data, wanted.data);
    assert_int_equal(text->length, wanted.length);
}

#endif
