/*
 * What a run came to, and how that is said: one struct, rendered as JSON, as text and for a chat.
 *
 * Contract, sections 2 and 6. Pure; knows neither AWS nor PostgreSQL. Texts in a struct outcome
 * may come from databases, files and events: the renderings escape what a terminal would obey.
 */
#ifndef POSTLUDE_OUTCOME_OUTCOME_H
#define POSTLUDE_OUTCOME_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/uuid.h"

/* How it ended well; how it ended otherwise is the kind of the error. */
enum outcome_kind {
    OUTCOME_APPLIED,
    OUTCOME_NOTHING,
    OUTCOME_DUPLICATE,
    OUTCOME_IGNORED,
    OUTCOME_ERROR,
};

/* Who stood in the way of a lock. */
struct outcome_blocker {
    int pid;
    char user[64];
    char application[64];
    int64_t age_ms; /* of its transaction; -1 = not known */
    char query[96];
};

enum { OUTCOME_BLOCKERS_MAX = 8, OUTCOME_STATEMENT_SIZE = 1700 };

/* What the migration that did not end well left behind. */
enum outcome_left {
    OUTCOME_LEFT_NOTHING,    /* its transaction was rolled back, or the error says more */
    OUTCOME_LEFT_STATEMENTS, /* outside a transaction: its first statements_done statements stay,
                                the next run goes on with the one after them */
    OUTCOME_LEFT_UNKNOWN,    /* outside a transaction: nobody can say whether the statement (or
                                command)    in flight took effect; nothing goes on before "postlude
                                resolve" */
    OUTCOME_LEFT_COMMAND, /* a command ended badly: what it changed stays, only its author knows */
    OUTCOME_LEFT_ALL, /* run.transaction: all: every pending migration was rolled back together */
};

/* The parts of an error that only a migration's failure has. */
struct outcome_failure {
    char migration[256];
    char detail[1024]; /* may hold row data: kept out of SNS unless report.details */
    char file[512];
    unsigned line; /* 0 = not known */
    unsigned column;
    char statement[OUTCOME_STATEMENT_SIZE]; /* its first 400 characters; may hold literals, likewise
                                             */
    char schema[64], table[64], column_name[64], constraint[64];
    enum outcome_left left;
    int statements_done, statements_total; /* of LEFT_STATEMENTS and LEFT_UNKNOWN; total 0: none */
    bool has_exit_status;
    int exit_status; /* of a command; 128+n when signal n ended it */
    struct outcome_blocker blockers[OUTCOME_BLOCKERS_MAX];
    size_t blocker_count;
};

struct outcome_step {
    char *id;
    int64_t duration_ms;
    bool has_exit_status; /* it was a command */
    int exit_status;
};

struct outcome {
    enum outcome_kind kind;
    bool dry_run;
    bool late; /* told by a later run, since this one could not */
    char run_id[UUID_TEXT_SIZE];
    char *plan; /* NULL: the plan could not be read */

    /* trigger */
    char *trigger_kind, *pipeline, *stage, *execution_id, *event_id, *account, *region;
    char *source_revision; /* commit of the pipeline's source, where CodePipeline was asked */
    char *schedule, *scheduled_time, *reason, *by;
    char *stack, *logical_id, *request_type; /* of a CloudFormation request */
    int64_t attempt;                         /* 0 = none */

    /* database; host NULL: it was not contacted */
    char *host, *database, *user;
    int port;
    char server_version[32]; /* "15.6" */
    bool pooled;
    bool known_server; /* server_version and pooled are meant */

    int64_t started_ms, finished_ms; /* wall clock */
    struct outcome_step *applied;
    size_t applied_count, applied_capacity;
    struct outcome_step *every; /* steps with `when: every` that ran; never in applied or pending */
    size_t every_count, every_capacity;
    size_t already_applied;
    char **pending; /* ids still to apply */
    size_t pending_count, pending_capacity;
    char **unknown; /* ids in the ledger that this plan does not have */
    size_t unknown_count, unknown_capacity;
    char *
        note; /* one more line for people: why ignored, which run this duplicates, who was faster */

