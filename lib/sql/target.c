#include "sql/sql.h"

#include "base/attr.h"
#include "base/text.h"
#include "sql/kind.h"
#include "sql/reader.h"

/* By the name that sql_tell_kind gives; `read` is called with the statement's first token. */
struct row {
    const char *name;
    enum sql_alone_kind kind;
    void (*read)(struct sql_reader reader, struct sql_target *target);
};

static bool skip_word(struct sql_reader *reader, const char *word)
{
    bool found = sql_at_word(reader, word);
    if (found) {
        sql_advance(reader);
    }
    return found;
}

static bool skip_symbol(struct sql_reader *reader, char symbol)
{
    bool found = sql_at_symbol(reader, symbol);
    if (found) {
        sql_advance(reader);
    }
    return found;
}

/* IF [NOT] EXISTS; "if" alone is a name like others. */
static void skip_if_exists(struct sql_reader *reader)
{
    struct sql_reader ahead = *reader;
    if (skip_word(&ahead, "IF")) {
        (void)skip_word(&ahead, "NOT");
        if (skip_word(&ahead, "EXISTS")) {
            *reader = ahead;
        }
    }
}

static bool take_object(struct sql_reader *reader, struct sql_target *target)
{
    struct sql_range name;
    bool found = sql_take_name(reader, &name);
    if (found) {
        target->object_offset = name.offset;
        target->object_length = name.length;
    }
    return found;
}

static bool take_table(struct sql_reader *reader, struct sql_target *target)
{
    struct sql_range name;
    bool found = sql_take_name(reader, &name);
    if (found) {
        target->table_offset = name.offset;
        target->table_length = name.length;
    }
    return found;
}

/* CREATE DATABASE name, DROP SUBSCRIPTION IF EXISTS name, ... */
static void named(struct sql_reader reader, struct sql_target *target)
{
    sql_advance(&reader);
    sql_advance(&reader);
    skip_if_exists(&reader);
    (void)take_object(&reader, target);
}

/* CREATE [UNIQUE] INDEX CONCURRENTLY [[IF NOT EXISTS] name] ON [ONLY] table */
static void create_index(struct sql_reader reader, struct sql_target *target)
{
    target->concurrently = true;
    sql_advance(&reader);
    (void)skip_word(&reader, "UNIQUE");
    sql_advance(&reader);
    sql_advance(&reader);
    skip_if_exists(&reader);
    if (!sql_at_word(&reader, "ON")) {
        (void)take_object(&reader, target);
    }
    if (skip_word(&reader, "ON")) {
        target->only = skip_word(&reader, "ONLY");
        (void)(target->only && skip_symbol(&reader, '('));
        (void)take_table(&reader, target);
    }
}

static void drop_index(struct sql_reader reader, struct sql_target *target)
{
    target->concurrently = true;
    sql_advance(&reader);
    named(reader, target);
}

/* REINDEX of everything there is in a schema or database. */
static void reindex_all(struct sql_reader reader, struct sql_target *target)
{
    sql_advance(&reader);
    target->concurrently = sql_reindexes_concurrently(reader);
}

/* REINDEX [(options)] INDEX|TABLE [CONCURRENTLY] name */
static void reindex(struct sql_reader reader, struct sql_target *target)
{
    target->concurrently = true;
    sql_advance(&reader);
    if (sql_at_symbol(&reader, '(')) {
        sql_skip_group(&reader);
    }
    target->of_index = sql_at_word(&reader, "INDEX");
    sql_advance(&reader);
    (void)skip_word(&reader, "CONCURRENTLY");
    (void)take_object(&reader, target);
}

/* ALTER TABLE [IF EXISTS] [ONLY] name [*] DETACH PARTITION name [CONCURRENTLY | FINALIZE] */
static void detach(struct sql_reader reader, struct sql_target *target)
{
    struct sql_target found = {.kind = SQL_ALONE_DETACH};
    bool fits = skip_word(&reader, "ALTER") && skip_word(&reader, "TABLE");
    skip_if_exists(&reader);
    (void)(skip_word(&reader, "ONLY") && skip_symbol(&reader, '('));
    fits = fits && take_object(&reader, &found);
    (void)(skip_symbol(&reader, '*') || skip_symbol(&reader, ')'));
    fits = fits && skip_word(&reader, "DETACH") && skip_word(&reader, "PARTITION") &&
           take_table(&reader, &found);
    found.concurrently = sql_at_word(&reader, "CONCURRENTLY");
    found.finalize = sql_at_word(&reader, "FINALIZE");
    if (fits && (found.concurrently || found.finalize)) {
        *target = found;
    }
}

