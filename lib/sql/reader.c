#include "sql/reader.h"

#include <string.h>

struct sql_reader sql_read(const char *text, const struct sql_statement *statement)
{
    struct sql_reader reader = {.text = text,
                                .lexer = {.text = text,
                                          .length = statement->offset + statement->length,
                                          .at = statement->offset}};
    sql_advance(&reader);
    return reader;
}

void sql_advance(struct sql_reader *reader)
{
    reader->token = sql_lex(&reader->lexer);
}

bool sql_at_symbol(const struct sql_reader *reader, char c)
{
    return sql_token_symbol(reader->text, &reader->token, c);
}

bool sql_at_word(const struct sql_reader *reader, const char *expected)
{
    return sql_token_word(reader->text, &reader->token, expected);
}

bool sql_at_token(const struct sql_reader *reader)
{
    return reader->token.kind != SQL_TOKEN_END && reader->token.kind != SQL_TOKEN_UNCLOSED;
}

static bool same(const char *text, const char *upper, size_t length)
{
    size_t i = 0;
    while (i < length && sql_fold(text[i]) == upper[i]) {
        i++;
    }
    return i == length;
}

/* Whether the text is one of "A|B|C". */
static bool among(const char *text, size_t length, const char *alternatives, size_t size)
{
    const char *end = alternatives + size;
    for (const char *at = alternatives; at < end;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t each = (size_t)((bar ? bar : end) - at);
        if (each == length && same(text, at, length)) {
            return true;
        }
        at += each + 1;
    }
    return false;
}

bool sql_at_one_of(const struct sql_reader *reader, const char *alternatives, size_t size)
{
    const struct sql_token *token = &reader->token;
    return (token->kind == SQL_TOKEN_WORD || token->kind == SQL_TOKEN_SYMBOL) &&
           among(reader->text + token->offset, token->length, alternatives, size);
}

bool sql_at_value(const struct sql_reader *reader, const char *alternatives)
{
    const char *text = reader->text + reader->token.offset;
    size_t length = reader->token.length;
    if (reader->token.kind == SQL_TOKEN_STRING && text[0] == '\'' && length >= 2) {
        text++;
        length -= 2;
    }
    return sql_at_token(reader) && among(text, length, alternatives, strlen(alternatives));
}

void sql_skip_group(struct sql_reader *reader)
{
    size_t depth = 0;
    do {
        depth += sql_at_symbol(reader, '(');
        depth -= sql_at_symbol(reader, ')');
        sql_advance(reader);
    } while (depth && sql_at_token(reader));
}

bool sql_take_name(struct sql_reader *reader, struct sql_range *out_name)
{
    struct sql_range name = {.offset = reader->token.offset};
    for (;;) {
        if (reader->token.kind != SQL_TOKEN_WORD && reader->token.kind != SQL_TOKEN_NAME) {
            return false;
        }
        name.length = reader->token.offset + reader->token.length - name.offset;
        sql_advance(reader);
        if (!sql_at_symbol(reader, '.')) {
            *out_name = name;
            return true;
        }
        sql_advance(reader);
    }
}
