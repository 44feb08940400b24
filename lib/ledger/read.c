#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "ledger/internal.h"

enum {
    MESSAGE_MAX = 64 * 1024,
    SET_SERVER = 1,
    SET_VERSION = 5,
    SET_ROWS = 6,
    SET_HOLDER = 7,
    SET_REPORTS = 8,
    SET_DUPLICATE = 9
};

/* Whatever the login's defaults are. Several statements of one message are a transaction of their
 * own, which ends with the message, in an error too. */
static const char level[] = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY;\n";
/* After the question what the login's own limits are. */
static const char limits[] = "SET LOCAL statement_timeout = 0;\n"
                             "SET LOCAL lock_timeout = '10s';\n"
                             "SET LOCAL search_path = pg_catalog;\n";

/* A column that an older ledger does not have is not found in its table, and so taken from `absent`
 * around it. Only what is needed: rows come by the thousand. */
static const char rows_sql[] =
    "SELECT r.* FROM (SELECT NULL::integer AS attempting, NULL::jsonb AS note,"
    " NULL::text AS done_checksum, NULL::integer AS exit_status) absent, LATERAL"
    " (SELECT id, state, kind, checksum, run_id, " LEDGER_TIME(
        "applied_at") ", duration_ms, error,"
                      " statements_done, attempting, note, done_checksum, exit_status"
                      " FROM postlude.migration WHERE plan = ";
enum {
    ID,
    STATE,
    KIND,
    CHECKSUM,
    RUN_ID,
    APPLIED_AT,
    DURATION,
    ERROR,
    DONE,
    ATTEMPTING,
    NOTE,
    DONE_CHECKSUM,
    EXIT_STATUS
};

/* Those that this run may send; what is said above of columns goes for this one too. */
static const char reports_sql[] =
    "SELECT count(*) FROM (SELECT NULL::timestamptz AS report_after) absent, LATERAL"
    " (SELECT FROM postlude.run WHERE reported_at IS NULL"
    " AND report_after <= statement_timestamp() AND plan = ";

static void same(struct buf *sql, const char *column, const char *value)
{
    buf_format(sql, " AND %s IS NOT DISTINCT FROM ", column);
    pg_literal(sql, text_empty(value) ? NULL : value);
}

static void execution_sql(const struct ledger_query *query, struct buf *sql)
{
    same(sql, "account", query->account);
    same(sql, "region", query->region);
    same(sql, "pipeline", query->pipeline);
    same(sql, "stage", query->stage);
    buf_text(sql, " AND execution_id = ");
    pg_literal(sql, query->execution_id);
    buf_format(sql, " AND attempt = %" PRId64, query->attempt);
}

/* No index knows schedules, but the one by time keeps the search to what can be the same: a second
 * delivery comes within two days, and no run began before it was due (a day for clocks). */
static void schedule_sql(const struct ledger_query *query, struct buf *sql)
{
    buf_text(sql, " AND schedule = ");
    pg_literal(sql, query->schedule);
    buf_text(sql, " AND scheduled_time = ");
    pg_literal(sql, query->scheduled_time);
    int64_t due_ms = 0;
    if (clock_parse(query->scheduled_time, &due_ms)) {
        buf_format(sql,
                   " AND started_at > least(pg_catalog.now(),"
                   " pg_catalog.to_timestamp(%" PRId64 ")) - interval '1 day'",
                   due_ms / 1000);
    }
}

static void duplicate_sql(const struct ledger_query *query, struct buf *sql)
{
    if (!query->execution_id && !query->schedule) {
        return;
    }
    buf_text(sql, "SELECT run_id FROM postlude.run WHERE plan = ");
    pg_literal(sql, query->plan);
    if (query->execution_id) {
        execution_sql(query, sql);
    } else {
        schedule_sql(query, sql);
    }
    buf_text(sql, " AND outcome IN ('applied', 'nothing') AND report -> 'pending' = '[]'"
                  " ORDER BY started_at LIMIT 1;\n");
}

