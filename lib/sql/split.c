#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql/kind.h"
#include "sql/lex.h"

/* How far a statement has come to CREATE [OR REPLACE] FUNCTION|PROCEDURE ... BEGIN ATOMIC. Inside
 * such a body a semicolon ends nothing. The body's END is the one that stands where a statement
 * would begin: an END of CASE, or a column of that name, never does. */
enum routine {
    ROUTINE_UNREAD,
    ROUTINE_CREATE,
    ROUTINE_OR,
    ROUTINE_REPLACE,
    ROUTINE_HEAD,
    ROUTINE_BEGIN,
    ROUTINE_BODY,      /* where a statement of the body, or its END, is to begin */
    ROUTINE_STATEMENT, /* in a statement of the body */
    ROUTINE_NONE,
};

/* Offsets only grow, so that the whole text is counted once. */
struct place {
    size_t offset;
    unsigned line;
    unsigned column;
};

struct splitter {
    struct sql_lexer lexer;
    struct sql_script *script;
    struct place place;
    struct sql_statement current;
    bool open; /* current has a first token */
    enum routine routine;
    size_t body; /* where its BEGIN ATOMIC is */
    size_t depth;
    size_t parenthesis; /* the outermost that is open */
};

static void move_to(struct place *place, const char *text, size_t offset)
{
    for (; place->offset < offset; place->offset++) {
        char c = text[place->offset];
        if (c == '\n') {
            place->line++;
            place->column = 1;
        } else if ((c & 0xC0) != 0x80) {
            place->column++;
        }
    }
}

static bool invalid(const struct splitter *splitter, size_t offset, const char *message,
                    const char *hint, struct error *err)
{
    struct place place = splitter->place;
    move_to(&place, splitter->lexer.text, offset);
    error_set(err, ERROR_INVALID, "%s", message);
    error_where(err, "%u:%u", place.line, place.column);
    return error_hint(err, "%s", hint);
}

static enum routine routine_body(const struct splitter *splitter, const struct sql_token *token)
{
    const char *text = splitter->lexer.text;
    if (splitter->depth == 0 && sql_token_symbol(text, token, ';')) {
        return ROUTINE_BODY;
    }
    if (splitter->routine == ROUTINE_BODY && sql_token_word(text, token, "END")) {
        return ROUTINE_HEAD;
    }
    return ROUTINE_STATEMENT;
}

static enum routine routine_after(const struct splitter *splitter, const struct sql_token *token)
{
    const char *text = splitter->lexer.text;
    bool routine =
        sql_token_word(text, token, "FUNCTION") || sql_token_word(text, token, "PROCEDURE");
    /* As psql does, only words outside parentheses are counted up to there: what else might stand
     * between them is a syntax error. */
    if (splitter->routine < ROUTINE_HEAD && (token->kind != SQL_TOKEN_WORD || splitter->depth)) {
        return splitter->routine;
    }
    switch (splitter->routine) {
    case ROUTINE_UNREAD:
        return sql_token_word(text, token, "CREATE") ? ROUTINE_CREATE : ROUTINE_NONE;
    case ROUTINE_CREATE:
        return routine                             ? ROUTINE_HEAD
               : sql_token_word(text, token, "OR") ? ROUTINE_OR
                                                   : ROUTINE_NONE;
    case ROUTINE_OR:
        return sql_token_word(text, token, "REPLACE") ? ROUTINE_REPLACE : ROUTINE_NONE;
    case ROUTINE_REPLACE:
        return routine ? ROUTINE_HEAD : ROUTINE_NONE;
    case ROUTINE_BEGIN:
        if (sql_token_word(text, token, "ATOMIC")) {
            return ROUTINE_BODY;
        }
        __attribute__((fallthrough));
    case ROUTINE_HEAD:
        return splitter->depth == 0 && sql_token_word(text, token, "BEGIN") ? ROUTINE_BEGIN
                                                                            : ROUTINE_HEAD;
    case ROUTINE_BODY:
    case ROUTINE_STATEMENT:
        return routine_body(splitter, token);
    case ROUTINE_NONE:
        break;
    }
    return ROUTINE_NONE;
}

