#include "outcome/markup.h"

#include <string.h>

#include "base/text.h"

enum { SHOWN_MAX = 64 * 1024 };

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What stands for a character that a chat platform would obey, NULL when it would not. There is no
 * escape that all of them know but for three entities, so that the others are replaced by what
 * looks alike; an underscore within a word means nothing and stays. */
static const char *replacement(const char *text, size_t at, bool code)
{
    bool in_word = at > 0 && is_word(text[at - 1]) && is_word(text[at + 1]);
    switch (text[at]) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '`':
        return "'";
    case '*':
        return code ? NULL : "\xe2\x88\x97"; /* U+2217 */
    case '~':
        return code ? NULL : "\xe2\x88\xbc"; /* U+223C */
    case '_':
        return code || in_word ? NULL : "\xef\xbc\xbf";
    case '@':
        return code ? NULL : "@\xe2\x81\xa0"; /* U+2060: nobody is called */
    case '[':
        return code ? NULL : "(";
    case ']':
        return code ? NULL : ")";
    default:
        return NULL;
    }
}

static void quote(const char *text, size_t max, bool code, struct buf *out)
{
    AUTO(buf) struct buf shown = buf_make(SHOWN_MAX);
    AUTO(buf) struct buf kept = buf_make(max);
    text_escape(&shown, text, strlen(text));
    for (size_t i = 0; i < shown.length && !kept.full;) {
        const char *other = replacement(shown.data, i, code);
        size_t size = other ? 1 : text_sequence(shown.data + i, shown.length - i);
        size += size == 0; /* cannot be: it was escaped */
        buf_add(&kept, other ? other : shown.data + i, other ? strlen(other) : size);
        i += size;
    }
    buf_add(out, kept.data, kept.length);
    buf_text(out, kept.full ? "..." : "");
}

void outcome_markup_plain(const char *text, size_t max, struct buf *out)
{
    quote(text ? text : "", max, false, out);
}

void outcome_markup_code(const char *text, size_t max, struct buf *out)
{
    buf_char(out, '`');
    quote(text ? text : "", max, true, out);
    buf_char(out, '`');
}

bool outcome_markup_link(const char *url, struct buf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._:/?#@!$&=%+,;";
    if (!text_starts(url, "https://") || url[strspn(url, plain)]) {
        return false;
    }
    for (; *url; url++) {
        buf_add(out, *url == '&' ? "&amp;" : url, *url == '&' ? 5 : 1);
    }
    return true;
}
