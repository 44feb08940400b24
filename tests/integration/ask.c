/*
 * Asks the ledger and catalog rooms one thing over a connection that libpq's variables name
 * (PGHOST,
 * ..., and PGAPPNAME), for test_catalog.py and test_steps.py: ask VERB ARGUMENT... An argument "-"
 * is NULL. Prints the answer's fields with | between them, or "KIND CODE: MESSAGE" and exits 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/memory.h"
#include "base/text.h"
#include "ledger/ledger.h"

enum { WAIT_MS = 20000, ARGS_MAX = 8 };

struct question {
    struct pg *pg;
    struct deadline deadline;
    const char *args[ARGS_MAX]; /* NULL: "-" or not given */
};

static int number(const char *text)
{
    int64_t value = 0;
    return text && text_integer(text, INT32_MIN, INT32_MAX, &value) ? (int)value : 0;
}

static bool ask_login(const struct question *q, struct error *err)
{
    struct catalog_login login;
    if (!catalog_login(q->pg, q->args[0], q->args[1], q->deadline, &login, err)) {
        return false;
    }
    (void)printf("%d|%d|%d|%d|%s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "\n", login.schema_exists,
                 login.schema_is_current, login.role_exists, login.may_act, login.current_schema,
                 login.user, login.lock_timeout_ms, login.statement_timeout_ms,
                 login.transaction_timeout_ms);
    return true;
}

static bool ask_sessions(const struct question *q, struct error *err)
{
    struct catalog_sessions sessions;
    if (!catalog_sessions(q->pg, q->args[0], q->args[1], q->deadline, &sessions, err)) {
        return false;
    }
    (void)printf("%d|%d|%d|%s\n", sessions.active, sessions.unseen, sessions.first_pid > 0,
                 sessions.state);
    return true;
}

static bool ask_cancel(const struct question *q, struct error *err)
{
    int cancelled = 0;
    if (!catalog_cancel(q->pg, q->args[0], q->deadline, &cancelled, err)) {
        return false;
    }
    (void)printf("%d\n", cancelled);
    return true;
}

static bool ask_blockers(const struct question *q, struct error *err)
{
    struct catalog_blockers blockers;
    if (!catalog_blockers(q->pg, q->args[0], q->deadline, &blockers, err)) {
        return false;
    }
    for (int i = 0; i < blockers.count; i++) {
        const struct catalog_blocker *one = &blockers.list[i];
        (void)printf("%d|%s|%s|%" PRId64 "|%s|%s\n", one->pid, one->user, one->application,
                     one->age_ms, one->query, one->state);
    }
    return true;
}

static bool ask_progress(const struct question *q, struct error *err)
{
    AUTO(buf) struct buf line = buf_make(1024);
    bool ok = catalog_progress(q->pg, q->args[0], q->deadline, &line, err);
    (void)printf("%s\n", ok ? line.data : "");
    return ok;
}

static void show_index(const struct catalog_index *index)
{
    (void)printf("table %d|exists %d|on_table %d|valid %d|built %d|%c|%d|%s\n", index->table_exists,
                 index->exists, index->on_table, index->valid, index->being_built,
                 index->relkind ? index->relkind : '-', index->builder_pid > 0, index->qualified);
}

static bool ask_index(const struct question *q, struct error *err)
{
    struct catalog_index index;
    if (!catalog_index(q->pg, q->args[0], q->args[1], q->deadline, &index, err)) {
        return false;
    }
    show_index(&index);
    return true;
}

static bool ask_index_names(const struct question *q, struct error *err)
{
    AUTO(text) char *note = NULL;
    if (!catalog_index_names(q->pg, q->args[0], q->args[1] != NULL, q->deadline, &note, err)) {
        return false;
    }
    (void)printf("%s\n", note);
    return true;
}

static bool ask_new_index(const struct question *q, struct error *err)
{
    struct catalog_index index;
    if (!catalog_new_index(q->pg, q->args[0], q->args[1], q->deadline, &index, err)) {
        return false;
    }
    (void)printf("%d|", index.count);
    show_index(&index);
    return true;
}