static bool in_body(const struct splitter *splitter)
{
    return splitter->routine == ROUTINE_BODY || splitter->routine == ROUTINE_STATEMENT;
}

/* Where a semicolon does not end the statement. */
static bool inside(const struct splitter *splitter)
{
    return splitter->open && (splitter->depth || in_body(splitter));
}

static void begin(struct splitter *splitter, const struct sql_token *token)
{
    move_to(&splitter->place, splitter->lexer.text, token->offset);
    splitter->current = (struct sql_statement){.offset = token->offset,
                                               .line = splitter->place.line,
                                               .column = splitter->place.column,
                                               .name = ""};
    splitter->open = true;
    splitter->routine = ROUTINE_UNREAD;
    splitter->depth = 0;
}

static struct sql_statement *finish(struct splitter *splitter)
{
    struct sql_script *script = splitter->script;
    script->statements = memory_push(script->statements, script->count, &script->capacity,
                                     sizeof *script->statements);
    struct sql_statement *statement = &script->statements[script->count++];
    *statement = splitter->current;
    splitter->open = false;
    if (statement->kind != SQL_BACKSLASH) {
        sql_tell_kind(splitter->lexer.text, statement);
    }
    return statement;
}

/* psql reads its command to the end of the line, whatever is there. */
static void take_backslash(struct splitter *splitter, const struct sql_token *token)
{
    if (splitter->open) {
        (void)finish(splitter);
    }
    begin(splitter, token);
    size_t end = token->offset;
    size_t at = end;
    for (; at < splitter->lexer.length && splitter->lexer.text[at] != '\n'; at++) {
        end = strchr(" \t\r\v\f", splitter->lexer.text[at]) ? end : at + 1;
    }
    splitter->lexer.at = at;
    splitter->current.length = end - token->offset;
    splitter->current.kind = SQL_BACKSLASH;
    splitter->current.name = "psql command";
    (void)finish(splitter);
}

static size_t line_end(const struct sql_lexer *lexer, size_t at)
{
    const char *found = memchr(lexer->text + at, '\n', lexer->length - at);
    return found ? (size_t)(found - lexer->text) : lexer->length;
}

static bool ends_data(const char *line, size_t length)
{
    return length >= 2 && line[0] == '\\' && line[1] == '.' &&
           (length == 2 || (length == 3 && line[2] == '\r'));
}

/* The data lines begin on the line after the semicolon's, as psql reads them. */
static bool take_data(struct splitter *splitter, struct sql_statement *statement, struct error *err)
{
    struct sql_lexer *lexer = &splitter->lexer;
    size_t end = line_end(lexer, lexer->at);
    struct sql_lexer rest = {.text = lexer->text, .length = end, .at = lexer->at};
    struct sql_token token = sql_lex(&rest);
    if (token.kind != SQL_TOKEN_END) {
        return invalid(splitter, token.offset, "text after COPY ... FROM stdin on the same line",
                       "The data begins on the next line, so put the semicolon of COPY ... FROM "
                       "stdin; at the end of its line.",
                       err);
    }
    size_t begin = end < lexer->length ? end + 1 : end;
    for (size_t at = begin; at < lexer->length; at = end + 1) {
        end = line_end(lexer, at);
        if (ends_data(lexer->text + at, end - at)) {
            statement->data_offset = begin;
            statement->data_length = at - begin;
            lexer->at = end;
            return true;
        }
        if (end == lexer->length) {
            break;
        }
    }
    return invalid(splitter, statement->offset, "data of COPY ... FROM stdin does not end",
                   "Put a line with nothing but \\. after the last line of data.", err);
}

static bool take_semicolon(struct splitter *splitter, struct error *err)
{
    if (!splitter->open) {
        return true;
    }
    struct sql_statement *statement = finish(splitter);
    return statement->kind != SQL_COPY_STDIN || take_data(splitter, statement, err);
}

