/*
 * The lexer of psql 15 (libpgfeutils), of which the splitter is tested to be the equal.
 *
 * In a file of its own, because PostgreSQL's headers redefine half of stdio.
 */
#ifndef POSTLUDE_TESTS_SQL_PSQL_LEXER_H
#define POSTLUDE_TESTS_SQL_PSQL_LEXER_H

#include <stddef.h>

enum psql_end {
    PSQL_SEMICOLON,
    PSQL_BACKSLASH,
    PSQL_TEXT_END, /* of a statement that may be whole; psql 15 says so of open parentheses, too */
    PSQL_IN_STRING,
    PSQL_IN_NAME,
    PSQL_IN_DOLLAR_QUOTE,
    PSQL_IN_COMMENT,
    PSQL_IN_PARENTHESIS,
    PSQL_IN_BODY,
};

/* What psql's lexer comes to when it reads text from its start. */
enum psql_end psql_scan_text(const char *text, size_t length);

#endif
