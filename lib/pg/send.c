#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "pg/internal.h"

enum { COPY_CHUNK = 65536 };

struct pg_rows {
    PGresult *result;
};

static bool lost(const struct pg_exchange *exchange, struct error *err)
{
    exchange->pg->broken = true;
    AUTO(buf) struct buf line = buf_make(512);
    pg_one_line(&line, PQerrorMessage(exchange->pg->conn));
    error_set(err, ERROR_LOST, "the connection was lost%s%s", line.length ? ": " : "", line.data);
    return error_where(err, "%s", exchange->pg->where);
}

static bool flush(struct pg_exchange *exchange, struct error *err)
{
    PGconn *conn = exchange->pg->conn;
    int left = 0;
    while ((left = PQflush(conn)) == 1) {
        if (!pg_ready(exchange, WAIT_BOTH, err)) {
            return false;
        }
        /* Reading while writing, or both sides may wait for ever. */
        if (!PQconsumeInput(conn)) {
            return lost(exchange, err);
        }
    }
    return left == 0 || lost(exchange, err);
}

static bool await_result(struct pg_exchange *exchange, struct error *err)
{
    PGconn *conn = exchange->pg->conn;
    while (PQisBusy(conn)) {
        if (!pg_ready(exchange, WAIT_READ, err)) {
            return false;
        }
        if (!PQconsumeInput(conn)) {
            return lost(exchange, err);
        }
    }
    return true;
}

static bool put_copy(struct pg_exchange *exchange, const char *data, size_t length,
                     struct error *err)
{
    PGconn *conn = exchange->pg->conn;
    while (length) {
        int size = length > COPY_CHUNK ? COPY_CHUNK : (int)length;
        int put = PQputCopyData(conn, data, size);
        if (put < 0) {
            return lost(exchange, err);
        }
        if (put == 1) {
            data += size;
            length -= (size_t)size;
        }
        if (!flush(exchange, err)) {
            return false;
        }
    }
    return true;
}

static bool end_copy(struct pg_exchange *exchange, const char *refusal, struct error *err)
{
    int ended = 0;
    while ((ended = PQputCopyEnd(exchange->pg->conn, refusal)) == 0) {
        if (!flush(exchange, err)) {
            return false;
        }
    }
    return (ended == 1 || lost(exchange, err)) && flush(exchange, err);
}

static bool feed_copy(struct pg_exchange *exchange, struct error *err)
{
    const struct pg_message *message = exchange->message;
    if (exchange->copies_sent == message->copy_count) {
        return end_copy(exchange, "no data for this COPY in the file", err);
    }
    const struct pg_copy *copy = &message->copies[exchange->copies_sent++];
    return put_copy(exchange, copy->data, copy->length, err) && end_copy(exchange, NULL, err);
}

static bool drain_copy_out(struct pg_exchange *exchange, struct error *err)
{
    PGconn *conn = exchange->pg->conn;
    char *line = NULL;
    int got = 0;
    while ((got = PQgetCopyData(conn, &line, 1)) >= 0) {
        PQfreemem(line);
        line = NULL;
        if (got == 0 && !(pg_ready(exchange, WAIT_READ, err) &&
                          (PQconsumeInput(conn) || lost(exchange, err)))) {
            return false;
        }
    }
    return true;
}

static void field(char *target, size_t size, const PGresult *result, int code)
{
    text_copy(target, size, PQresultErrorField(result, code));
}

static void read_failure(const PGresult *result, struct pg_failure *failure)
{
    field(failure->sqlstate, sizeof failure->sqlstate, result, PG_DIAG_SQLSTATE);
    field(failure->message, sizeof failure->message, result, PG_DIAG_MESSAGE_PRIMARY);
    if (!failure->message[0]) {
        /* Without a SQLSTATE it is libpq's own, and judged as a lost connection; with one it is a
         * RAISE of nothing. */
        text_copy(failure->message, sizeof failure->message,
                  failure->sqlstate[0] ? "(no message)" : PQresultErrorMessage(result));
    }
    field(failure->detail, sizeof failure->detail, result, PG_DIAG_MESSAGE_DETAIL);
    field(failure->hint, sizeof failure->hint, result, PG_DIAG_MESSAGE_HINT);
    field(failure->context, sizeof failure->context, result, PG_DIAG_CONTEXT);
    field(failure->inner, sizeof failure->inner, result, PG_DIAG_INTERNAL_QUERY);
    field(failure->schema, sizeof failure->schema, result, PG_DIAG_SCHEMA_NAME);
    field(failure->table, sizeof failure->table, result, PG_DIAG_TABLE_NAME);
    field(failure->column, sizeof failure->column, result, PG_DIAG_COLUMN_NAME);
    field(failure->constraint, sizeof failure->constraint, result, PG_DIAG_CONSTRAINT_NAME);
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    int64_t value = 0;
    if (position && text_integer(position, 0, INT32_MAX, &value)) {
        failure->position = (int)value;
    }
}

