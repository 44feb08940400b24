#include "sql/lex.h"

#include <stdint.h>
#include <string.h>

/* What the scanning functions return for "runs to the end of the text". */
static const size_t unclosed = SIZE_MAX;

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool line_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

static bool tag_character(char c)
{
    return starts_word(c) || digit(c);
}

static char peek(const struct sql_lexer *lexer, size_t at)
{
    if (at < lexer->length) {
        return lexer->text[at];
    }
    return '\0';
}

static bool pair(const struct sql_lexer *lexer, size_t at, char first, char second)
{
    return at + 1 < lexer->length && lexer->text[at] == first && lexer->text[at + 1] == second;
}

static size_t line_comment(const struct sql_lexer *lexer, size_t at)
{
    while (at < lexer->length && !line_end(lexer->text[at])) {
        at++;
    }
    return at;
}

static size_t block_comment(const struct sql_lexer *lexer, size_t at)
{
    size_t depth = 0;
    while (at < lexer->length) {
        if (pair(lexer, at, '/', '*')) {
            depth++;
            at += 2;
        } else if (pair(lexer, at, '*', '/')) {
            depth--;
            at += 2;
            if (depth == 0) {
                return at;
            }
        } else {
            at++;
        }
    }
    return unclosed;
}

/* Moves to the next token; false at a comment that is not closed. */
static bool skip_blanks(struct sql_lexer *lexer)
{
    for (;;) {
        while (lexer->at < lexer->length && blank(lexer->text[lexer->at])) {
            lexer->at++;
        }
        if (pair(lexer, lexer->at, '-', '-')) {
            lexer->at = line_comment(lexer, lexer->at);
        } else if (pair(lexer, lexer->at, '/', '*')) {
            size_t end = block_comment(lexer, lexer->at);
            if (end == unclosed) {
                return false;
            }
            lexer->at = end;
        } else {
            return true;
        }
    }
}

/* From behind an opening quote to behind the closing one. */
static size_t quoted(const struct sql_lexer *lexer, size_t at, char quote)
{
    while (at < lexer->length) {
        const char *found = memchr(lexer->text + at, quote, lexer->length - at);
        if (!found) {
            return unclosed;
        }
        at = (size_t)(found - lexer->text) + 1;
        if (at == lexer->length || lexer->text[at] != quote) {
            return at;
        }
        at++;
    }
    return unclosed;
}

/* Where a string goes on after blanks with a line end among them, behind the quote there; 0 when it
 * does not. Only E'' needs to know: the backslash keeps its meaning in the part that follows. */
static size_t continued(const struct sql_lexer *lexer, size_t at)
{
    bool new_line = false;
    for (;;) {
        if (at < lexer->length && blank(lexer->text[at])) {
            new_line = new_line || line_end(lexer->text[at]);
            at++;
        } else if (pair(lexer, at, '-', '-')) {
            at = line_comment(lexer, at);
        } else {
            return new_line && peek(lexer, at) == '\'' ? at + 1 : 0;
        }
    }
}

static size_t escaped(const struct sql_lexer *lexer, size_t at)
{
    while (at < lexer->length) {
        char c = lexer->text[at];
        if (c == '\\') {
            at += 2;
        } else if (c != '\'') {
            at++;
        } else if (peek(lexer, at + 1) == '\'') {
            at += 2;
        } else {
            size_t next = continued(lexer, at + 1);
            if (!next) {
                return at + 1;
            }
            at = next;
        }
    }
    return unclosed;
}

/* The length of $tag$ at `at`, or 0 when it is none. */
static size_t dollar_tag(const struct sql_lexer *lexer, size_t at)
{
    size_t end = at + 1;
    if (starts_word(peek(lexer, end))) {
        while (end < lexer->length && tag_character(lexer->text[end])) {
            end++;
        }
    }
    return peek(lexer, end) == '$' ? end + 1 - at : 0;
}

static size_t dollar_quoted(const struct sql_lexer *lexer, size_t at, size_t tag)
{
    const char *found =
        memmem(lexer->text + at + tag, lexer->length - at - tag, lexer->text + at, tag);
    return found ? (size_t)(found - lexer->text) + tag : unclosed;
}

static size_t digits(const struct sql_lexer *lexer, size_t at)
{
    while (at < lexer->length && digit(lexer->text[at])) {
        at++;
    }
    return at;
}

static size_t word(const struct sql_lexer *lexer, size_t at)
{
    while (at < lexer->length && (tag_character(lexer->text[at]) || lexer->text[at] == '$')) {
        at++;
    }
    return at;
}

/* A word that touches a number or parameter is part of it, and an error (before PostgreSQL 15: a
 * word of its own, which ends at the same place). */
static size_t junk(const struct sql_lexer *lexer, size_t at)
{
    return starts_word(peek(lexer, at)) ? word(lexer, at) : at;
}

static size_t number(const struct sql_lexer *lexer, size_t at)
{
    at = digits(lexer, at);
    if (peek(lexer, at) == '.' && peek(lexer, at + 1) != '.') {
        at = digits(lexer, at + 1);
    }
    char sign = peek(lexer, at + 1);
    if ((peek(lexer, at) | 0x20) == 'e' && (sign == '+' || sign == '-')) {
        size_t end = digits(lexer, at + 2);
        return end == at + 2 ? end : junk(lexer, end);
    }
    return junk(lexer, at);
}