static void read_sql(const struct ledger_query *query, struct buf *sql)
{
    buf_text(sql, level);
    buf_text(sql, catalog_server_sql);
    buf_text(sql, limits);
    buf_text(sql, "SELECT max(version) FROM postlude.upgrade;\n");
    buf_text(sql, rows_sql);
    pg_literal(sql, query->plan);
    buf_text(sql,
             ") r;\nSELECT owner, " LEDGER_TIME("owned_since") " FROM postlude.plan WHERE plan = ");
    pg_literal(sql, query->plan);
    buf_text(sql, ";\n");
    buf_text(sql, reports_sql);
    pg_literal(sql, query->plan);
    buf_text(sql, ") w;\n");
    duplicate_sql(query, sql);
}

bool ledger_state_named(const char *name, enum ledger_state *out_state)
{
    static const char *const names[] = {
        [LEDGER_APPLIED] = "applied",
        [LEDGER_STARTED] = "started",
        [LEDGER_FAILED] = "failed",
        [LEDGER_SKIPPED] = "skipped",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (text_same(name, names[i])) {
            *out_state = (enum ledger_state)i;
            return true;
        }
    }
    return false;
}

static const char *value(const struct pg_reply *reply, int row, int column)
{
    return pg_value(reply, SET_ROWS, row, column);
}

static int64_t number(const struct pg_reply *reply, int row, int column, int64_t otherwise)
{
    int64_t result = 0;
    const char *text = value(reply, row, column);
    return text && text_integer(text, INT64_MIN, INT64_MAX, &result) ? result : otherwise;
}

static void read_row(const struct pg_reply *reply, int i, struct ledger_row *row)
{
    row->id = memory_text(value(reply, i, ID));
    row->kind = memory_text(value(reply, i, KIND));
    row->checksum = memory_text(value(reply, i, CHECKSUM));
    row->run_id = memory_text(value(reply, i, RUN_ID));
    row->applied_at = memory_text(value(reply, i, APPLIED_AT));
    row->error = memory_text(value(reply, i, ERROR));
    row->duration_ms = number(reply, i, DURATION, 0);
    row->statements_done = number(reply, i, DONE, 0);
    row->attempting = number(reply, i, ATTEMPTING, -1);
    row->note = memory_text(value(reply, i, NOTE));
    row->done_checksum = memory_text(value(reply, i, DONE_CHECKSUM));
    row->has_exit = value(reply, i, EXIT_STATUS) != NULL;
    row->exit_status = (int)number(reply, i, EXIT_STATUS, 0);
}

static bool read_rows(const struct pg_reply *reply, struct ledger *ledger, struct error *err)
{
    int count = pg_row_count(reply, SET_ROWS);
    ledger->rows = memory_new((size_t)count, sizeof *ledger->rows);
    for (int i = 0; i < count; i++) {
        struct ledger_row *row = &ledger->rows[ledger->count++];
        read_row(reply, i, row);
        if (!ledger_state_named(value(reply, i, STATE), &row->state)) {
            error_set(err, ERROR_CONFLICT, "the ledger has migration \"%s\" in an unknown state",
                      row->id);
            return error_hint(err, "A newer postlude wrote it: run that version.");
        }
        if (row->state == LEDGER_STARTED && text_same(row->run_id, ledger->holder.run_id)) {
            text_copy(ledger->holder.migration, sizeof ledger->holder.migration, row->id);
        }
    }
    return true;
}

static bool read_ledger(const struct pg_reply *reply, struct ledger *ledger, struct error *err)
{
    int64_t version = 0;
    const char *text = pg_value(reply, SET_VERSION, 0, 0);
    if (!text || !text_integer(text, 1, INT32_MAX, &version)) {
        error_set(err, ERROR_CONFLICT, "schema postlude is there, but it is not a ledger");
        return error_hint(err, "The name is taken by something else, or its creation was undone by "
                               "hand: look at it, and drop it if it is empty.");
    }
    ledger->exists = true;
    ledger->version = (int)version;
    text_copy(ledger->holder.run_id, sizeof ledger->holder.run_id,
              pg_value(reply, SET_HOLDER, 0, 0));
    text_copy(ledger->holder.since, sizeof ledger->holder.since, pg_value(reply, SET_HOLDER, 0, 1));
    text_copy(ledger->duplicate_of, sizeof ledger->duplicate_of,
              pg_value(reply, SET_DUPLICATE, 0, 0));
    text = pg_value(reply, SET_REPORTS, 0, 0);
    (void)!(text && text_integer(text, 0, INT64_MAX, &ledger->reports_waiting));
    return read_rows(reply, ledger, err);
}