/* Takes the result over. */
static bool take_result(struct pg_exchange *exchange, PGresult *result, struct error *err)
{
    struct pg_reply *reply = exchange->reply;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        read_failure(result, &reply->failure);
    }
    bool completed = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    reply->done += completed;
    if (completed && exchange->message->keep_rows) {
        reply->rows =
            memory_push(reply->rows, reply->row_sets, &exchange->capacity, sizeof *reply->rows);
        reply->rows[reply->row_sets++].result = result;
        return true;
    }
    PQclear(result);
    if (status == PGRES_COPY_IN) {
        return feed_copy(exchange, err);
    }
    return status != PGRES_COPY_OUT || drain_copy_out(exchange, err);
}

static bool read_answers(struct pg_exchange *exchange, struct error *err)
{
    for (;;) {
        if (!await_result(exchange, err)) {
            return false;
        }
        PGresult *result = PQgetResult(exchange->pg->conn);
        if (!result) {
            return pg_alive(exchange->pg) || lost(exchange, err);
        }
        if (!take_result(exchange, result, err)) {
            return false;
        }
    }
}

/* A broken connection also gives a result without SQLSTATE; class 57P0x says that the server ends
 * the session: what it did of the message cannot be known from here. */
static bool judge(const struct pg_exchange *exchange, struct error *err)
{
    const struct pg_failure *failure = &exchange->reply->failure;
    if (!failure->message[0]) {
        return true;
    }
    if (!failure->sqlstate[0] || !pg_alive(exchange->pg)) {
        return lost(exchange, err);
    }
    if (exchange->ending != PG_NOT_ENDING && strcmp(failure->sqlstate, "57014") == 0) {
        return pg_cancelled(exchange, err);
    }
    error_set(err, ERROR_FAILED, "%s", failure->message);
    error_code(err, "%s", failure->sqlstate);
    return error_hint(err, "%s", failure->hint);
}

bool pg_send(struct pg *pg, const struct pg_message *message, struct deadline deadline,
             struct pg_reply *reply, struct error *err)
{
    struct pg_exchange exchange = {
        .pg = pg, .message = message, .deadline = deadline, .reply = reply};
    exchange.next_tick = deadline_in(pg->tick ? pg->tick_ms : INT64_MAX);
    if (!PQsendQuery(pg->conn, message->sql)) {
        return lost(&exchange, err);
    }
    if (!message->keep_rows) {
        (void)PQsetSingleRowMode(pg->conn);
    }
    return flush(&exchange, err) && read_answers(&exchange, err) && judge(&exchange, err);
}

bool pg_query(struct pg *pg, const char *sql, struct deadline deadline, struct pg_reply *reply,
              struct error *err)
{
    const struct pg_message message = {.sql = sql, .keep_rows = true};
    return pg_send(pg, &message, deadline, reply, err);
}

void pg_reply_free(struct pg_reply *reply)
{
    for (size_t i = 0; i < reply->row_sets; i++) {
        PQclear(reply->rows[i].result);
    }
    free(reply->rows);
    *reply = (struct pg_reply){0};
}

int pg_row_count(const struct pg_reply *reply, size_t set)
{
    return set < reply->row_sets ? PQntuples(reply->rows[set].result) : 0;
}

const char *pg_value(const struct pg_reply *reply, size_t set, int row, int column)
{
    if (column < 0 || row >= pg_row_count(reply, set) ||
        column >= PQnfields(reply->rows[set].result)) {
        return NULL;
    }
    const PGresult *result = reply->rows[set].result;
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}
