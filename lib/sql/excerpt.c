#include "sql/sql.h"

#include <string.h>

#include "base/text.h"
#include "sql/lex.h"

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c & 0x80) != 0;
}

static bool says_password(const char *text)
{
    static const char word[] = "password";
    size_t i = 0;
    while (i < sizeof word - 1 && (text[i] | 0x20) == word[i]) {
        i++;
    }
    return i == sizeof word - 1;
}

/* In strings, comments and names too: better a statement too few is shown than one too many. */
static bool holds_password(const char *text, size_t length)
{
    static const size_t size = sizeof "password" - 1;
    for (size_t at = 0; at + size <= length; at++) {
        if ((text[at] | 0x20) == 'p' && says_password(text + at) &&
            (at == 0 || !letter_or_digit(text[at - 1])) &&
            (at + size == length || !letter_or_digit(text[at + size]))) {
            return true;
        }
    }
    return false;
}

static void add_first_words(const char *text, const struct sql_statement *statement,
                            struct buf *out)
{
    struct sql_lexer lexer = {
        .text = text, .length = statement->offset + statement->length, .at = statement->offset};
    for (int i = 0; i < 2; i++) {
        struct sql_token token = sql_lex(&lexer);
        if (token.kind != SQL_TOKEN_WORD || token.length > 32 ||
            holds_password(text + token.offset, token.length)) {
            return;
        }
        text_escape(out, text + token.offset, token.length);
        buf_char(out, ' ');
    }
}

/* Adds one character as people are to see it, if there is room for it. Returns its bytes, or 0. */
static size_t add_character(struct buf *out, const char *s, size_t length, size_t *room)
{
    size_t size = text_sequence(s, length);
    size = size ? size : 1;
    size_t before = out->length;
    text_escape(out, s, size);
    size_t added = out->length - before;
    /* An escape is several characters, a character of its own several bytes. */
    size_t characters = added == size && memcmp(out->data + before, s, size) == 0 ? 1 : added;
    if (characters > *room) {
        buf_truncate(out, before);
        return 0;
    }
    *room -= characters;
    return size;
}

void sql_excerpt(const char *text, const struct sql_statement *statement, size_t max_characters,
                 struct buf *out)
{
    const char *s = text + statement->offset;
    if (holds_password(s, statement->length)) {
        add_first_words(text, statement, out);
        buf_text(out, "(not shown: it holds the word PASSWORD)");
        return;
    }
    size_t room = max_characters;
    for (size_t at = 0; at < statement->length;) {
        size_t blanks = 0;
        while (at + blanks < statement->length && blank(s[at + blanks])) {
            blanks++;
        }
        size_t size = blanks ? add_character(out, " ", 1, &room)
                             : add_character(out, s + at, statement->length - at, &room);
        if (!size) {
            buf_text(out, "\xE2\x80\xA6");
            return;
        }
        at += blanks ? blanks : size;
    }
}
