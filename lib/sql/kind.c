#include "sql/kind.h"

#include <string.h>

#include "base/attr.h"
#include "sql/lex.h"

/* One token at a time, up to the end of a statement. */
struct reader {
    const char *text;
    struct sql_lexer lexer;
    struct sql_token token;
};

/* A rule's pattern is a row of elements with blanks between them:
 *   WORD|WORD  one of these words (or a symbol)      @   a name, qualified or not
 *   ?WORD      it may be missing                     ()  a group in parentheses, may be missing
 *   $          the end of the statement
 * The extra condition looks at what follows. The first rule that matches counts. */
struct rule {
    const char *pattern;
    enum sql_kind kind;
    const char *name;
    bool (*extra)(struct reader reader);
};

static void advance(struct reader *reader)
{
    reader->token = sql_lex(&reader->lexer);
}

static bool symbol(const struct reader *reader, char c)
{
    return sql_token_symbol(reader->text, &reader->token, c);
}

static bool word(const struct reader *reader, const char *expected)
{
    return sql_token_word(reader->text, &reader->token, expected);
}

static bool more(const struct reader *reader)
{
    return reader->token.kind != SQL_TOKEN_END && reader->token.kind != SQL_TOKEN_UNCLOSED;
}

static int folded(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static bool same(const char *text, const char *upper, size_t length)
{
    size_t i = 0;
    while (i < length && folded(text[i]) == upper[i]) {
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

static bool one_of(const struct reader *reader, const char *alternatives, size_t size)
{
    const struct sql_token *token = &reader->token;
    return (token->kind == SQL_TOKEN_WORD || token->kind == SQL_TOKEN_SYMBOL) &&
           among(reader->text + token->offset, token->length, alternatives, size);
}

/* A setting's or option's value, which may stand in quotes. */
static bool value_among(const struct reader *reader, const char *alternatives)
{
    const char *text = reader->text + reader->token.offset;
    size_t length = reader->token.length;
    if (reader->token.kind == SQL_TOKEN_STRING && text[0] == '\'' && length >= 2) {
        text++;
        length -= 2;
    }
    return more(reader) && among(text, length, alternatives, strlen(alternatives));
}

static void skip_group(struct reader *reader)
{
    size_t depth = 0;
    do {
        depth += symbol(reader, '(');
        depth -= symbol(reader, ')');
        advance(reader);
    } while (depth && more(reader));
}

static bool skip_name(struct reader *reader)
{
    for (;;) {
        if (reader->token.kind != SQL_TOKEN_WORD && reader->token.kind != SQL_TOKEN_NAME) {
            return false;
        }
        advance(reader);
        if (!symbol(reader, '.')) {
            return true;
        }
        advance(reader);
    }
}

static bool match_element(struct reader *reader, const char *element, size_t size)
{
    if (element[0] == '$') {
        return !more(reader);
    }
    if (element[0] == '@') {
        return skip_name(reader);
    }
    if (size == 2 && element[0] == '(') {
        if (symbol(reader, '(')) {
            skip_group(reader);
        }
        return true;
    }
    bool optional = element[0] == '?';
    bool found = one_of(reader, element + optional, size - optional);
    if (found) {
        advance(reader);
    }
    return found || optional;
}

static bool matches(struct reader reader, const struct rule *rule)
{
    for (const char *at = rule->pattern; *at;) {
        size_t size = strcspn(at, " ");
        if (!match_element(&reader, at, size)) {
            return false;
        }
        at += size;
        at += *at == ' ';
    }
    return !rule->extra || rule->extra(reader);
}

static bool string_next(struct reader reader)
{
    return reader.token.kind == SQL_TOKEN_STRING;
}

static bool value_on(struct reader reader)
{
    return value_among(&reader, "ON|TRUE|YES|1");
}

static bool value_utf8(struct reader reader)
{
    return value_among(&reader, "UTF8|UTF-8|UNICODE");
}

/* Whether `name = off` stands anywhere in the rest. */
static bool option_off(struct reader reader, const char *names)
{
    while (more(&reader)) {
        bool named = one_of(&reader, names, strlen(names));
        advance(&reader);
        if (named && symbol(&reader, '=')) {
            advance(&reader);
            if (value_among(&reader, "OFF|FALSE|NO|0")) {
                return true;
            }
        }
    }
    return false;
}

static bool makes_slot(struct reader reader)
{
    return !option_off(reader, "CREATE_SLOT|CONNECT");
}

static bool refreshes(struct reader reader)
{
    return !option_off(reader, "REFRESH");
}

static bool slot_setting(struct reader reader)
{
    while (more(&reader) && !one_of(&reader, "FAILOVER|TWO_PHASE", 18)) {
        advance(&reader);
    }
    return more(&reader);
}

/* REINDEX (CONCURRENTLY) TABLE t, REINDEX TABLE CONCURRENTLY t */
static bool reindex_concurrently(struct reader reader)
{
    if (symbol(&reader, '(')) {
        struct reader option = reader;
        while (more(&option) && !word(&option, "CONCURRENTLY") && !symbol(&option, ')')) {
            advance(&option);
        }
        if (word(&option, "CONCURRENTLY")) {
            advance(&option);
            return !value_among(&option, "OFF|FALSE|NO|0");
        }
        skip_group(&reader);
    }
    advance(&reader);
    return word(&reader, "CONCURRENTLY");
}

/* Whether these words follow one another before the word `stop` (or anywhere). */
static bool phrase(struct reader reader, const char *const *words, size_t count, const char *stop)
{
    size_t found = 0;
    while (more(&reader) && found < count && !(stop && word(&reader, stop))) {
        if (word(&reader, words[found])) {
            found++;
        } else {
            found = word(&reader, words[0]);
        }
        advance(&reader);
    }
    return found == count;
}

static bool outlives_transaction(struct reader reader)
{
    return !phrase(reader, (const char *const[]){"ON", "COMMIT", "DROP"}, 3, NULL);
}

static bool with_hold(struct reader reader)
{
    return phrase(reader, (const char *const[]){"WITH", "HOLD"}, 2, "FOR");
}

/* COPY with this word and then stdin or stdout, which the grammar does not tell apart. */
static bool copy_stream(struct reader reader, const char *direction)
{
    while (more(&reader) && !word(&reader, "FROM") && !word(&reader, "TO")) {
        if (symbol(&reader, '(')) {
            skip_group(&reader);
        } else {
            advance(&reader);
        }
    }
    if (!word(&reader, direction)) {
        return false;
    }
    advance(&reader);
    return word(&reader, "STDIN") || word(&reader, "STDOUT");
}

static bool copy_in(struct reader reader)
{
    return copy_stream(reader, "FROM");
}

static bool copy_out(struct reader reader)
{
    return copy_stream(reader, "TO");
}

static bool advisory_lock(struct reader reader)
{
    static const char names[] = "PG_ADVISORY_LOCK|PG_ADVISORY_LOCK_SHARED|"
                                "PG_TRY_ADVISORY_LOCK|PG_TRY_ADVISORY_LOCK_SHARED";
    while (more(&reader)) {
        bool named = one_of(&reader, names, sizeof names - 1);
        advance(&reader);
        if (named && symbol(&reader, '(')) {
            return true;
        }
    }
    return false;
}

/* set_config(..., false): its last argument, seen as the word in front of its parenthesis. */
static bool set_config(struct reader reader)
{
    size_t depth = 0;
    size_t call = 0;
    bool named = false;
    bool last = false;
    for (; more(&reader); advance(&reader)) {
        if (symbol(&reader, '(')) {
            depth++;
            call = named ? depth : call;
        } else if (symbol(&reader, ')') && depth) {
            if (depth == call && last) {
                return true;
            }
            call = depth == call ? 0 : call;
            depth--;
        }
        named = word(&reader, "SET_CONFIG");
        last = word(&reader, "FALSE");
    }
    return false;
}

/* SELECT ... INTO TEMP name; the table of INTO may itself be called temp. */
static bool into_temporary(struct reader reader)
{
    static const char after[] = "FROM|WHERE|GROUP|HAVING|WINDOW|UNION|INTERSECT|EXCEPT|ORDER|LIMIT|"
                                "OFFSET|FETCH|FOR";
    bool data = false;
    while (more(&reader)) {
        bool into = word(&reader, "INTO") && !data;
        data = word(&reader, "INSERT") || word(&reader, "MERGE");
        advance(&reader);
        if (into && (word(&reader, "TEMP") || word(&reader, "TEMPORARY"))) {
            advance(&reader);
            return reader.token.kind == SQL_TOKEN_NAME ||
                   (reader.token.kind == SQL_TOKEN_WORD &&
                    !one_of(&reader, after, sizeof after - 1));
        }
    }
    return false;
}

static const struct rule rules[] = {
    {"BEGIN", SQL_BEGIN, "BEGIN", NULL},
    {"START TRANSACTION", SQL_BEGIN, "START TRANSACTION", NULL},
    {"COMMIT PREPARED", SQL_TRANSACTION, "COMMIT PREPARED", NULL},
    {"COMMIT|END ?WORK|TRANSACTION AND CHAIN", SQL_TRANSACTION, "COMMIT AND CHAIN", NULL},
    {"COMMIT", SQL_COMMIT, "COMMIT", NULL},
    {"END", SQL_COMMIT, "END", NULL},
    {"ROLLBACK PREPARED", SQL_TRANSACTION, "ROLLBACK PREPARED", NULL},
    {"ROLLBACK ?WORK|TRANSACTION TO", SQL_TRANSACTION, "ROLLBACK TO SAVEPOINT", NULL},
    {"ROLLBACK", SQL_TRANSACTION, "ROLLBACK", NULL},
    {"ABORT", SQL_TRANSACTION, "ABORT", NULL},
    {"SAVEPOINT", SQL_TRANSACTION, "SAVEPOINT", NULL},
    {"RELEASE", SQL_TRANSACTION, "RELEASE SAVEPOINT", NULL},
    {"PREPARE TRANSACTION", SQL_TRANSACTION, "PREPARE TRANSACTION", string_next},
    {"SET TRANSACTION", SQL_TRANSACTION, "SET TRANSACTION", NULL},
    {"SET SESSION|LOCAL TRANSACTION", SQL_TRANSACTION, "SET TRANSACTION", NULL},

    {"LOAD", SQL_FORBIDDEN, "LOAD", NULL},
    {"SET SESSION AUTHORIZATION", SQL_FORBIDDEN, "SET SESSION AUTHORIZATION", NULL},
    {"SET SESSION|LOCAL SESSION AUTHORIZATION", SQL_FORBIDDEN, "SET SESSION AUTHORIZATION", NULL},
    {"SET ?SESSION|LOCAL SESSION_AUTHORIZATION", SQL_FORBIDDEN, "SET SESSION AUTHORIZATION", NULL},
    {"RESET SESSION AUTHORIZATION", SQL_FORBIDDEN, "RESET SESSION AUTHORIZATION", NULL},
    {"RESET SESSION_AUTHORIZATION", SQL_FORBIDDEN, "RESET SESSION AUTHORIZATION", NULL},
    /* pg_dump writes these two; they change nothing. */
    {"SET ?SESSION|LOCAL STANDARD_CONFORMING_STRINGS =|TO", SQL_ORDINARY, "", value_on},
    {"SET ?SESSION|LOCAL CLIENT_ENCODING =|TO", SQL_ORDINARY, "", value_utf8},
    {"SET ?SESSION|LOCAL NAMES", SQL_ORDINARY, "", value_utf8},
    {"SET ?SESSION|LOCAL STANDARD_CONFORMING_STRINGS", SQL_FORBIDDEN,
     "SET standard_conforming_strings", NULL},
    {"SET ?SESSION|LOCAL CLIENT_ENCODING|NAMES", SQL_FORBIDDEN, "SET client_encoding", NULL},

    {"SET CONSTRAINTS|LOCAL", SQL_ORDINARY, "", NULL},
    {"SET SESSION CHARACTERISTICS", SQL_SESSION, "SET SESSION CHARACTERISTICS", NULL},
    {"SET ?SESSION ROLE", SQL_SESSION, "SET ROLE", NULL},
    {"SET", SQL_SESSION, "SET", NULL},
    {"RESET ROLE", SQL_SESSION, "RESET ROLE", NULL},
    {"RESET", SQL_SESSION, "RESET", NULL},
    {"LISTEN", SQL_SESSION, "LISTEN", NULL},
    {"UNLISTEN", SQL_SESSION, "UNLISTEN", NULL},
    {"PREPARE", SQL_SESSION, "PREPARE", NULL},
    {"DECLARE", SQL_SESSION, "DECLARE ... WITH HOLD", with_hold},
    {"CREATE ?LOCAL|GLOBAL TEMP|TEMPORARY TABLE", SQL_SESSION, "CREATE TEMPORARY TABLE",
     outlives_transaction},
    {"CREATE TEMP|TEMPORARY SEQUENCE", SQL_SESSION, "CREATE TEMPORARY SEQUENCE", NULL},
    {"CREATE ?OR ?REPLACE ?LOCAL|GLOBAL TEMP|TEMPORARY ?RECURSIVE VIEW", SQL_SESSION,
     "CREATE TEMPORARY VIEW", NULL},
    {"CREATE ?OR ?REPLACE TABLE|SEQUENCE|VIEW|TYPE|FUNCTION|PROCEDURE ?IF ?NOT ?EXISTS PG_TEMP .",
     SQL_SESSION, "CREATE in pg_temp", outlives_transaction},
    {"SELECT|WITH", SQL_SESSION, "SELECT ... INTO TEMPORARY", into_temporary},
    {"SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|MERGE|CALL|EXPLAIN|EXECUTE|(", SQL_SESSION,
     "pg_advisory_lock()", advisory_lock},
    {"SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|MERGE|CALL|EXPLAIN|EXECUTE|(", SQL_SESSION,
     "set_config(..., false)", set_config},

    /* Every statement for which PostgreSQL 13 to 18 call PreventInTransactionBlock. */
    {"CREATE ?UNIQUE INDEX CONCURRENTLY", SQL_ALONE, "CREATE INDEX CONCURRENTLY", NULL},
    {"DROP INDEX CONCURRENTLY", SQL_ALONE, "DROP INDEX CONCURRENTLY", NULL},
    {"REINDEX () SCHEMA", SQL_ALONE, "REINDEX SCHEMA", NULL},
    {"REINDEX () DATABASE", SQL_ALONE, "REINDEX DATABASE", NULL},
    {"REINDEX () SYSTEM", SQL_ALONE, "REINDEX SYSTEM", NULL},
    {"REINDEX", SQL_ALONE, "REINDEX CONCURRENTLY", reindex_concurrently},
    {"VACUUM", SQL_ALONE, "VACUUM", NULL},
    {"CLUSTER ?VERBOSE () $", SQL_ALONE, "CLUSTER of all tables", NULL},
    {"CREATE DATABASE", SQL_ALONE, "CREATE DATABASE", NULL},
    {"DROP DATABASE", SQL_ALONE, "DROP DATABASE", NULL},
    {"ALTER DATABASE @ SET TABLESPACE", SQL_ALONE, "ALTER DATABASE ... SET TABLESPACE", NULL},
    {"CREATE TABLESPACE", SQL_ALONE, "CREATE TABLESPACE", NULL},
    {"DROP TABLESPACE", SQL_ALONE, "DROP TABLESPACE", NULL},
    {"ALTER SYSTEM", SQL_ALONE, "ALTER SYSTEM", NULL},
    {"ALTER TABLE ?IF ?EXISTS ?ONLY @ ?* DETACH PARTITION @ CONCURRENTLY", SQL_ALONE,
     "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY", NULL},
    {"CREATE SUBSCRIPTION", SQL_ALONE, "CREATE SUBSCRIPTION", makes_slot},
    {"DROP SUBSCRIPTION", SQL_ALONE, "DROP SUBSCRIPTION", NULL},
    {"ALTER SUBSCRIPTION @ REFRESH", SQL_ALONE, "ALTER SUBSCRIPTION ... REFRESH", NULL},
    {"ALTER SUBSCRIPTION @ SET|ADD|DROP PUBLICATION", SQL_ALONE,
     "ALTER SUBSCRIPTION ... PUBLICATION with refresh", refreshes},
    {"ALTER SUBSCRIPTION @ SET (", SQL_ALONE, "ALTER SUBSCRIPTION ... SET (failover or two_phase)",
     slot_setting},
    {"DISCARD ALL", SQL_ALONE, "DISCARD ALL", NULL},
    {"DISCARD", SQL_SESSION, "DISCARD", NULL},

    {"COPY", SQL_COPY_STDIN, "COPY ... FROM stdin", copy_in},
    {"COPY", SQL_COPY_STDOUT, "COPY ... TO stdout", copy_out},
};

/* Whether a word of the pattern's first element has this first letter: a cheap way to pass over
 * nearly all rules for nearly every statement. */
static bool may_begin(const char *pattern, int first)
{
    for (const char *at = pattern;; at++) {
        if (*at == first) {
            return true;
        }
        at += strcspn(at, "| ");
        if (*at != '|') {
            return false;
        }
    }
}

void sql_tell_kind(const char *text, struct sql_statement *statement)
{
    struct reader reader = {.text = text,
                            .lexer = {.text = text,
                                      .length = statement->offset + statement->length,
                                      .at = statement->offset}};
    advance(&reader);
    statement->kind = SQL_ORDINARY;
    statement->name = "";
    int first = folded(text[statement->offset]);
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (may_begin(rules[i].pattern, first) && matches(reader, &rules[i])) {
            statement->kind = rules[i].kind;
            statement->name = rules[i].name;
            return;
        }
    }
}
