/*
 * A statement's tokens one at a time, and what can be asked of the one at hand. For this room only.
 *
 * A reader is copied by assignment: to look ahead, read on in a copy.
 */
#ifndef POSTLUDE_SQL_READER_H
#define POSTLUDE_SQL_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/lex.h"
#include "sql/sql.h"

/* A part of the script, in bytes from its start; length 0: there is none. */
struct sql_range {
    size_t offset;
    size_t length;
};

struct sql_reader {
    const char *text;
    struct sql_lexer lexer;
    struct sql_token token; /* the one at hand */
};

/* At the first token of a statement whose offset and length are known. */
struct sql_reader sql_read(const char *text, const struct sql_statement *statement);
void sql_advance(struct sql_reader *reader);

bool sql_at_token(const struct sql_reader *reader); /* whether there is one */
bool sql_at_symbol(const struct sql_reader *reader, char c);
bool sql_at_word(const struct sql_reader *reader, const char *expected);
/* Whether it is one of "A|B|C", words or symbols. */
bool sql_at_one_of(const struct sql_reader *reader, const char *alternatives, size_t size);
/* The same of a setting's or option's value, which may stand in quotes. */
bool sql_at_value(const struct sql_reader *reader, const char *alternatives);

/* To behind the parenthesis that closes the one at hand. */
void sql_skip_group(struct sql_reader *reader);
/* A name, qualified or not, and to behind it; false when there is none. */
bool sql_take_name(struct sql_reader *reader, struct sql_range *out_name);

#endif