static bool ask_leftovers(const struct question *q, struct error *err)
{
    AUTO(catalog_names) struct catalog_names names = {.count = 0};
    const struct catalog_reindex reindex = {
        .object = q->args[0], .of_index = q->args[1] != NULL, .note = q->args[2]};
    if (!catalog_reindex_leftovers(q->pg, &reindex, q->deadline, &names, err)) {
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        (void)printf("%s\n", names.names[i]);
    }
    return true;
}

static bool ask_partition(const struct question *q, struct error *err)
{
    static const char *const names[] = {
        [CATALOG_PARTITION_MISSING] = "missing",
        [CATALOG_PARTITION_NONE] = "none",
        [CATALOG_PARTITION_ATTACHED] = "attached",
        [CATALOG_PARTITION_PENDING] = "pending",
    };
    enum catalog_partition partition = CATALOG_PARTITION_MISSING;
    if (!catalog_partition(q->pg, q->args[0], q->args[1], q->deadline, &partition, err)) {
        return false;
    }
    (void)printf("%s\n", names[partition]);
    return true;
}

static bool ask_object(const struct question *q, struct error *err)
{
    struct catalog_object object;
    enum catalog_kind kind = text_same(q->args[0], "database")     ? CATALOG_DATABASE
                             : text_same(q->args[0], "tablespace") ? CATALOG_TABLESPACE
                                                                   : CATALOG_SUBSCRIPTION;
    if (!catalog_object(q->pg, kind, q->args[1], q->deadline, &object, err)) {
        return false;
    }
    (void)printf("%d|%d\n", object.exists, object.valid);
    return true;
}

/* Arguments of the steps: RUN ID KIND BEFORE, and what each takes besides. */
static struct ledger_claim claim_of(const struct question *q)
{
    return (struct ledger_claim){.plan = "orders",
                                 .run_id = q->args[0],
                                 .id = q->args[1],
                                 .kind = q->args[2],
                                 .before = q->args[3],
                                 .checksum = "sha256:1"};
}

/* Holds until stdin ends. */
static bool ask_hold(const struct question *q, struct error *err)
{
    if (!ledger_hold(q->pg, "orders", q->args[0], q->deadline, err)) {
        return false;
    }
    (void)printf("held\n");
    (void)fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    return ledger_release(q->pg, "orders", q->args[0], q->deadline, err);
}

static bool ask_touch(const struct question *q, struct error *err)
{
    return ledger_touch(q->pg, "orders", q->args[0], q->deadline, err);
}

static bool ask_start(const struct question *q, struct error *err)
{
    const struct ledger_claim claim = claim_of(q);
    return ledger_step_start(q->pg, &claim, q->deadline, err);
}

static bool ask_attempt(const struct question *q, struct error *err)
{
    const struct ledger_claim claim = claim_of(q);
    return ledger_step_attempt(q->pg, &claim, (size_t)number(q->args[4]), q->args[5], q->deadline,
                               err);
}

static bool ask_done(const struct question *q, struct error *err)
{
    const struct ledger_claim claim = claim_of(q);
    return ledger_step_done(q->pg, &claim, (size_t)number(q->args[4]), q->args[5], q->deadline,
                            err);
}

static bool ask_finish(const struct question *q, struct error *err)
{
    const struct ledger_claim claim = claim_of(q);
    int status = number(q->args[4]);
    return ledger_step_finish(q->pg, &claim, q->args[4] ? &status : NULL, q->deadline, err);
}

static bool ask_fail(const struct question *q, struct error *err)
{
    const struct ledger_claim claim = claim_of(q);
    int status = number(q->args[4]);
    AUTO(json) json_t *error = json_pack("{s:s}", "message", "no");
    const struct ledger_step_failure failure = {
        .error = error, .exit_status = q->args[4] ? &status : NULL, .clear = q->args[5] != NULL};
    return ledger_step_fail(q->pg, &claim, &failure, q->deadline, err);
}

