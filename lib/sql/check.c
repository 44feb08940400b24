#include "sql/sql.h"

#include <string.h>

#include "base/text.h"
#include "sql/advice.h"
#include "sql/lex.h"
#include "sql/reader.h"

#define OWN "postlude runs each file in a transaction of its own; "
#define EACH "Each statement of this file commits by itself; remove BEGIN and COMMIT, "

struct check {
    const struct sql_script *script;
    const char *text;
    const char *file;
    struct findings *findings;
    const struct sql_statement *open; /* the BEGIN whose COMMIT is to come */
    bool started;                     /* a statement was seen */
    bool closed;                      /* a COMMIT was seen, and nothing behind it yet */
    enum sql_mode mode;
    bool alone; /* the file runs outside a transaction */
};

/* The message is the statement's name and `what`. */
static void add(struct check *check, enum finding_level level,
                const struct sql_statement *statement, const char *what, const char *hint)
{
    finding_hint(finding_add(check->findings, level, check->file, statement->line,
                             statement->column, "%s%s", statement->name, what),
                 "%s", hint);
}

/* A file's own transaction around a statement that must run alone is reported there: that says why
 * the file runs outside one. */
static bool framed(const struct check *check)
{
    return check->mode == SQL_MODE_AUTO && check->script->first;
}

static void check_begin(struct check *check, const struct sql_statement *statement)
{
    if (check->alone && !framed(check)) {
        add(check, FINDING_ERROR, statement, " in a file that runs outside a transaction",
            check->mode == SQL_MODE_ALONE ? EACH "or \"transaction: no\" from the plan."
                                          : EACH "or make what stands between them a migration of "
                                                 "its own.");
        check->open = statement;
        return;
    }
    if (check->open) {
        add(check, FINDING_ERROR, statement, " inside the file's own transaction",
            OWN "remove this statement and its COMMIT.");
        return;
    }
    if (check->closed) {
        add(check, FINDING_ERROR, statement, " begins a second transaction in the file",
            OWN "split the file here into two migrations.");
    } else if (check->started) {
        add(check, FINDING_ERROR, statement, " after other statements",
            OWN "remove BEGIN and COMMIT, or put BEGIN first.");
    }
    check->open = statement;
    check->closed = false;
}

static void check_commit(struct check *check, const struct sql_statement *statement)
{
    if (check->open) {
        check->open = NULL;
        check->closed = !check->alone || framed(check);
    } else if (text_same(statement->name, "END")) {
        add(check, FINDING_ERROR, statement, " without BEGIN",
            "END is another word for COMMIT; remove it, or see whether a function body above "
            "lacks its $$ quotes or BEGIN ATOMIC.");
    } else {
        add(check, FINDING_ERROR, statement, " without BEGIN",
            check->alone ? sql_advice_alone(statement->name) : OWN "remove it.");
    }
}

/* What stands behind COMMIT would have run on its own; it is reported once. */
static void check_after_commit(struct check *check, const struct sql_statement *statement)
{
    if (check->closed) {
        finding_hint(finding_add(check->findings, FINDING_ERROR, check->file, statement->line,
                                 statement->column, "statement after the file's own COMMIT"),
                     "%s", OWN "remove BEGIN and COMMIT, or make this a migration of its own.");
        check->closed = false;
    }
}

/* Whether psql has commands that begin so; if not, the backslash was hardly meant for psql. */
static bool begins_command(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("!.;:?", c));
}

static void check_backslash(struct check *check, const struct sql_statement *statement)
{
    const char *command = check->text + statement->offset + 1;
    size_t length = 0;
    while (length + 1 < statement->length && !strchr(" \t\r", command[length])) {
        length++;
    }
    if (length == 0 || !begins_command(command[0])) {
        finding_hint(finding_add(check->findings, FINDING_ERROR, check->file, statement->line,
                                 statement->column, "backslash outside a string"),
                     "A backslash escapes a quote in E'...' only; in a plain string a quote is "
                     "written twice.");
        return;
    }
    if (strchr("!.;:", command[0])) {
        length = 1;
    }
    AUTO(buf) struct buf shown = buf_make(256);
    text_escape(&shown, command, text_cut(command, length, length < 24 ? length : 24));
    finding_hint(finding_add(check->findings, FINDING_ERROR, check->file, statement->line,
                             statement->column, "psql command \\%s in an SQL file", shown.data),
                 "%s", sql_advice_psql(command, length));
}

static void check_session(struct check *check, const struct sql_statement *statement)
{
    if (check->alone) {
        add(check, FINDING_ERROR, statement, " in a file that runs outside a transaction",
            "It would reach other clients of the pooler; set it for the login (ALTER ROLE ... "
            "SET), "
            "or move what needs it into a migration that runs in a transaction.");
    } else {
        add(check, FINDING_WARNING, statement, " changes the session, not only this transaction",
            sql_advice(statement->name));
    }
}

