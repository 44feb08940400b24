#include "sql/advice.h"

#include <string.h>

#include "base/attr.h"
#include "base/text.h"

struct advice {
    const char *name; /* or several: psql commands with blanks between them, in `alone` with | */
    const char *hint;
};

static const struct advice statements[] = {
    {"ROLLBACK", "postlude runs each file in a transaction of its own and rolls it back when a "
                 "statement fails; remove ROLLBACK, which would undo the migration."},
    {"ABORT", "postlude runs each file in a transaction of its own and rolls it back when a "
              "statement fails; remove ABORT, which would undo the migration."},
    {"SAVEPOINT", "Remove it; what may fail goes into a DO block with an EXCEPTION clause."},
    {"RELEASE SAVEPOINT", "Remove it together with its SAVEPOINT."},
    {"ROLLBACK TO SAVEPOINT",
     "Remove it together with its SAVEPOINT; what may fail goes into a DO block with an EXCEPTION "
     "clause."},
    {"SET TRANSACTION",
     "The transaction has begun before the file's first statement; remove it, or set "
     "default_transaction_isolation for the login (ALTER ROLE ... SET)."},
    {"COMMIT AND CHAIN", "postlude runs each file in a transaction of its own; split the file here "
                         "into two migrations."},
    {"PREPARE TRANSACTION", "A prepared transaction outlives the run; remove it."},
    {"COMMIT PREPARED", "PostgreSQL refuses it inside a transaction; run it by hand."},
    {"ROLLBACK PREPARED", "PostgreSQL refuses it inside a transaction; run it by hand."},

    {"LOAD", "The library would stay loaded for other clients of the pooler; let the server load "
             "it (session_preload_libraries, by ALTER DATABASE or ALTER ROLE ... SET)."},
    {"SET SESSION AUTHORIZATION", "Set `role:` in the plan, or use SET LOCAL ROLE."},
    {"RESET SESSION AUTHORIZATION", "Remove it; the session's user never changes."},
    {"SET standard_conforming_strings",
     "Remove it, and write strings with backslash escapes as E'...'."},
    {"SET client_encoding", "Remove it, and save the file as UTF-8, which postlude always uses."},
    {"COPY ... TO stdout", "Remove it; to keep rows use INSERT ... SELECT or CREATE TABLE AS."},

    {"SET", "Use SET LOCAL, which ends with the transaction; postlude undoes the change before the "
            "commit either way."},
    {"SET ROLE", "Use SET LOCAL ROLE, or `role:` in the plan; postlude undoes the change before "
                 "the commit either way."},
    {"RESET ROLE", "Use SET LOCAL ROLE, or `role:` in the plan."},
    {"RESET", "Use SET LOCAL ... TO DEFAULT, which ends with the transaction."},
    {"SET SESSION CHARACTERISTICS", "Set it for the login with ALTER ROLE ... SET."},
    {"LISTEN", "Remove it; nobody would receive the notifications."},
    {"UNLISTEN", "Remove it; a migration has no LISTEN to end."},
    {"PREPARE", "Write the statement itself, or end with DEALLOCATE; behind a pooler prepared "
                "statements of one client stay for another."},
    {"DECLARE ... WITH HOLD", "Leave out WITH HOLD; postlude closes all cursors before the "
                              "commit."},
    {"CREATE TEMPORARY TABLE", "Add ON COMMIT DROP; postlude drops temporary objects before the "
                               "commit either way."},
    {"SELECT ... INTO TEMPORARY", "Use CREATE TEMPORARY TABLE ... ON COMMIT DROP AS SELECT ...; "
                                  "postlude drops temporary objects before the commit either "
                                  "way."},
    {"pg_advisory_lock()", "Use pg_advisory_xact_lock(), which ends with the transaction."},
    {"set_config(..., false)", "Use set_config(..., true), which ends with the transaction; "
                               "postlude undoes the change before the commit either way."},
    {"DISCARD", "Remove it; postlude cleans the session before the commit."},
};

static const struct advice alone[] = {
    {"COMMIT|COMMIT AND CHAIN|ROLLBACK|ABORT",
     "Each statement of this file commits by itself; remove it, or make what belongs together a "
     "migration of its own."},
    {"SET TRANSACTION", "Each statement of this file has a transaction of its own; remove it."},
    {"DISCARD ALL", "Remove it; it would throw away what the pooler and postlude keep in the "
                    "session."},
    {"SET LOCAL", "Remove it, and set it for the login (ALTER ROLE ... SET), or move what needs it "
                  "into a migration that runs in a transaction."},
    {"CREATE TEMPORARY TABLE ... ON COMMIT DROP", "It would be dropped at once; move what needs it "
                                                  "into a migration that runs in a transaction."},
    {"CREATE INDEX CONCURRENTLY", "Give the index a name, in front of ON."},
};

static const struct advice commands[] = {
    {"i ir include include_relative",
     "List that file as a migration of its own in the plan, or paste its statements here."},
    {"set unset gset getenv setenv prompt bind",
     "postlude has no psql variables; write the value into the statement, or hand it on with "
     "set_config(name, value, true) and current_setting(name)."},
    {"c connect", "A plan has one database; give the other database a plan of its own."},
    {"copy", "Use COPY ... FROM stdin; and put the data on the next lines, ended by a line with "
             "\\. alone, as pg_dump writes it."},
    {"restrict unrestrict",
     "pg_dump writes \\restrict and \\unrestrict to guard psql; remove both lines."},
    {".", "A line \\. ends the data of COPY ... FROM stdin; which is missing above, or lacks its "
          "semicolon."},
    {"if elif else endif", "Use a DO block with IF ... THEN."},
    {"gexec", "Use a DO block that loops over the query and EXECUTEs its rows."},
    {"g gx gdesc crosstabview crosstab watch parse bind_named ;",
     "End the statement with a semicolon instead."},
    {"!", "Put the program into a `command:` step of the plan."},
    {"encoding", "Remove it; files are UTF-8."},
    {"password", "Remove it; psql asks for a password here, and nobody would answer."},
    {"echo qecho warn timing pset x t a H html f C T o out q quit errverbose conninfo",
     "It only concerns psql itself or what it prints; remove the line."},
};

const char *sql_advice(const char *name)
{
    for (size_t i = 0; i < COUNT(statements); i++) {
        if (text_same(statements[i].name, name)) {
            return statements[i].hint;
        }
    }
    return "It lasts as long as this file: postlude cleans the session before the commit.";
}

static bool listed(const char *names, const char *between, const char *command, size_t length)
{
    while (*names) {
        size_t size = strcspn(names, between);
        if (size == length && memcmp(names, command, size) == 0) {
            return true;
        }
        names += size;
        names += *names == *between;
    }
    return false;
}

const char *sql_advice_alone(const char *name)
{
    for (size_t i = 0; i < COUNT(alone); i++) {
        if (listed(alone[i].name, "|", name, strlen(name))) {
            return alone[i].hint;
        }
    }
    return sql_advice(name);
}

const char *sql_advice_psql(const char *command, size_t length)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        if (listed(commands[i].name, " ", command, length)) {
            return commands[i].hint;
        }
    }
    if (length && (command[0] == 'd' || command[0] == 'l' || command[0] == 's')) {
        return "It only shows something; remove the line.";
    }
    return "Only psql knows its backslash commands; remove the line or say it in SQL.";
}