/* SET PUBLICATION may be repeated; the second ADD or DROP of one is an error. */
static void alter_publications(struct sql_reader reader, struct sql_target *target)
{
    struct sql_range name;
    sql_advance(&reader);
    sql_advance(&reader);
    if (!sql_take_name(&reader, &name) || !sql_at_word(&reader, "SET")) {
        target->kind = SQL_ALONE_UNKNOWN;
    }
}

static const struct row rows[] = {
    {"CREATE INDEX CONCURRENTLY", SQL_ALONE_CREATE_INDEX, create_index},
    {"DROP INDEX CONCURRENTLY", SQL_ALONE_DROP_INDEX, drop_index},
    {"REINDEX CONCURRENTLY", SQL_ALONE_REINDEX, reindex},
    {"REINDEX SCHEMA", SQL_ALONE_REPEATABLE, reindex_all},
    {"REINDEX DATABASE", SQL_ALONE_REPEATABLE, reindex_all},
    {"REINDEX SYSTEM", SQL_ALONE_REPEATABLE, reindex_all},
    {"VACUUM", SQL_ALONE_REPEATABLE, NULL},
    {"CLUSTER of all tables", SQL_ALONE_REPEATABLE, NULL},
    {"CREATE DATABASE", SQL_ALONE_CREATE_DATABASE, named},
    {"DROP DATABASE", SQL_ALONE_DROP_DATABASE, named},
    {"ALTER DATABASE ... SET TABLESPACE", SQL_ALONE_REPEATABLE, NULL},
    {"CREATE TABLESPACE", SQL_ALONE_CREATE_TABLESPACE, named},
    {"DROP TABLESPACE", SQL_ALONE_DROP_TABLESPACE, named},
    {"ALTER SYSTEM", SQL_ALONE_REPEATABLE, NULL},
    {"ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY", SQL_ALONE_DETACH, detach},
    {"CREATE SUBSCRIPTION", SQL_ALONE_CREATE_SUBSCRIPTION, named},
    {"DROP SUBSCRIPTION", SQL_ALONE_DROP_SUBSCRIPTION, named},
    {"ALTER SUBSCRIPTION ... REFRESH", SQL_ALONE_REPEATABLE, NULL},
    {"ALTER SUBSCRIPTION ... PUBLICATION with refresh", SQL_ALONE_REPEATABLE, alter_publications},
    {"ALTER SUBSCRIPTION ... SET (failover or two_phase)", SQL_ALONE_REPEATABLE, NULL},
    {"DISCARD ALL", SQL_ALONE_REPEATABLE, NULL},
};

void sql_target(const char *text, const struct sql_statement *statement,
                struct sql_target *out_target)
{
    *out_target = (struct sql_target){.kind = SQL_ALONE_UNKNOWN};
    if (statement->kind == SQL_ORDINARY) {
        detach(sql_read(text, statement), out_target);
        return;
    }
    for (size_t i = 0; statement->kind == SQL_ALONE && i < COUNT(rows); i++) {
        if (text_same(rows[i].name, statement->name)) {
            out_target->kind = rows[i].kind;
            if (rows[i].read) {
                rows[i].read(sql_read(text, statement), out_target);
            }
            return;
        }
    }
}

bool sql_plain_name(const char *text, size_t offset, size_t length, struct buf *out)
{
    struct sql_lexer lexer = {.text = text, .length = offset + length, .at = offset};
    size_t before = out->length;
    for (struct sql_token token = sql_lex(&lexer); token.kind != SQL_TOKEN_END;
         token = sql_lex(&lexer)) {
        if (token.kind == SQL_TOKEN_NAME && text[token.offset] != '"') {
            buf_truncate(out, before);
            return false;
        }
        buf_add(out, text + token.offset, token.length);
    }
    return true;
}
