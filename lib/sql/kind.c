#include "sql/kind.h"

#include <string.h>

#include "base/attr.h"
#include "sql/reader.h"

/* A rule's pattern is a row of elements with blanks between them:
 *   WORD|WORD  one of these words (or a symbol)      @   a name, qualified or not
 *   ?WORD      it may be missing                     ()  a group in parentheses, may be missing
 *   $          the end of the statement
 * The extra condition looks at what follows. The first rule that matches counts. */
struct rule {
    const char *pattern;
    enum sql_kind kind;
    const char *name;
    bool (*extra)(struct sql_reader reader);
};

static bool match_element(struct sql_reader *reader, const char *element, size_t size)
{
    if (element[0] == '$') {
        return !sql_at_token(reader);
    }
    if (element[0] == '@') {
        struct sql_range name;
        return sql_take_name(reader, &name);
    }
    if (size == 2 && element[0] == '(') {
        if (sql_at_symbol(reader, '(')) {
            sql_skip_group(reader);
        }
        return true;
    }
    bool optional = element[0] == '?';
    bool found = sql_at_one_of(reader, element + optional, size - optional);
    if (found) {
        sql_advance(reader);
    }
    return found || optional;
}

static bool matches(struct sql_reader reader, const struct rule *rule)
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

static bool string_next(struct sql_reader reader)
{
    return reader.token.kind == SQL_TOKEN_STRING;
}

static bool value_on(struct sql_reader reader)
{
    return sql_at_value(&reader, "ON|TRUE|YES|1");
}

static bool value_utf8(struct sql_reader reader)
{
    return sql_at_value(&reader, "UTF8|UTF-8|UNICODE");
}

/* Whether `name = off` stands anywhere in the rest. */
static bool option_off(struct sql_reader reader, const char *names)
{
    while (sql_at_token(&reader)) {
        bool named = sql_at_one_of(&reader, names, strlen(names));
        sql_advance(&reader);
        if (named && sql_at_symbol(&reader, '=')) {
            sql_advance(&reader);
            if (sql_at_value(&reader, "OFF|FALSE|NO|0")) {
                return true;
            }
        }
    }
    return false;
}

static bool makes_slot(struct sql_reader reader)
{
    return !option_off(reader, "CREATE_SLOT|CONNECT");
}

static bool refreshes(struct sql_reader reader)
{
    return !option_off(reader, "REFRESH");
}

static bool slot_setting(struct sql_reader reader)
{
    while (sql_at_token(&reader) && !sql_at_one_of(&reader, "FAILOVER|TWO_PHASE", 18)) {
        sql_advance(&reader);
    }
    return sql_at_token(&reader);
}

bool sql_reindexes_concurrently(struct sql_reader reader)
{
    if (sql_at_symbol(&reader, '(')) {
        struct sql_reader option = reader;
        while (sql_at_token(&option) && !sql_at_word(&option, "CONCURRENTLY") &&
               !sql_at_symbol(&option, ')')) {
            sql_advance(&option);
        }
        if (sql_at_word(&option, "CONCURRENTLY")) {
            sql_advance(&option);
            return !sql_at_value(&option, "OFF|FALSE|NO|0");
        }
        sql_skip_group(&reader);
    }
    sql_advance(&reader);
    return sql_at_word(&reader, "CONCURRENTLY");
}

/* Whether these words follow one another before the word `stop` (or anywhere). */
static bool phrase(struct sql_reader reader, const char *const *words, size_t count,
                   const char *stop)
{
    size_t found = 0;
    while (sql_at_token(&reader) && found < count && !(stop && sql_at_word(&reader, stop))) {
        if (sql_at_word(&reader, words[found])) {
            found++;
        } else {
            found = sql_at_word(&reader, words[0]);
        }
        sql_advance(&reader);
    }
    return found == count;
}

static bool outlives_transaction(struct sql_reader reader)
{
    return !phrase(reader, (const char *const[]){"ON", "COMMIT", "DROP"}, 3, NULL);
}

