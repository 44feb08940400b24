/*
 * The plan: YAML read strictly into a struct, its migration files found, checked and digested.
 *
 * Contract, section 4. The only room that knows libyaml. It reads files below the plan's folder and
 * nothing else; ${NAME} comes from the env given. Findings carry file:line:column.
 */
#ifndef POSTLUDE_PLAN_PLAN_H
#define POSTLUDE_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/env.h"
#include "base/error.h"
#include "base/finding.h"
#include "base/secret.h"

enum { PLAN_SIZE_MAX = 1024 * 1024, PLAN_SQL_MAX = 64 * 1024 * 1024 };

enum plan_tls { PLAN_TLS_VERIFY_FULL, PLAN_TLS_VERIFY_CA, PLAN_TLS_REQUIRE, PLAN_TLS_DISABLE };
enum plan_when { PLAN_WHEN_CHANGES, PLAN_WHEN_ALWAYS, PLAN_WHEN_FAILURES };
enum plan_format { PLAN_FORMAT_JSON, PLAN_FORMAT_TEXT, PLAN_FORMAT_CHAT };
enum plan_scope { PLAN_SCOPE_EACH, PLAN_SCOPE_ALL };
enum plan_transaction { PLAN_TRANSACTION_AUTO, PLAN_TRANSACTION_YES, PLAN_TRANSACTION_NO };

/* A scalar as written, with its place; expanded by plan_expand. Where the plan does not have the
 * key but the contract a default, text is the default and line 0. */
struct plan_text {
    char *text; /* NULL = key absent, and no default */
    unsigned line, column;
    bool pending; /* holds ${} or $$ that plan_expand has still to replace */
};

struct plan_list {
    struct plan_text *items;
    size_t count, capacity;
    bool present;
};

struct plan_trigger {
    struct plan_list pipelines, stages, accounts, regions; /* shell globs; absent admits all */
    struct plan_text max_age_text, verify_text;
    struct plan_text assume_role; /* ARN of the role that asks, or NULL */
    /* after expansion: */
    int64_t max_age_ms; /* -1 = none */
    bool verify;        /* CodePipeline is asked whether the event is true */
};

/* A literal password is in `password` from the start, and password_text.text is "". Exactly one of
 * password_text.text, secret.text and iam is there once it is expanded. With a secret host, name
 * and user may be NULL: it says them. A text that came to nothing is NULL, and has its place. */
struct plan_database {
    unsigned line, column; /* of the section */
    struct plan_text host; /* a name or an address, or "ssm:" and a parameter's name */
    struct plan_text port_text, name, user, password_text;
    struct plan_text secret; /* as aws_secret_name_parse (lib/aws/secrets.h) has it */
    struct plan_text iam_text, tls_text, ca_file, schema, role, connect_timeout_text, wait_text;
    bool login_checked; /* by plan_login_check */
    /* after expansion: */
    int64_t port;
    struct secret password;
    bool iam; /* then tls is verify-full */
    enum plan_tls tls;
    int64_t connect_timeout_ms, wait_ms;
};

struct plan_run {
    enum plan_scope transaction; /* each migration its own, or all pending ones in one */
    int64_t retries;             /* of a migration that met a lock, a deadlock or 40001 */
    int64_t lock_wait_ms, lock_timeout_ms, statement_timeout_ms, deadline_ms;
};

struct plan_report {
    /* topic NULL: nothing is published. The subject's default is "${POSTLUDE_ENV:-} NAME";
     * expanded, it has no blanks around it. */
    struct plan_text topic, when_text, format_text, details_text, subject;
    /* after expansion: */
    enum plan_when when;
    enum plan_format format;
    bool details;
};

/* An SQL file, or a command: `command` tells which. Texts of the other kind are NULL; limits that a
 * command does not have hold those of the run, and mean nothing. */
struct plan_migration {
    char *id;
    char *path;            /* of a file: to open it, the plan's folder and `file` */
    char *file;            /* of a file: relative to the plan, for messages */
    char **command;        /* argv, NULL-terminated, its first not empty; NULL: an SQL file */
    unsigned line, column; /* of its entry in the plan */
    enum plan_transaction transaction;
    int64_t lock_timeout_ms,
        statement_timeout_ms; /* run's where the entry has none; 0 = no limit */
    int64_t retries;          /* run's where the entry has none */
    char *verify; /* a query as written, perhaps with semicolons at its end, or NULL; that
                     it is one statement is for lib/sql to say */
    unsigned verify_line, verify_column; /* where its value begins in the plan */
    char *out_of_order;                  /* the reason that admits it, or NULL */
    bool every;                          /* of a command: in each run, not once */
    char *dir; /* of a command: where it runs, NULL = where postlude does; not looked for */
    int64_t timeout_ms;                 /* of a command; 0 = the run's deadline only */
    char checksum[7 + DIGEST_HEX_SIZE]; /* "sha256:" and hex of a file's canonical text, else "" */
};

struct plan {
    char *path, *folder;
    char *name;                       /* NULL when that is what is wrong */
    char digest[7 + DIGEST_HEX_SIZE]; /* "sha256:" of the plan's ids with checksum or command, in
                                         order */
    struct plan_trigger trigger;
    struct plan_database database;
    struct plan_run run;
    struct plan_report report;
    struct plan_migration *migrations;
    size_t migration_count, migration_capacity;
};

/* Reads plan and migration files. Adds every finding; returns the plan as far as it was understood
 * (the caller frees it), NULL only when the file could not be read or is no YAML mapping. It is fit
 * to run only when findings->errors did not grow. Values of database, trigger and report are not
 * expanded yet; those without ${} are checked here already. That
 * run.transaction "all" does not suit a migration is no finding: only pending ones matter. */
struct plan *plan_load(const char *path, struct findings *findings);
void plan_free(struct plan *plan); /* wipes the password */

enum plan_section { PLAN_SECTION_TRIGGER = 1, PLAN_SECTION_DATABASE = 2, PLAN_SECTION_REPORT = 4 };

/* Adds what messages call a migration's place: "0002_index.sql", or of a command where its entry
 * is, "postlude.yaml:41:5". */
void plan_place(const struct plan *plan, const struct plan_migration *migration, struct buf *out);

/* Expands ${NAME}, ${NAME:-default} and $$ in place in those sections and reads durations, numbers
 * and words from them. Unset names and wrong values are findings. An optional value that comes to
 * nothing counts as absent: its default holds. The variables that database.password names are
 * concealed (base/env.h). What was expanded once is left alone by a further call. */
void plan_expand(struct plan *plan, unsigned sections, struct env *env, struct findings *findings);

/* Adds a warning for each variable that those sections name and env does not have. */
void plan_check_variables(const struct plan *plan, unsigned sections, const struct env *env,
                          struct findings *findings);

/* A file's text as it is on disk now, without a BOM; it was checked to be UTF-8 and must
 * still have the checksum, or ERROR_INVALID. The caller frees *out_text. */
MUST_CHECK bool plan_read_sql(const struct plan_migration *migration, char **out_text,
                              size_t *out_length, struct error *err);

/* "sha256:hex" of the canonical text: no BOM, LF line ends, no blanks or line ends at the end of
 * the file. Pure. */
void plan_checksum(const char *text, size_t length, char out_checksum[7 + DIGEST_HEX_SIZE]);

DEFINE_AUTO(plan, struct plan *, plan_free)

#endif