    struct error error; /* kind OUTCOME_ERROR */
    struct outcome_failure failure;

    /* the ECS task it ran in; NULL = not known */
    char *task_arn, *cluster, *family, *revision, *container, *image, *image_digest;
    char *log_url;
    char *rerun; /* the command that starts it again, or NULL */
};

/* Starts as OUTCOME_NOTHING; the first applied migration makes it OUTCOME_APPLIED. */
struct outcome *outcome_new(void);
void outcome_free(struct outcome *outcome);

void outcome_add_applied(struct outcome *outcome, const char *id, int64_t duration_ms);
/* The same of a command, which has an exit status. */
void outcome_add_command(struct outcome *outcome, const char *id, int64_t duration_ms,
                         int exit_status);
/* A command that ran as it does in each run: changes no outcome. */
void outcome_add_every(struct outcome *outcome, const char *id, int64_t duration_ms,
                       int exit_status);
void outcome_add_pending(struct outcome *outcome, const char *id);
void outcome_add_unknown(struct outcome *outcome, const char *id);
/* Ends it with this error. ERROR_UNDELIVERED changes nothing: it says nothing about the database.
 */
void outcome_fail(struct outcome *outcome, const struct error *error);

/* "applied", "failed", ...: contract, section 2. */
const char *outcome_name(const struct outcome *outcome);
/* What the database's side came to: 0, 1 to 7, 9, 10; 8 is the process's only. */
int outcome_exit_code(const struct outcome *outcome);

/* "orders: 2 migrations applied in 1.2 s": one line, no final stop. */
void outcome_summary(const struct outcome *outcome, struct buf *out);

enum outcome_detail {
    OUTCOME_WHOLE,   /* for the ledger, the log and stdout */
    OUTCOME_GUARDED, /* without error.detail, error.statement and blockers' queries, for SNS */
};

/* The report of contract section 6: every key is always there, null where nothing is known; only
 * exit_status in an entry of applied is there for commands alone. Behind those of the contract
 * stand revision (source_revision), stack, logical_id and request_type in trigger, dry_run, unknown
 * (ids), note, every ({id, duration_ms, exit_status}) and late, in task container and image_digest
 * (as ECS says it: of the manifest on Fargate), and in error code, where, schema, table,
 * column_name, constraint, and then left: "nothing", "statements", "unknown" (needs "postlude
 * resolve"), "command" or "all"; null where the error is at no migration, or its kind says more (a
 * COMMIT that was not confirmed); statements_done, statements_total: with left "statements", and
 * "unknown" when it has statements; exit_status: of the command; together: the migrations shared
 * one transaction. A statement with the word PASSWORD is never in it. New reference. */
json_t *outcome_json(const struct outcome *outcome, enum outcome_detail detail);

/* The reverse, of a report as it was kept (whole): rendered again it is the same, and so is the
 * text. What an older or newer release left out or put in beside is no error, and what is of
 * another type counts as left out. ERROR_INVALID: the outcome has no name that this release knows.
 * The caller frees *out_outcome. */
MUST_CHECK bool outcome_read(const json_t *report, struct outcome **out_outcome, struct error *err);

/* The error object of the report alone, for the ledger; null without an error. New reference. */
json_t *outcome_error_json(const struct outcome *outcome, enum outcome_detail detail);

/* For people, several lines, at most `width` columns where words allow: what happened, what state
 * the database is in, what to do; then who and where. */
void outcome_text(const struct outcome *outcome, enum outcome_detail detail, size_t width,
                  struct buf *out);

/* For a chat channel, as a custom notification of Amazon Q Developer in chat applications (formerly
 * AWS Chatbot): short enough for any of them, in Markdown that Slack and Teams read alike. What
 * comes from outside is escaped, so that it neither formats, links nor calls anybody. name stands
 * in the title in place of the plan's, which NULL or "" leaves. New reference. */
json_t *outcome_chat(const struct outcome *outcome, const char *name, enum outcome_detail detail);

DEFINE_AUTO(outcome, struct outcome *, outcome_free)

#endif