static bool with_hold(struct sql_reader reader)
{
    return phrase(reader, (const char *const[]){"WITH", "HOLD"}, 2, "FOR");
}

/* COPY with this word and then stdin or stdout, which the grammar does not tell apart. */
static bool copy_stream(struct sql_reader reader, const char *direction)
{
    while (sql_at_token(&reader) && !sql_at_word(&reader, "FROM") && !sql_at_word(&reader, "TO")) {
        if (sql_at_symbol(&reader, '(')) {
            sql_skip_group(&reader);
        } else {
            sql_advance(&reader);
        }
    }
    if (!sql_at_word(&reader, direction)) {
        return false;
    }
    sql_advance(&reader);
    return sql_at_word(&reader, "STDIN") || sql_at_word(&reader, "STDOUT");
}

static bool copy_in(struct sql_reader reader)
{
    return copy_stream(reader, "FROM");
}

static bool copy_out(struct sql_reader reader)
{
    return copy_stream(reader, "TO");
}

static bool advisory_lock(struct sql_reader reader)
{
    static const char names[] = "PG_ADVISORY_LOCK|PG_ADVISORY_LOCK_SHARED|"
                                "PG_TRY_ADVISORY_LOCK|PG_TRY_ADVISORY_LOCK_SHARED";
    while (sql_at_token(&reader)) {
        bool named = sql_at_one_of(&reader, names, sizeof names - 1);
        sql_advance(&reader);
        if (named && sql_at_symbol(&reader, '(')) {
            return true;
        }
    }
    return false;
}

/* set_config(..., false): its last argument, seen as the word in front of its parenthesis. */
static bool set_config(struct sql_reader reader)
{
    size_t depth = 0;
    size_t call = 0;
    bool named = false;
    bool last = false;
    for (; sql_at_token(&reader); sql_advance(&reader)) {
        if (sql_at_symbol(&reader, '(')) {
            depth++;
            call = named ? depth : call;
        } else if (sql_at_symbol(&reader, ')') && depth) {
            if (depth == call && last) {
                return true;
            }
            call = depth == call ? 0 : call;
            depth--;
        }
        named = sql_at_word(&reader, "SET_CONFIG");
        last = sql_at_word(&reader, "FALSE");
    }
    return false;
}

/* SELECT ... INTO TEMP name; the table of INTO may itself be called temp. */
static bool into_temporary(struct sql_reader reader)
{
    static const char after[] = "FROM|WHERE|GROUP|HAVING|WINDOW|UNION|INTERSECT|EXCEPT|ORDER|LIMIT|"
                                "OFFSET|FETCH|FOR";
    bool data = false;
    while (sql_at_token(&reader)) {
        bool into = sql_at_word(&reader, "INTO") && !data;
        data = sql_at_word(&reader, "INSERT") || sql_at_word(&reader, "MERGE");
        sql_advance(&reader);
        if (into && (sql_at_word(&reader, "TEMP") || sql_at_word(&reader, "TEMPORARY"))) {
            sql_advance(&reader);
            return reader.token.kind == SQL_TOKEN_NAME ||
                   (reader.token.kind == SQL_TOKEN_WORD &&
                    !sql_at_one_of(&reader, after, sizeof after - 1));
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
    {"REINDEX", SQL_ALONE, "REINDEX CONCURRENTLY", sql_reindexes_concurrently},
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
    {"ALTER TABLE ?IF ?EXISTS ONLY ( @ ) DETACH PARTITION @ CONCURRENTLY", SQL_ALONE,
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
    struct sql_reader reader = sql_read(text, statement);
    statement->kind = SQL_ORDINARY;
    statement->name = "";
    int first = sql_fold(text[statement->offset]);
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (may_begin(rules[i].pattern, first) && matches(reader, &rules[i])) {
            statement->kind = rules[i].kind;
            statement->name = rules[i].name;
            return;
        }
    }
}
