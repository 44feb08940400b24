/*
 * A libpq that plays a script: linked before the real one, its functions are the ones called.
 *
 * fake.steps are what PQgetResult gives in turn, ended by FAKE_END of each message. A step can make
 * the other side silent until it is cancelled, or cut the connection. What is sent is kept.
 * Requests to cancel are counted across a fork.
 */
#ifndef POSTLUDE_TESTS_PG_FAKE_LIBPQ_H
#define POSTLUDE_TESTS_PG_FAKE_LIBPQ_H

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

#define FAKE_END ((ExecStatusType)-1)

struct pg_result {
    ExecStatusType status;
    const char *sqlstate, *message, *position, *detail, *severity;
    bool silent; /* comes only after a cancel */
    bool deaf;   /* not even then, but when it was cancelled in another way */
    bool cut;    /* the connection is gone with it */
    int lines;   /* of COPY OUT */
};

struct pg_conn {
    int unused;
};
struct pg_cancel {
    int unused;
};

static struct {
    struct pg_result steps[16];
    size_t at;
    bool bad, single_rows, refuse_to_send;
    int cleared, blocked; /* blocked: how often a flush does not get through at once */
    enum { FAKE_CANCELS, FAKE_REFUSES, FAKE_HANGS } on_cancel;
    bool cancelled_otherwise;
    int socket;
    PQnoticeReceiver receiver;
    void *receiver_context;
    struct buf sent, copied;
} fake;

static int *fake_cancels(void)
{
    static int *count;
    if (!count) {
        void *shared =
            mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        count = shared == MAP_FAILED ? NULL : shared;
    }
    return count;
}

/* libpq gives its texts without const. */
static char *fake_text(const char *text)
{
    char *loose = NULL;
    memcpy(&loose, &text, sizeof loose);
    return loose;
}

static bool fake_waits(void)
{
    const struct pg_result *step = &fake.steps[fake.at];
    return !fake.bad && !fake.cancelled_otherwise &&
           (step->deaf || (step->silent && !*fake_cancels()));
}

PGconn *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand)
{
    (void)keywords;
    (void)values;
    (void)expand;
    static struct pg_conn conn;
    return &conn;
}

PostgresPollingStatusType PQconnectPoll(PGconn *conn)
{
    (void)conn;
    return PGRES_POLLING_OK;
}

PGVerbosity PQsetErrorVerbosity(PGconn *conn, PGVerbosity verbosity)
{
    (void)conn;
    return verbosity;
}

PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver receiver, void *context)
{
    (void)conn;
    fake.receiver = receiver;
    fake.receiver_context = context;
    return NULL;
}

int PQsetnonblocking(PGconn *conn, int on)
{
    (void)conn;
    return on ? 0 : -1;
}

void PQfinish(PGconn *conn)
{
    (void)conn;
}

ConnStatusType PQstatus(const PGconn *conn)
{
    (void)conn;
    return fake.bad ? CONNECTION_BAD : CONNECTION_OK;
}

char *PQerrorMessage(const PGconn *conn)
{
    (void)conn;
    static char text[] = "server closed the connection unexpectedly\n\tmore";
    static char none[] = "";
    return fake.bad ? text : none;
}

int PQsocket(const PGconn *conn)
{
    (void)conn;
    return fake.socket;
}

int PQsendQuery(PGconn *conn, const char *query)
{
    (void)conn;
    buf_text(&fake.sent, query);
    return !fake.refuse_to_send;
}

int PQsetSingleRowMode(PGconn *conn)
{
    (void)conn;
    fake.single_rows = true;
    return 1;
}

int PQflush(PGconn *conn)
{
    (void)conn;
    return fake.bad ? -1 : fake.blocked-- > 0;
}

int PQconsumeInput(PGconn *conn)
{
    (void)conn;
    return !fake.bad;
}

int PQisBusy(PGconn *conn)
{
    (void)conn;
    return fake_waits();
}

PGresult *PQgetResult(PGconn *conn)
{
    (void)conn;
    struct pg_result *step = &fake.steps[fake.at];
    if (step->status == FAKE_END) {
        return NULL;
    }
    fake.at++;
    fake.bad = fake.bad || step->cut;
    return step;
}

ExecStatusType PQresultStatus(const PGresult *result)
{
    return result->status;
}

void PQclear(PGresult *result)
{
    (void)result;
    fake.cleared++;
}

char *PQresultErrorField(const PGresult *result, int code)
{
    const char *text = code == PG_DIAG_SQLSTATE                ? result->sqlstate
                       : code == PG_DIAG_MESSAGE_PRIMARY       ? result->message
                       : code == PG_DIAG_STATEMENT_POSITION    ? result->position
                       : code == PG_DIAG_MESSAGE_DETAIL        ? result->detail
                       : code == PG_DIAG_SEVERITY_NONLOCALIZED ? result->severity
                                                               : NULL;
    return fake_text(text);
}

char *PQresultErrorMessage(const PGresult *result)
{
    (void)result;
    return PQerrorMessage(NULL);
}

int PQputCopyData(PGconn *conn, const char *data, int length)
{
    (void)conn;
    buf_add(&fake.copied, data, (size_t)length);
    return 1;
}

int PQputCopyEnd(PGconn *conn, const char *refusal)
{
    (void)conn;
    buf_format(&fake.copied, "<%s>", refusal ? refusal : "");
    return 1;
}

int PQgetCopyData(PGconn *conn, char **out_line, int async)
{
    (void)conn;
    (void)async;
    /* The step was taken already. */
    struct pg_result *step = &fake.steps[fake.at - 1];
    if (step->lines-- > 0) {
        *out_line = malloc(1);
        return 1;
    }
    return -1;
}

void PQfreemem(void *line)
{
    free(line);
}

PGcancel *PQgetCancel(PGconn *conn)
{
    (void)conn;
    static struct pg_cancel cancel;
    return &cancel;
}

int PQcancel(PGcancel *cancel, char *why, int size)
{
    (void)cancel;
    memset(why, 0, (size_t)size);
    ++*fake_cancels();
    if (fake.on_cancel == FAKE_HANGS) {
        (void)sleep(300);
    }
    return fake.on_cancel != FAKE_REFUSES;
}

void PQfreeCancel(PGcancel *cancel)
{
    (void)cancel;
}

int PQntuples(const PGresult *result)
{
    return result->status == PGRES_TUPLES_OK;
}

int PQnfields(const PGresult *result)
{
    (void)result;
    return 1;
}

int PQgetisnull(const PGresult *result, int row, int column)
{
    (void)row;
    (void)column;
    return !result->message;
}

char *PQgetvalue(const PGresult *result, int row, int column)
{
    (void)row;
    (void)column;
    return fake_text(result->message);
}

#endif
