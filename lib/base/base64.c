#include "base/base64.h"

#include <stdint.h>
#include <string.h>

enum { GROUP = 4, BITS = 6 };

static bool add_digit(uint32_t *bits, char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    if (!found) {
        return false;
    }
    *bits = *bits << BITS | (uint32_t)(found - digits);
    return true;
}

/* Four characters, of which the last `padding` are "=". */
static bool decode_group(struct buf *out, const char *group, size_t padding)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < GROUP - padding; i++) {
        if (!add_digit(&bits, group[i])) {
            return false;
        }
    }
    bits <<= BITS * padding;
    for (size_t i = 0; i < GROUP - 1 - padding; i++) {
        buf_char(out, (char)(unsigned char)(bits >> (16 - 8 * i)));
    }
    return (bits & ((1U << 8 * padding) - 1)) == 0;
}

bool base64_decode(struct buf *out, const char *text, size_t length)
{
    if (length % GROUP) {
        return false;
    }
    for (size_t at = 0; at < length; at += GROUP) {
        size_t padding = 0;
        if (at + GROUP == length) {
            padding = text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
        }
        if (!decode_group(out, text + at, padding)) {
            return false;
        }
    }
    return !out->full;
}