/* A statement that PostgreSQL refuses inside a transaction. */
static void check_alone(struct check *check, const struct sql_statement *statement)
{
    struct sql_target target;
    sql_target(check->text, statement, &target);
    if (text_same(statement->name, "DISCARD ALL")) {
        add(check, FINDING_ERROR, statement, " in a migration", sql_advice_alone(statement->name));
    } else if (check->mode == SQL_MODE_TRANSACTION) {
        add(check, FINDING_ERROR, statement,
            " cannot run inside a transaction, and this migration says transaction: yes",
            "Remove that line from the plan, or take the statement out of the file.");
    } else if (check->open && framed(check)) {
        add(check, FINDING_ERROR, statement, " inside the file's own transaction",
            "PostgreSQL refuses it there; remove BEGIN and COMMIT.");
    }
    if (check->alone && target.kind == SQL_ALONE_CREATE_INDEX && !target.object_length) {
        add(check, FINDING_WARNING, statement,
            " has no name, so that a second attempt could not tell its leftover",
            sql_advice_alone(statement->name));
    }
}

static bool creates_temporary(struct sql_reader reader)
{
    if (!sql_at_word(&reader, "CREATE")) {
        return false;
    }
    sql_advance(&reader);
    if (sql_at_word(&reader, "LOCAL") || sql_at_word(&reader, "GLOBAL")) {
        sql_advance(&reader);
    }
    return sql_at_word(&reader, "TEMP") || sql_at_word(&reader, "TEMPORARY");
}

static bool sets_local(struct sql_reader reader)
{
    bool set = sql_at_word(&reader, "SET");
    sql_advance(&reader);
    return set && sql_at_word(&reader, "LOCAL");
}

/* What ends with its transaction ends at once where each statement has its own. */
static void check_passing(struct check *check, const struct sql_statement *statement)
{
    struct sql_reader reader = sql_read(check->text, statement);
    struct sql_statement named = *statement;
    if (!check->alone) {
        return;
    }
    if (sets_local(reader)) {
        named.name = "SET LOCAL";
        add(check, FINDING_WARNING, &named, " has no effect outside a transaction",
            sql_advice_alone(named.name));
    } else if (creates_temporary(reader)) {
        named.name = "CREATE TEMPORARY TABLE ... ON COMMIT DROP";
        add(check, FINDING_ERROR, &named, " in a file that runs outside a transaction",
            sql_advice_alone(named.name));
    }
}

static bool ends_transaction(const struct sql_statement *statement)
{
    return text_same(statement->name, "ROLLBACK") || text_same(statement->name, "ABORT") ||
           text_same(statement->name, "PREPARE TRANSACTION");
}

static void check_statement(struct check *check, const struct sql_statement *statement)
{
    const char *hint =
        check->alone ? sql_advice_alone(statement->name) : sql_advice(statement->name);
    switch (statement->kind) {
    case SQL_BEGIN:
        check_begin(check, statement);
        break;
    case SQL_COMMIT:
        check_commit(check, statement);
        break;
    case SQL_TRANSACTION:
        check->open = ends_transaction(statement) ? NULL : check->open;
        __attribute__((fallthrough));
    case SQL_FORBIDDEN:
        add(check, FINDING_ERROR, statement, " in a migration", hint);
        break;
    case SQL_COPY_STDOUT:
        add(check, FINDING_ERROR, statement, " in a migration has no reader", hint);
        break;
    case SQL_ALONE:
        check_alone(check, statement);
        break;
    case SQL_SESSION:
        check_session(check, statement);
        break;
    case SQL_BACKSLASH:
        check_backslash(check, statement);
        break;
    case SQL_ORDINARY:
        check_passing(check, statement);
        break;
    case SQL_COPY_STDIN:
        break;
    }
}

void sql_modes(const struct sql_script *script, const char *text, size_t *out_offset,
               size_t *out_length)
{
    *out_length = 0;
    if (!script->first) {
        return;
    }
    const struct sql_statement *begin = &script->statements[0];
    size_t end = begin->offset + begin->length;
    struct sql_lexer lexer = {.text = text, .length = end, .at = begin->offset};
    struct sql_token token = sql_lex(&lexer);
    do {
        token = sql_lex(&lexer);
    } while (sql_token_word(text, &token, "WORK") || sql_token_word(text, &token, "TRANSACTION"));
    if (token.kind != SQL_TOKEN_END) {
        *out_offset = token.offset;
        *out_length = end - token.offset;
    }
}

void sql_check(const struct sql_script *script, const char *text, const char *file,
               enum sql_mode mode, struct findings *findings)
{
    struct check check = {.script = script,
                          .text = text,
                          .file = file,
                          .findings = findings,
                          .mode = mode,
                          .alone = mode == SQL_MODE_ALONE ||
                                   (mode == SQL_MODE_AUTO && sql_alone(script))};
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        if (statement->kind == SQL_BACKSLASH) {
            check_statement(&check, statement);
            continue;
        }
        if (statement->kind != SQL_BEGIN && statement->kind != SQL_COMMIT) {
            check_after_commit(&check, statement);
        }
        check_statement(&check, statement);
        check.started = true;
    }
    if (check.open && (!check.alone || framed(&check))) {
        add(&check, FINDING_ERROR, check.open, " without COMMIT",
            OWN "remove BEGIN, or end the file with COMMIT.");
    }
}