static void take_token(struct splitter *splitter, const struct sql_token *token)
{
    const char *text = splitter->lexer.text;
    if (!splitter->open) {
        begin(splitter, token);
    }
    enum routine next = routine_after(splitter, token);
    if (next == ROUTINE_BEGIN) {
        splitter->body = token->offset;
    }
    splitter->routine = next;
    if (sql_token_symbol(text, token, '(')) {
        splitter->parenthesis = splitter->depth ? splitter->parenthesis : token->offset;
        splitter->depth++;
    } else if (sql_token_symbol(text, token, ')') && splitter->depth) {
        splitter->depth--;
    }
    splitter->current.length = token->offset + token->length - splitter->current.offset;
}

static bool take_end(struct splitter *splitter, struct error *err)
{
    if (!splitter->open) {
        return true;
    }
    if (splitter->depth) {
        return invalid(splitter, splitter->parenthesis, "parenthesis is not closed",
                       "Look for a missing ) in this statement: everything up to the end of the "
                       "file was taken for a part of it.",
                       err);
    }
    if (in_body(splitter)) {
        return invalid(splitter, splitter->body, "BEGIN ATOMIC has no END",
                       "Each statement of the body ends with a semicolon, and END; follows the "
                       "last.",
                       err);
    }
    return take_semicolon(splitter, err);
}

static bool split(struct splitter *splitter, struct error *err)
{
    for (;;) {
        struct sql_token token = sql_lex(&splitter->lexer);
        switch (token.kind) {
        case SQL_TOKEN_END:
            return take_end(splitter, err);
        case SQL_TOKEN_UNCLOSED:
            return invalid(splitter, token.offset, token.message, token.hint, err);
        case SQL_TOKEN_BACKSLASH:
            take_backslash(splitter, &token);
            break;
        case SQL_TOKEN_SYMBOL:
            if (splitter->lexer.text[token.offset] == ';' && !inside(splitter)) {
                if (!take_semicolon(splitter, err)) {
                    return false;
                }
                break;
            }
            __attribute__((fallthrough));
        case SQL_TOKEN_WORD:
        case SQL_TOKEN_NAME:
        case SQL_TOKEN_STRING:
        case SQL_TOKEN_NUMBER:
            take_token(splitter, &token);
            break;
        }
    }
}

/* A file's own outer transaction is ours; what is wrong with it is sql_check's to say. */
static void frame(struct sql_script *script)
{
    script->first = 0;
    script->end = script->count;
    if (script->count >= 2 && script->statements[0].kind == SQL_BEGIN &&
        script->statements[script->count - 1].kind == SQL_COMMIT) {
        script->first = 1;
        script->end = script->count - 1;
    }
}

bool sql_split(const char *text, size_t length, struct sql_script **out_script, struct error *err)
{
    size_t bom = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    AUTO(sql) struct sql_script *script = memory_new(1, sizeof *script);
    struct splitter splitter = {
        .lexer = {.text = text, .length = length, .at = bom},
        .script = script,
        .place = {.offset = bom, .line = 1, .column = 1},
    };
    const char *zero = memchr(text, '\0', length);
    if (zero) {
        return invalid(&splitter, (size_t)(zero - text), "zero byte in SQL text",
                       "PostgreSQL text cannot hold one; if the file is UTF-16, save it as UTF-8.",
                       err);
    }
    if (!split(&splitter, err)) {
        return false;
    }
    frame(script);
    *out_script = TAKE(script);
    return true;
}

void sql_free(struct sql_script *script)
{
    if (script) {
        free(script->statements);
        free(script);
    }
}

const struct sql_statement *sql_alone(const struct sql_script *script)
{
    for (size_t i = script->first; i < script->end; i++) {
        if (script->statements[i].kind == SQL_ALONE) {
            return &script->statements[i];
        }
    }
    return NULL;
}
