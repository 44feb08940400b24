#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "engine/command_env.h"

enum { SPELLING_MAX = 1024 * 1024, SPELLINGS = 4 };

/* What any language puts before or around characters that it quotes. */
static const char quoting[] = "\\'\"";

/* One way to write a password. Its blanks at the end may be gone: a shell drops them. */
struct spelling {
    struct buf text, blanks;
};

/* Where a comparison ended. */
enum fit { FIT_NOT, FIT_WHOLE, FIT_SO_FAR };

static void spell_form(const char *text, struct buf *out)
{
    AUTO(buf) struct buf whole = buf_make(SPELLING_MAX);
    command_percent(&whole, text);
    for (const char *at = whole.data; *at; at++) {
        if (text_starts(at, "%20")) {
            buf_char(out, '+');
            at += 2;
        } else {
            buf_char(out, *at);
        }
    }
}

/* "\u00e9", as it stands between JSON's quotes. */
static void spell_ascii(const char *text, struct buf *out)
{
    AUTO(json) json_t *value = json_safe(text);
    char *quoted = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (quoted) {
        buf_add(out, quoted + 1, strlen(quoted) - 2);
        explicit_bzero(quoted, strlen(quoted));
        free(quoted);
    }
}

static void spell_all(const char *text, struct spelling *spellings, bool blanks)
{
    struct buf *out[SPELLINGS];
    for (size_t i = 0; i < SPELLINGS; i++) {
        out[i] = blanks ? &spellings[i].blanks : &spellings[i].text;
        *out[i] = buf_make(SPELLING_MAX);
    }
    buf_text(out[0], text);
    command_percent(out[1], text);
    spell_form(text, out[2]);
    spell_ascii(text, out[3]);
}

static void make_spellings(const char *password, struct spelling *spellings)
{
    size_t length = strlen(password);
    while (length && strchr(" \t\r\n", password[length - 1])) {
        length--;
    }
    AUTO(buf) struct buf trimmed = buf_make(SPELLING_MAX);
    buf_add(&trimmed, password, length);
    spell_all(trimmed.data, spellings, false);
    spell_all(password + length, spellings, true);
    explicit_bzero(trimmed.data, trimmed.length);
}

static bool is_quoting(char c)
{
    return c && strchr(quoting, c);
}

/* Compares letter by letter, capital or not, and passes over quoting characters on both sides: so
 * SQL, a shell, C, JSON and JSON in JSON need no spelling of their own. */
static enum fit compare(const char *spelling, const char *text, size_t length, size_t *out_length)
{
    const char *want = spelling;
    size_t at = 0;
    for (;; want++, at++) {
        for (; is_quoting(*want); want++) {
        }
        if (!*want) {
            *out_length = at;
            return FIT_WHOLE;
        }
        for (; at && at < length && is_quoting(text[at]); at++) {
        }
        if (at == length) {
            return FIT_SO_FAR;
        }
        if (strncasecmp(want, text + at, 1) != 0) {
            return FIT_NOT;
        }
    }
}

/* How the text at this place fits: FIT_WHOLE with the longest of all fits. */
static enum fit fit_here(const struct spelling *spellings, const char *text, size_t length,
                         size_t *out_length)
{
    enum fit best = FIT_NOT;
    *out_length = 0;
    for (size_t i = 0; i < SPELLINGS; i++) {
        const struct buf *blanks = &spellings[i].blanks;
        size_t found = 0;
        enum fit fit = compare(spellings[i].text.data, text, length, &found);
        if (fit == FIT_WHOLE && found) {
            bool more = blanks->length <= length - found &&
                        memcmp(text + found, blanks->data, blanks->length) == 0;
            found += more ? blanks->length : 0;
            *out_length = found > *out_length ? found : *out_length;
            best = FIT_WHOLE;
        } else if (fit == FIT_SO_FAR && best == FIT_NOT) {
            best = FIT_SO_FAR;
        }
    }
    return best;
}

size_t command_mask_piece(const struct secret *password, const char *text, size_t length,
                          bool goes_on, struct buf *out)
{
    struct spelling spellings[SPELLINGS];
    size_t at = 0;
    make_spellings(secret_reveal(password), spellings);
    while (at < length) {
        size_t found = 0;
        enum fit fit = fit_here(spellings, text + at, length - at, &found);
        if (fit == FIT_SO_FAR && goes_on && length - at < COMMAND_KEPT_MAX) {
            break;
        }
        if (fit == FIT_WHOLE) {
            buf_text(out, "***");
            at += found;
        } else {
            buf_char(out, text[at++]);
        }
    }
    for (size_t i = 0; i < SPELLINGS; i++) {
        buf_wipe(&spellings[i].text);
        buf_wipe(&spellings[i].blanks);
    }
    return at;
}

void command_mask(const struct secret *password, const char *line, size_t length, struct buf *out)
{
    (void)command_mask_piece(password, line, length, false, out);
}
