/*
 * SQL text as tokens, by the rules of PostgreSQL's lexer with standard_conforming_strings on.
 *
 * For this room only. Blanks and comments are skipped; what a token means is not asked here. Words
 * and constants end where the server lets them end; operators come as single characters. A blank is
 * what PostgreSQL 16 takes for one (with vertical tab). Each byte is looked at a bounded number of
 * times, whatever the text.
 */
#ifndef POSTLUDE_SQL_LEX_H
#define POSTLUDE_SQL_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum sql_token_kind {
    SQL_TOKEN_END,
    SQL_TOKEN_WORD,   /* a key word or an identifier without quotes */
    SQL_TOKEN_NAME,   /* "identifier", U&"identifier" */
    SQL_TOKEN_STRING, /* every kind of constant in quotes */
    SQL_TOKEN_NUMBER, /* a number or a parameter ($1) */
    SQL_TOKEN_SYMBOL, /* one character of anything else */
    SQL_TOKEN_BACKSLASH,
    SQL_TOKEN_UNCLOSED, /* runs to the end of the text: `message` and `hint` say what */
};

struct sql_token {
    enum sql_token_kind kind;
    size_t offset;
    size_t length;
    const char *message; /* SQL_TOKEN_UNCLOSED only; static */
    const char *hint;
};

/* Text up to `length`; `at` is where the next token is looked for. */
struct sql_lexer {
    const char *text;
    size_t length;
    size_t at;
};

/* The next token; SQL_TOKEN_END for ever after the last. */
struct sql_token sql_lex(struct sql_lexer *lexer);

/* An ASCII letter as upper case, any other byte as it is. */
int sql_fold(char c);

/* Whether the token is this word, case ignored; a quoted name is none. */
bool sql_token_word(const char *text, const struct sql_token *token, const char *word);

/* Whether the token is this character. */
bool sql_token_symbol(const char *text, const struct sql_token *token, char symbol);

#endif
