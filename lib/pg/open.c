#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "pg/internal.h"

static const char *notice_field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text ? text : "";
}

static void receive_notice(void *context, const PGresult *result)
{
    const struct pg *pg = context;
    if (pg->notice) {
        const struct pg_notice notice = {
            .severity = notice_field(result, PG_DIAG_SEVERITY_NONLOCALIZED),
            .sqlstate = notice_field(result, PG_DIAG_SQLSTATE),
            .message = notice_field(result, PG_DIAG_MESSAGE_PRIMARY),
        };
        pg->notice(pg->notice_context, &notice);
    }
}

static PGconn *start(const struct pg_address *address)
{
    char port[12];
    (void)snprintf(port, sizeof port, "%d", address->port);
    const char *const keywords[] = {
        "host",
        "port",
        "dbname",
        "user",
        "password",
        "sslmode",
        "sslrootcert",
        "application_name",
        "gssencmode",
        "client_encoding",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        NULL,
    };
    const char *const values[] = {
        address->host,
        port,
        address->database,
        address->user,
        secret_reveal(address->password),
        address->sslmode,
        address->ca_file,
        address->application_name,
        "disable",
        "UTF8",
        "30",
        "10",
        "3",
        NULL,
    };
    return PQconnectStartParams(keywords, values, 0);
}

static bool out_of_time(const struct pg_address *address, struct error *err)
{
    error_set(err, ERROR_UNREACHABLE, "no answer from %s port %d in time", address->host,
              address->port);
    error_code(err, PG_NO_ANSWER);
    error_hint(err, "The task's security group must be admitted by the proxy's on this port, and "
                    "the task must run in subnets that reach it; database.connect_timeout is how "
                    "long one attempt may take.");
    return error_where(err, "%s:%d", address->host, address->port);
}

static bool wait_for_login(struct pg *pg, const struct pg_address *address,
                           struct deadline deadline, struct error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state == PGRES_POLLING_WRITING || state == PGRES_POLLING_READING) {
        enum wait_for what = state == PGRES_POLLING_WRITING ? WAIT_WRITE : WAIT_READ;
        enum wait_result ready = wait_fd(PQsocket(pg->conn), what, deadline, pg->stop);
        if (ready == WAIT_STOPPED) {
            return error_set(err, ERROR_INTERRUPTED, "told to stop while connecting to %s",
                             pg->where);
        }
        if (ready == WAIT_TIMEOUT) {
            return out_of_time(address, err);
        }
        state = PQconnectPoll(pg->conn);
    }
    return state == PGRES_POLLING_OK || pg_login_error(address, PQerrorMessage(pg->conn), err);
}

bool pg_open(const struct pg_address *address, struct deadline deadline, struct pg **out_pg,
             struct error *err)
{
    AUTO(pg) struct pg *pg = memory_new(1, sizeof *pg);
    pg->stop = address->stop;
    (void)snprintf(pg->where, sizeof pg->where, "%s:%d", address->host, address->port);
    pg->conn = start(address);
    if (!pg->conn) {
        memory_die();
    }
    if (PQstatus(pg->conn) == CONNECTION_BAD) {
        return pg_login_error(address, PQerrorMessage(pg->conn), err);
    }
    /* Verbose, so that the text of a refused login holds its SQLSTATE. */
    (void)PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
    (void)PQsetNoticeReceiver(pg->conn, receive_notice, pg);
    if (!wait_for_login(pg, address, deadline, err)) {
        return false;
    }
    if (PQsetnonblocking(pg->conn, 1) != 0) {
        return error_set(err, ERROR_INTERNAL, "could not make the connection non-blocking");
    }
    *out_pg = TAKE(pg);
    return true;
}

void pg_close(struct pg *pg)
{
    if (pg) {
        PQfinish(pg->conn);
        free(pg);
    }
}

void pg_on_notice(struct pg *pg, pg_notice_fn *notice, void *context)
{
    pg->notice = notice;
    pg->notice_context = context;
}

void pg_on_wait(struct pg *pg, int64_t every_ms, pg_tick_fn *tick, void *context)
{
    pg->tick_ms = every_ms;
    pg->tick = tick;
    pg->tick_context = context;
}

void pg_on_cancel(struct pg *pg, pg_cancel_fn *cancel, void *context)
{
    pg->cancel = cancel;
    pg->cancel_context = context;
}

int pg_told_pid(const struct pg *pg)
{
    return PQbackendPID(pg->conn);
}

const char *pg_tls_version(const struct pg *pg)
{
    const char *version = PQsslInUse(pg->conn) ? PQsslAttribute(pg->conn, "protocol") : NULL;
    return version ? version : "";
}

bool pg_alive(const struct pg *pg)
{
    return !pg->broken && PQstatus(pg->conn) == CONNECTION_OK;
}

void pg_watch(struct pg *pg, const struct stop *stop)
{
    pg->stop = stop;
}
