#include "base/text.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* How long the sequence is that starts with this byte; 0 when none does. */
static size_t announced(char lead)
{
    unsigned char first = (unsigned char)lead;
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
}

/* Whether the `count` bytes at s can begin a sequence whose first byte announces at least so many.
 */
static bool begins(const char *s, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) {
            return false;
        }
    }
    if (count < 2) {
        return true;
    }
    unsigned char first = (unsigned char)s[0];
    unsigned char second = (unsigned char)s[1];
    bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    bool outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
    return !overlong && !outside;
}

size_t text_sequence(const char *s, size_t length)
{
    size_t size = announced(s[0]);
    return size && size <= length && begins(s, size) ? size : 0;
}

size_t text_bad_utf8(const char *s, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t size = text_sequence(s + at, length - at);
        if (size == 0) {
            return at;
        }
        at += size;
    }
    return length;
}

size_t text_cut(const char *s, size_t length, size_t max)
{
    size_t cut = length < max ? length : max;
    for (size_t back = 1; back < 4 && back <= cut; back++) {
        const char *lead = s + cut - back;
        size_t size = announced(*lead);
        size_t seen = length - cut + back;
        if (size > back && begins(lead, size < seen ? size : seen)) {
            return cut - back;
        }
    }
    return cut;
}

void text_copy(char *target, size_t size, const char *source)
{
    const char *from = source ? source : "";
    if (size == 0) {
        return;
    }
    size_t length = strlen(from);
    if (length >= size) {
        length = text_cut(from, length, size - 1);
    }
    memcpy(target, from, length);
    target[length] = '\0';
}

static uint32_t code_point(const char *s, size_t size)
{
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = (unsigned char)s[0] & mask[size];
    for (size_t i = 1; i < size; i++) {
        value = value << 6 | ((unsigned char)s[i] & 0x3F);
    }
    return value;
}

/* Controls, line and paragraph separators, and the marks that reorder or hide what stands around.
 */
static bool obeyed(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB);
}

static void escape_one(struct buf *out, uint32_t c)
{
    switch (c) {
    case '\n':
        buf_text(out, "\\n");
        return;
    case '\r':
        buf_text(out, "\\r");
        return;
    case '\t':
        buf_text(out, "\\t");
        return;
    default:
        buf_format(out, c < 0x80 ? "\\x%02" PRIx32 : "\\u%04" PRIx32, c);
    }
}

void text_escape(struct buf *out, const char *s, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t size = text_sequence(s + at, length - at);
        if (size == 0) {
            buf_format(out, "\\x%02x", (unsigned)(unsigned char)s[at]);
            at++;
            continue;
        }
        uint32_t c = code_point(s + at, size);
        if (obeyed(c)) {
            escape_one(out, c);
        } else {
            buf_add(out, s + at, size);
        }
        at += size;
    }
}

void text_escape_json(struct buf *out, const char *json, size_t length)
{
    size_t at = 0;
    size_t kept = 0;
    while (at < length) {
        size_t size = text_sequence(json + at, length - at);
        if (size && obeyed(code_point(json + at, size)) && (unsigned char)json[at] >= 0x7F) {
            buf_add(out, json + kept, at - kept);
            buf_format(out, "\\u%04" PRIx32, code_point(json + at, size));
            kept = at + size;
        }
        at += size ? size : 1;
    }
    buf_add(out, json + kept, length - kept);
}

void text_escape_cut(struct buf *out, const char *s, size_t max)
{
    if (!s) {
        return;
    }
    size_t length = strnlen(s, max + 1);
    if (length <= max) {
        text_escape(out, s, length);
        return;
    }
    text_escape(out, s, text_cut(s, length, max));
    buf_text(out, "...");
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c == '-' ? '_' : (unsigned char)c;
}

enum { WORD_MAX = 64 };

/* Optimal string alignment: insertions, deletions, replacements and neighbours swapped. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++) {
        rows[0][j] = j;
        rows[2][j] = j;
    }
    size_t height = strlen(a);
    for (size_t i = 1; i <= height; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]) && two_above[j - 2] + 1 < best) {
                best = two_above[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[height % 3][width];
}

const char *text_nearest(const char *word, const char *const *words, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX) {
        return NULL;
    }
    const char *nearest = NULL;
    size_t best = length / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) > WORD_MAX) {
            continue;
        }
        size_t far = distance(word, words[i]);
        if (far < best || (far == best && !nearest && far < length)) {
            best = far;
            nearest = words[i];
        }
    }
    return nearest;
}

bool text_integer(const char *s, int64_t min, int64_t max, int64_t *out_value)
{
    if (!(*s >= '0' && *s <= '9') && *s != '-') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (errno || end == s || *end || value < min || value > max) {
        return false;
    }
    *out_value = value;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
static const int64_t duration_max_ms = INT64_C(365) * 86400000;

bool text_duration(const char *s, int64_t *out_ms)
{
    size_t digits = strspn(s, "0123456789");
    if (digits == 0 || digits > 12) {
        return false;
    }
    char number[16] = "";
    memcpy(number, s, digits);
    int64_t value = 0;
    if (!text_integer(number, 0, INT64_C(999999999999), &value)) {
        return false;
    }
    const char *unit = s[digits] ? s + digits : value == 0 ? "ms" : "";
    for (size_t i = 0; i < COUNT(units); i++) {
        if (strcmp(unit, units[i].name) == 0 && value <= duration_max_ms / units[i].ms) {
            *out_ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}

void text_show_duration(struct buf *out, int64_t ms)
{
    int64_t s = ms / 1000;
    if (ms < 1000) {
        buf_format(out, "%" PRId64 " ms", ms);
    } else if (s < 60) {
        buf_format(out, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    } else if (s < 3600) {
        buf_format(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    } else {
        buf_format(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
    }
}

bool text_matches(const char *pattern, const char *s)
{
    return fnmatch(pattern, s, 0) == 0;
}

void text_position(const char *s, size_t length, size_t offset, unsigned *out_line,
                   unsigned *out_column)
{
    unsigned line = 1;
    unsigned column = 1;
    size_t start = length >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = start; i < offset && i < length; i++) {
        if (s[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)s[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    *out_line = line;
    *out_column = column;
}

bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *s, const char *suffix)
{
    size_t length = strlen(s);
    size_t tail = strlen(suffix);
    return length >= tail && strcmp(s + length - tail, suffix) == 0;
}

bool text_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_empty(const char *s)
{
    return !s || !*s;
}
