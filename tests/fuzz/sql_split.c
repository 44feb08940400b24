/*
 * Any bytes as an SQL script: what every split must hold, also as excerpts and findings.
 *
 * Offsets grow and stay within the text; no statement begins or ends with a blank or holds its
 * semicolon; line and column are right; COPY data is whole lines up to its end; a statement split
 * alone is that statement again; the body holds no BEGIN or COMMIT that nobody has complained of.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void check_place(const char *text, size_t size, const struct sql_statement *statement)
{
    unsigned line = 0;
    unsigned column = 0;
    text_position(text, size, statement->offset, &line, &column);
    hold(line == statement->line && column == statement->column, "line and column");
}

static void check_data(const char *text, size_t size, const struct sql_statement *statement)
{
    size_t end = statement->data_offset + statement->data_length;
    hold(statement->data_offset > statement->offset + statement->length, "data is behind COPY");
    hold(text[statement->data_offset - 1] == '\n', "data begins on a line");
    hold(end + 2 <= size && memcmp(text + end, "\\.", 2) == 0, "data ends before \\.");
    hold(text[end - 1] == '\n', "data is whole lines");
}

/* A COPY alone has no data; a statement cut off by a psql command may be open. */
static void check_alone(const char *text, const struct sql_statement *statement, bool cut)
{
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    if (!sql_split(text + statement->offset, statement->length, &script, &err)) {
        hold(cut || statement->kind == SQL_COPY_STDIN, "a statement splits alone");
        return;
    }
    hold(script->count == 1, "a statement is one statement");
    const struct sql_statement *alone = &script->statements[0];
    hold(alone->offset == 0 && alone->length == statement->length, "it is the whole statement");
    hold(alone->kind == statement->kind && text_same(alone->name, statement->name), "of its kind");
}

static void check_excerpt(const char *text, const struct sql_statement *statement)
{
    AUTO(buf) struct buf out = buf_make(4096);
    sql_excerpt(text, statement, 40, &out);
    hold(!out.full && out.length > 0, "there is an excerpt");
    hold(text_bad_utf8(out.data, out.length) == out.length, "an excerpt is UTF-8");
    size_t characters = 0;
    for (size_t i = 0; i < out.length; i++) {
        hold((out.data[i] & 0xE0) != 0, "an excerpt has no control characters");
        characters += (out.data[i] & 0xC0) != 0x80;
    }
    hold(characters <= 41 || text_ends(out.data, "PASSWORD)"), "an excerpt is short");
}

static void check_part(const struct sql_statement *statement, size_t offset, size_t length)
{
    hold(length == 0 || (offset >= statement->offset &&
                         offset + length <= statement->offset + statement->length),
         "a name is within its statement");
}

static void check_target(const char *text, const struct sql_statement *statement)
{
    struct sql_target target;
    sql_target(text, statement, &target);
    check_part(statement, target.object_offset, target.object_length);
    check_part(statement, target.table_offset, target.table_length);
    hold(target.kind == SQL_ALONE_UNKNOWN || statement->kind == SQL_ALONE || target.finalize,
         "only what stands alone has a target");
}

static bool marked(const char *text, const struct sql_statement *statement)
{
    return statement->length >= 3 && memcmp(text + statement->offset, "\xEF\xBB\xBF", 3) == 0;
}

static void check_statements(const char *text, size_t size, const struct sql_script *script)
{
    size_t behind = 0;
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        const char *first = text + statement->offset;
        hold(statement->offset >= behind && statement->length > 0, "offsets grow");
        behind = statement->offset + statement->length;
        hold(behind <= size, "a statement is within the text");
        hold(!blank(first[0]) && !blank(text[behind - 1]), "no blanks around it");
        hold(statement->name != NULL, "it has a name");
        bool cut = i + 1 < script->count && script->statements[i + 1].kind == SQL_BACKSLASH;
        hold(first[0] != ';', "no empty statement");
        /* Alone, a byte order mark that begins it would be skipped. */
        if (statement->kind != SQL_BACKSLASH && !marked(text, statement)) {
            check_alone(text, statement, cut);
        }
        if (statement->kind == SQL_COPY_STDIN && !(cut && statement->data_offset == 0)) {
            check_data(text, size, statement);
            behind = statement->data_offset + statement->data_length + 2;
        }
        check_place(text, size, statement);
        check_excerpt(text, statement);
        check_target(text, statement);
    }
}

static void check_mode(const char *text, const struct sql_script *script, enum sql_mode mode)
{
    AUTO(findings) struct findings findings = {0};
    sql_check(script, text, "f.sql", mode, &findings);
    bool alone = mode == SQL_MODE_ALONE || (mode == SQL_MODE_AUTO && sql_alone(script));
    hold(!alone || !script->first || findings.errors, "no transaction of its own outside one");
    for (size_t i = script->first; i < script->end && findings.errors == 0; i++) {
        enum sql_kind kind = script->statements[i].kind;
        hold(kind == SQL_ORDINARY || kind == SQL_COPY_STDIN ||
                 kind == (alone ? SQL_ALONE : SQL_SESSION),
             "what cannot be run is a finding");
    }
}

static void check_findings(const char *text, const struct sql_script *script)
{
    hold(script->first <= script->end && script->end <= script->count, "the body is in the script");
    check_mode(text, script, SQL_MODE_AUTO);
    check_mode(text, script, SQL_MODE_TRANSACTION);
    check_mode(text, script, SQL_MODE_ALONE);
    const struct sql_statement *alone = sql_alone(script);
    hold(!alone || alone->kind == SQL_ALONE, "the first that stands alone does");
}

static void check_error(const struct error *err)
{
    hold(err->kind == ERROR_INVALID && err->message[0] && err->hint[0], "an error says all");
    char where[sizeof err->where];
    memcpy(where, err->where, sizeof where);
    char *colon = strchr(where, ':');
    hold(colon != NULL, "an error has a place");
    *colon = '\0';
    int64_t line = 0;
    int64_t column = 0;
    hold(text_integer(where, 1, UINT32_MAX, &line), "with a line");
    hold(text_integer(colon + 1, 1, UINT32_MAX, &column), "and a column");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    if (sql_split(text, size, &script, &err)) {
        check_statements(text, size, script);
        check_findings(text, script);
    } else {
        check_error(&err);
    }
    return 0;
}