/* undefined_table, invalid_schema_name: nobody has made a ledger here yet. */
static bool no_ledger(const struct pg_reply *reply)
{
    return reply->done == SET_VERSION && (strcmp(reply->failure.sqlstate, "42P01") == 0 ||
                                          strcmp(reply->failure.sqlstate, "3F000") == 0);
}

/* No more than reading takes. */
static bool advise_reader(const char *reader, struct error *err)
{
    AUTO(buf) struct buf name = buf_make(256);
    pg_identifier(&name, reader);
    return error_hint(err,
                      "As the owner of schema postlude: GRANT USAGE ON SCHEMA postlude TO %s; "
                      "GRANT SELECT ON ALL TABLES IN SCHEMA postlude TO %s;",
                      name.data, name.data);
}

static bool explain(const struct pg_reply *reply, const struct ledger_query *query,
                    struct error *err)
{
    if (strcmp(reply->failure.sqlstate, "42501") == 0) {
        err->kind = ERROR_DENIED;
        error_wrap(err, "the login may not read the ledger");
        if (query->reader) {
            return advise_reader(query->reader, err);
        }
        return error_hint(err, "Another role made schema postlude: let this login be a member of "
                               "that role, or GRANT it USAGE on the schema, EXECUTE on its "
                               "functions, and SELECT, INSERT, UPDATE, DELETE on its tables.");
    }
    if (strcmp(reply->failure.sqlstate, "55P03") == 0) {
        err->kind = ERROR_BUSY;
        error_wrap(err, "the ledger is locked");
        return error_hint(err, "Somebody holds a table of schema postlude locked: pg_locks tells "
                               "who.");
    }
    return false;
}

static int by_id(const void *a, const void *b)
{
    const struct ledger_row *left = a;
    const struct ledger_row *right = b;
    return strcmp(left->id, right->id);
}

bool ledger_read(struct pg *pg, const struct ledger_query *query, struct deadline deadline,
                 struct catalog_server *out_server, struct ledger **out_ledger, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(MESSAGE_MAX);
    read_sql(query, &sql);
    AUTO(pg_reply) struct pg_reply reply = {0};
    bool ok = pg_query(pg, sql.data, deadline, &reply, err);
    if (!ok && !no_ledger(&reply)) {
        return explain(&reply, query, err);
    }
    struct catalog_server server;
    if (!catalog_server_read(pg, &reply, SET_SERVER, &server, err)) {
        return false;
    }
    AUTO(ledger) struct ledger *ledger = memory_new(1, sizeof *ledger);
    if (ok && !read_ledger(&reply, ledger, err)) {
        return false;
    }
    if (ledger->count > 0) { /* qsort of no array at all is undefined */
        qsort(ledger->rows, ledger->count, sizeof *ledger->rows, by_id);
    }
    *out_server = server;
    *out_ledger = TAKE(ledger);
    return true;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger) {
        return;
    }
    for (size_t i = 0; i < ledger->count; i++) {
        struct ledger_row *row = &ledger->rows[i];
        free(row->id);
        free(row->kind);
        free(row->note);
        free(row->done_checksum);
        free(row->checksum);
        free(row->applied_at);
        free(row->run_id);
        free(row->error);
    }
    free(ledger->rows);
    free(ledger);
}

const struct ledger_row *ledger_find(const struct ledger *ledger, const char *id)
{
    AUTO(text) char *wanted = memory_text(id);
    const struct ledger_row key = {.id = wanted};
    return ledger->count ? bsearch(&key, ledger->rows, ledger->count, sizeof key, by_id) : NULL;
}
