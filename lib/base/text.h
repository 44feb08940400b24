/*
 * Text from outside: is it UTF-8, how is it shown, which word was meant, what number or duration is
 * it. Pure.
 */
#ifndef POSTLUDE_BASE_TEXT_H
#define POSTLUDE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

/* Length of the UTF-8 sequence that starts at s, 1 to 4, or 0 when it is not one (overlong forms,
 * surrogates and anything above U+10FFFF are not). length > 0. */
size_t text_sequence(const char *s, size_t length);

/* The offset of the first byte that is not part of valid UTF-8, or `length`. */
size_t text_bad_utf8(const char *s, size_t length);

/* The largest size <= length and <= max at which s can be cut without splitting a character. A
 * character that s itself ends in the middle of is left out, wherever it was cut before. */
size_t text_cut(const char *s, size_t length, size_t max);

/* Copies as much of source (may be NULL) as fits, whole characters, NUL-terminated. size > 0. */
void text_copy(char *target, size_t size, const char *source);

/* Appends s with everything a terminal could obey made visible: control characters, bytes that are
 * not UTF-8, and direction overrides as \n, \t, \x1b, \u202e; a backslash stays as it is. */
void text_escape(struct buf *out, const char *s, size_t length);

/* Appends JSON that was already written, with what a terminal could obey and JSON need not escape
 * (DEL, C1 controls, direction marks) as \u escapes: the values stay the same. */
void text_escape_json(struct buf *out, const char *json, size_t length);
/* The same of at most max bytes of s (may be NULL), whole characters, with "..." where it was cut.
 */
void text_escape_cut(struct buf *out, const char *s, size_t max);

/* The word nearest in spelling (case ignored), or NULL when none is near enough to suggest. */
const char *text_nearest(const char *word, const char *const *words, size_t count);

/* The whole of s as a decimal integer within [min, max]; no blanks, no plus sign. */
MUST_CHECK bool text_integer(const char *s, int64_t min, int64_t max, int64_t *out_value);

/* "500ms", "10s", "5m", "1h", "7d" in milliseconds; a bare "0" is zero. At most 365d. */
MUST_CHECK bool text_duration(const char *s, int64_t *out_ms);

/* The reverse for people: "12 ms", "1.2 s", "3 min 20 s", "2 h 5 min". */
void text_show_duration(struct buf *out, int64_t ms);

/* Shell-style match of the whole of s: * ? [a-z] [!a-z] and backslash; a slash is an ordinary
 * character. */
bool text_matches(const char *pattern, const char *s);

/* Line and column, both from 1, of a byte offset; the column counts characters, but not a BOM at
 * the start, which no editor shows. */
void text_position(const char *s, size_t length, size_t offset, unsigned *out_line,
                   unsigned *out_column);

bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
/* strcmp == 0 in which NULL equals NULL only. */
bool text_same(const char *a, const char *b);
/* NULL or "". */
bool text_empty(const char *s);

#endif