static struct sql_token make(const struct sql_lexer *lexer, enum sql_token_kind kind, size_t end)
{
    struct sql_token token = {.kind = kind, .offset = lexer->at, .length = end - lexer->at};
    if (end != unclosed) {
        return token;
    }
    token = (struct sql_token){.kind = SQL_TOKEN_UNCLOSED,
                               .offset = lexer->at,
                               .length = lexer->length - lexer->at,
                               .message = "quoted string is not closed",
                               .hint = "Look for a quote that is missing, or one too many in front "
                                       "of it; a quote inside a string is written twice, and a "
                                       "backslash escapes it in E'...' only."};
    if (kind == SQL_TOKEN_NAME) {
        token.message = "quoted identifier is not closed";
        token.hint = "Look for a double quote that is missing, or one too many in front of it.";
    } else if (lexer->text[lexer->at] == '$') {
        token.message = "dollar-quoted string is not closed";
        token.hint = "It ends at the same $tag$ that it begins with, in the same spelling.";
    }
    return token;
}

/* A word, or a constant whose quote has a letter in front. */
static struct sql_token word_or_prefix(const struct sql_lexer *lexer)
{
    size_t at = lexer->at;
    char next = peek(lexer, at + 1);
    switch (next == '\'' || next == '&' ? lexer->text[at] | 0x20 : '\0') {
    case 'e':
        if (next == '\'') {
            return make(lexer, SQL_TOKEN_STRING, escaped(lexer, at + 2));
        }
        break;
    case 'b':
    case 'n':
    case 'x':
        if (next == '\'') {
            return make(lexer, SQL_TOKEN_STRING, quoted(lexer, at + 2, '\''));
        }
        break;
    case 'u':
        if (pair(lexer, at + 1, '&', '\'')) {
            return make(lexer, SQL_TOKEN_STRING, quoted(lexer, at + 3, '\''));
        }
        if (pair(lexer, at + 1, '&', '"')) {
            return make(lexer, SQL_TOKEN_NAME, quoted(lexer, at + 3, '"'));
        }
        break;
    default:
        break;
    }
    return make(lexer, SQL_TOKEN_WORD, word(lexer, at));
}

static struct sql_token dollar(const struct sql_lexer *lexer)
{
    size_t at = lexer->at;
    if (digit(peek(lexer, at + 1))) {
        return make(lexer, SQL_TOKEN_NUMBER, junk(lexer, digits(lexer, at + 1)));
    }
    size_t tag = dollar_tag(lexer, at);
    if (tag) {
        return make(lexer, SQL_TOKEN_STRING, dollar_quoted(lexer, at, tag));
    }
    return make(lexer, SQL_TOKEN_SYMBOL, at + 1);
}

static struct sql_token scan(const struct sql_lexer *lexer)
{
    size_t at = lexer->at;
    if (at == lexer->length) {
        return make(lexer, SQL_TOKEN_END, at);
    }
    char c = lexer->text[at];
    if (starts_word(c)) {
        return word_or_prefix(lexer);
    }
    if (digit(c) || (c == '.' && digit(peek(lexer, at + 1)))) {
        return make(lexer, SQL_TOKEN_NUMBER, number(lexer, at));
    }
    switch (c) {
    case '\'':
        return make(lexer, SQL_TOKEN_STRING, quoted(lexer, at + 1, c));
    case '"':
        return make(lexer, SQL_TOKEN_NAME, quoted(lexer, at + 1, c));
    case '$':
        return dollar(lexer);
    case '\\':
        return make(lexer, SQL_TOKEN_BACKSLASH, at + 1);
    case '.':
        /* Together, so that the second is not taken for the start of a number: 1..2 */
        return make(lexer, SQL_TOKEN_SYMBOL, peek(lexer, at + 1) == '.' ? at + 2 : at + 1);
    default:
        return make(lexer, SQL_TOKEN_SYMBOL, at + 1);
    }
}

struct sql_token sql_lex(struct sql_lexer *lexer)
{
    if (!skip_blanks(lexer)) {
        struct sql_token token = {.kind = SQL_TOKEN_UNCLOSED,
                                  .offset = lexer->at,
                                  .length = lexer->length - lexer->at,
                                  .message = "comment is not closed",
                                  .hint = "Comments nest: each /* needs a */ of its own."};
        lexer->at = lexer->length;
        return token;
    }
    struct sql_token token = scan(lexer);
    lexer->at = token.offset + token.length;
    return token;
}

int sql_fold(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

bool sql_token_word(const char *text, const struct sql_token *token, const char *word)
{
    if (token->kind != SQL_TOKEN_WORD) {
        return false;
    }
    size_t i = 0;
    while (i < token->length && word[i] && sql_fold(text[token->offset + i]) == sql_fold(word[i])) {
        i++;
    }
    return i == token->length && word[i] == '\0';
}

bool sql_token_symbol(const char *text, const struct sql_token *token, char symbol)
{
    return token->kind == SQL_TOKEN_SYMBOL && token->length == 1 && text[token->offset] == symbol;
}
