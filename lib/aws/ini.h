/*
 * The format of AWS's shared files: [section], key = value, comments. Pure.
 *
 * As the AWS CLI reads it: lines indented deeper than the key above belong to that key (a nested
 * block such as that of s3) and are passed over; a comment begins with # or ; at the start of a
 * line, or behind a blank; keys are compared without case. Stricter in that a section or key that
 * appears twice, or a line that is none of these, is an error. No value is ever part of an error.
 */
#ifndef POSTLUDE_AWS_INI_H
#define POSTLUDE_AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

enum { AWS_INI_SIZE_MAX = 256 * 1024, AWS_INI_LINES_MAX = 8192 };

struct aws_ini_line {
    unsigned number; /* from 1 */
    const char *section;
    const char *key; /* NULL: the section's own line */
    const char *value;
};

struct aws_ini {
    struct buf text; /* taken apart: the lines point into it */
    struct aws_ini_line *lines;
    size_t count, capacity;
};

/* Takes text (zeroed afterwards) and fills *out_ini, which the caller clears. ERROR_INVALID, with
 * the line in `where` ("line 3"). */
MUST_CHECK bool aws_ini_parse(struct buf *text, struct aws_ini *out_ini, struct error *err);

/* Whether there is such a section. "profile x" is the section [profile x], however many blanks and
 * quotes it is written with. */
bool aws_ini_has(const struct aws_ini *ini, const char *section);

/* A value, "" when it is empty, NULL when there is none. Valid until aws_ini_clear. */
const char *aws_ini_get(const struct aws_ini *ini, const char *section, const char *key);

/* Wipes and frees; safe on a zeroed struct. */
void aws_ini_clear(struct aws_ini *ini);

static inline void aws_ini_auto_(struct aws_ini *ini)
{
    aws_ini_clear(ini);
}

#endif
