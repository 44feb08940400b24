
#include "base/text.h"
#include "ledger/internal.h"

/* A step outside a transaction begins only when it is on disk that it does. */
#define BEGIN_STEP LEDGER_OPEN LEDGER_SHORT_WAIT LEDGER_FLUSHED
enum { STEP_SET = LEDGER_LEAD + 1 };

/* transaction_timeout is there from 17 on. What is named by a row of pg_settings leaves no snapshot
 * behind. */
#define WITHOUT_LIMITS                                                                             \
    "SELECT pg_catalog.set_config(name, '0', true) FROM pg_catalog.pg_settings WHERE name IN"      \
    " ('idle_in_transaction_session_timeout', 'transaction_timeout');\n"

static void owner_call(struct buf *sql, const char *function, const char *plan, const char *run_id)
{
    buf_format(sql, "SELECT postlude.%s(", function);
    pg_literal(sql, plan);
    buf_text(sql, ", ");
    pg_literal(sql, run_id);
    buf_text(sql, ");\n");
}

bool ledger_hold(struct pg *pg, const char *plan, const char *run_id, struct deadline deadline,
                 struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(4096);
    buf_text(&sql, LEDGER_OPEN LEDGER_SHORT_WAIT WITHOUT_LIMITS);
    owner_call(&sql, "hold", plan, run_id);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!ledger_write(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    if (text_same(pg_value(&reply, LEDGER_LEAD + 1, 0, 0), "t")) {
        return true;
    }
    AUTO(pg_reply) struct pg_reply undone = {0};
    return pg_query(pg, "ROLLBACK", deadline, &undone, err) && ledger_overtaken(err, "PL001");
}

bool ledger_release(struct pg *pg, const char *plan, const char *run_id, struct deadline deadline,
                    struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(4096);
    owner_call(&sql, "touch", plan, run_id);
    buf_text(&sql, "COMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql.data, deadline, &reply, err);
}

static bool touch(struct pg *pg, const char *plan, const char *run_id, const char *durability,
                  struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(4096);
    buf_text(&sql, LEDGER_OPEN LEDGER_SHORT_WAIT);
    buf_text(&sql, durability);
    owner_call(&sql, "touch", plan, run_id);
    buf_text(&sql, "COMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!ledger_write(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    return text_same(pg_value(&reply, LEDGER_LEAD + 1, 0, 0), "t") ||
           ledger_overtaken(err, "PL001");
}

bool ledger_touch(struct pg *pg, const char *plan, const char *run_id, struct deadline deadline,
                  struct error *err)
{
    return touch(pg, plan, run_id, "SET LOCAL synchronous_commit = off;\n", deadline, err);
}

bool ledger_flush(struct pg *pg, const char *plan, const char *run_id, struct deadline deadline,
                  struct error *err)
{
    return touch(pg, plan, run_id, LEDGER_FLUSHED, deadline, err);
}

/* Runs the call that sql ends with, its last parenthesis open. */
static bool step(struct pg *pg, struct buf *sql, struct deadline deadline, struct error *err)
{
    buf_text(sql, ");\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    return ledger_write(pg, sql->data, deadline, &reply, err);
}

static void step_call(struct buf *sql, const char *function, const struct ledger_claim *claim)
{
    buf_format(sql, "SELECT postlude.%s(", function);
    ledger_identify(sql, claim);
}

bool ledger_step_start(struct pg *pg, const struct ledger_claim *claim, struct deadline deadline,
                       struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, BEGIN_STEP);
    step_call(&sql, "step_start", claim);
    ledger_describe(&sql, claim);
    return step(pg, &sql, deadline, err);
}

bool ledger_step_attempt(struct pg *pg, const struct ledger_claim *claim, size_t statement,
                         const char *note, struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, BEGIN_STEP);
    step_call(&sql, "step_attempt", claim);
    buf_format(&sql, ", %zu, ", statement);
    pg_literal(&sql, note);
    return step(pg, &sql, deadline, err);
}

static void done_call(const struct ledger_claim *claim, size_t statements, const char *checksum,
                      struct buf *sql)
{
    step_call(sql, "step_done", claim);
    buf_format(sql, ", %zu, ", statements);
    pg_literal(sql, checksum);
}

bool ledger_step_done(struct pg *pg, const struct ledger_claim *claim, size_t statements,
                      const char *checksum, struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, BEGIN_STEP);
    done_call(claim, statements, checksum, &sql);
    return step(pg, &sql, deadline, err);
}

void ledger_step_done_sql(const struct ledger_claim *claim, size_t statements, const char *checksum,
                          struct buf *out)
{
    done_call(claim, statements, checksum, out);
    buf_text(out, ");\n");
}

static void exit_literal(struct buf *sql, const int *exit_status)
{
    if (exit_status) {
        buf_format(sql, ", %d", *exit_status);
    } else {
        buf_text(sql, ", NULL");
    }
}

bool ledger_step_finish(struct pg *pg, const struct ledger_claim *claim, const int *exit_status,
                        struct deadline deadline, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, BEGIN_STEP);
    step_call(&sql, "step_finish", claim);
    exit_literal(&sql, exit_status);
    return step(pg, &sql, deadline, err);
}

bool ledger_step_fail(struct pg *pg, const struct ledger_claim *claim,
                      const struct ledger_step_failure *failure, struct deadline deadline,
                      struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, BEGIN_STEP);
    step_call(&sql, "step_fail", claim);
    buf_text(&sql, ", ");
    ledger_json(&sql, failure->error);
    exit_literal(&sql, failure->exit_status);
    buf_text(&sql, failure->clear ? ", true" : ", false");
    return step(pg, &sql, deadline, err);
}

bool ledger_resolve(struct pg *pg, const struct ledger_claim *claim, enum ledger_action action,
                    struct deadline deadline, struct ledger_former *out_former, struct error *err)
{
    static const char *const names[] = {
        [LEDGER_SET_APPLIED] = "applied",
        [LEDGER_RETRY] = "retry",
        [LEDGER_SKIP] = "skip",
        [LEDGER_ACCEPT] = "accept",
    };
    AUTO(buf) struct buf sql = buf_make(LEDGER_ROW_MAX);
    buf_text(&sql, BEGIN_STEP);
    step_call(&sql, "resolve", claim);
    buf_format(&sql, ", '%s', ", names[action]);
    pg_literal(&sql, claim->checksum);
    buf_text(&sql, ", ");
    pg_literal(&sql, claim->kind);
    buf_text(&sql, ");\nCOMMIT");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!ledger_write(pg, sql.data, deadline, &reply, err)) {
        return false;
    }
    const char *name = pg_value(&reply, STEP_SET, 0, 0);
    struct ledger_former former = {.exists = name != NULL, .state = LEDGER_FAILED};
    if (name && !ledger_state_named(name, &former.state)) {
        return error_set(err, ERROR_INTERNAL, "the ledger gave an unknown state");
    }
    *out_former = former;
    return true;
}