static bool ask_resolve(const struct question *q, struct error *err)
{
    const struct ledger_claim claim = claim_of(q);
    struct ledger_former former;
    if (!ledger_resolve(q->pg, &claim, (enum ledger_action)number(q->args[4]), q->deadline, &former,
                        err)) {
        return false;
    }
    (void)printf("%s%d\n", former.exists ? "" : "none, not ", (int)former.state);
    return true;
}

static bool ask_read(const struct question *q, struct error *err)
{
    struct catalog_server server;
    AUTO(ledger) struct ledger *ledger = NULL;
    const struct ledger_query query = {.plan = "orders"};
    if (!ledger_read(q->pg, &query, q->deadline, &server, &ledger, err)) {
        return false;
    }
    (void)printf("%d|%zu|%s|%" PRId64 "|%d\n", ledger->version, ledger->count,
                 ledger->holder.migration, server.login_statement_timeout_ms, server.async_commit);
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_row *row = &ledger->rows[i];
        (void)printf("%s|%d|%s|%" PRId64 "|%" PRId64 "|%s|%s|%d|%d\n", row->id, (int)row->state,
                     row->kind, row->statements_done, row->attempting, row->note ? row->note : "",
                     row->done_checksum ? row->done_checksum : "", row->has_exit, row->exit_status);
    }
    return true;
}

static bool ask_take(const struct question *q, struct error *err)
{
    bool taken = false;
    struct ledger_holder holder;
    AUTO(json)
    json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "run_id", q->args[0], "plan", "orders",
                            "trigger", "manual", "started_at", "2031-03-14T09:26:53.120Z");
    if (!ledger_take(q->pg, row, q->deadline, &taken, &holder, err)) {
        return false;
    }
    (void)printf("%d|%s|%s\n", taken, holder.run_id, holder.migration);
    return true;
}

static const struct {
    const char *verb;
    bool (*ask)(const struct question *q, struct error *err);
} verbs[] = {
    {"login", ask_login},         {"sessions", ask_sessions}, {"cancel", ask_cancel},
    {"blockers", ask_blockers},   {"progress", ask_progress}, {"index", ask_index},
    {"names", ask_index_names},   {"new", ask_new_index},     {"leftovers", ask_leftovers},
    {"partition", ask_partition}, {"object", ask_object},     {"hold", ask_hold},
    {"touch", ask_touch},         {"start", ask_start},       {"attempt", ask_attempt},
    {"done", ask_done},           {"finish", ask_finish},     {"fail", ask_fail},
    {"resolve", ask_resolve},     {"read", ask_read},         {"take", ask_take},
};

static bool ask(struct question *q, const char *verb, struct error *err)
{
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (text_same(verb, verbs[i].verb)) {
            return verbs[i].ask(q, err);
        }
    }
    return error_set(err, ERROR_INTERNAL, "no such verb");
}

static bool run(int argc, char **argv, struct error *err)
{
    AUTO(env) struct env *env = env_take(environ);
    AUTO(secret) struct secret password = {0};
    secret_set(&password, env_get(env, "PGPASSWORD"));
    const struct pg_address address = {.host = env_get(env, "PGHOST"),
                                       .port = number(env_get(env, "PGPORT")),
                                       .database = env_get(env, "PGDATABASE"),
                                       .user = env_get(env, "PGUSER"),
                                       .password = &password,
                                       .sslmode = env_get(env, "PGSSLMODE"),
                                       .ca_file = env_get(env, "PGSSLROOTCERT"),
                                       .application_name = env_get(env, "PGAPPNAME")};
    AUTO(pg) struct pg *pg = NULL;
    struct question q = {.deadline = deadline_in(WAIT_MS)};
    if (!pg_open(&address, q.deadline, &pg, err)) {
        return false;
    }
    q.pg = pg;
    for (int i = 2; i < argc && i - 2 < ARGS_MAX; i++) {
        q.args[i - 2] = text_same(argv[i], "-") ? NULL : argv[i];
    }
    return ask(&q, argv[1], err);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc < 2 || !run(argc, argv, &err)) {
        (void)printf("%s %s: %s\n", error_name(err.kind), err.code, err.message);
        return 1;
    }
    return 0;
}
