/* Waiting for the server, and cancelling what it runs. */
#include "base/child.h"
#include "pg/internal.h"

enum {
    REQUEST_MS = 2000,      /* to deliver the request to cancel, and as much again to obey it */
    PASSED_ON_MS = 4000,    /* after that was tried in another way */
    NO_OTHER_WAY_MS = 5000, /* in all, where there is none */
};

bool pg_cancelled(const struct pg_exchange *exchange, struct error *err)
{
    switch (exchange->reason) {
    case PG_REASON_STOP:
        return error_set(err, ERROR_INTERRUPTED, "told to stop");
    case PG_REASON_DEADLINE:
        return error_set(err, ERROR_INTERRUPTED, "the time allowed for this run is over");
    case PG_REASON_TICK:
        return error_set(err, ERROR_INTERRUPTED, "cancelled");
    }
    return false;
}

static bool no_answer(struct pg_exchange *exchange, struct error *err)
{
    pg_cancelled(exchange, err);
    error_wrap(err, "the server did not answer the request to cancel");
    err->kind = ERROR_LOST;
    exchange->pg->broken = true;
    return false;
}

static bool send_request(void *context)
{
    char why[256] = "";
    return PQcancel(context, why, sizeof why) == 1;
}

/* In a copy of this process: PQcancel connects, and waits for the server's end of it, without a
 * deadline. It is made for signal handlers, and so for the state after a fork. */
static bool request(PGconn *conn, struct deadline deadline)
{
    PGcancel *cancel = PQgetCancel(conn);
    bool sent = cancel && child_call(send_request, cancel, deadline);
    PQfreeCancel(cancel);
    return sent;
}

static void pass_on(struct pg_exchange *exchange)
{
    const struct pg *pg = exchange->pg;
    exchange->ending = PG_PASSED_ON;
    pg->cancel(pg->cancel_context);
    exchange->deadline = deadline_in(PASSED_ON_MS);
}

/* True: it is worth waiting on. */
static bool cancel(struct pg_exchange *exchange, enum pg_reason reason)
{
    struct deadline in_all = deadline_in(NO_OTHER_WAY_MS);
    exchange->ending = PG_REQUESTED;
    exchange->reason = reason;
    bool sent = request(exchange->pg->conn, deadline_in(REQUEST_MS));
    exchange->deadline = exchange->pg->cancel ? deadline_in(REQUEST_MS) : in_all;
    if (!sent && exchange->pg->cancel) {
        pass_on(exchange);
    }
    return true;
}

/* Asks the server to cancel what runs, and gives it a moment to answer; and again, if there is
 * another way. */
static bool go_on_ending(struct pg_exchange *exchange, struct error *err)
{
    exchange->late = false;
    switch (exchange->ending) {
    case PG_NOT_ENDING:
        return cancel(exchange, PG_REASON_DEADLINE);
    case PG_REQUESTED:
        if (exchange->pg->cancel) {
            pass_on(exchange);
            return true;
        }
        return no_answer(exchange, err);
    case PG_PASSED_ON:
        return no_answer(exchange, err);
    }
    return false;
}

static bool tick(struct pg_exchange *exchange)
{
    const struct pg *pg = exchange->pg;
    if (exchange->ending != PG_NOT_ENDING || !deadline_passed(exchange->next_tick)) {
        return true;
    }
    exchange->next_tick = deadline_in(pg->tick_ms);
    return pg->tick(pg->tick_context);
}

bool pg_ready(struct pg_exchange *exchange, enum wait_for what, struct error *err)
{
    /* Once it is ending, the signal that did it must not end the wait for the answer. */
    bool ending = exchange->ending != PG_NOT_ENDING;
    struct deadline until =
        ending ? exchange->deadline : deadline_min(exchange->deadline, exchange->next_tick);
    enum wait_result ready =
        wait_fd(PQsocket(exchange->pg->conn), what, until, ending ? NULL : exchange->pg->stop);
    if (ready == WAIT_STOPPED) {
        return cancel(exchange, PG_REASON_STOP);
    }
    bool over = deadline_passed(exchange->deadline);
    if (over && (ready == WAIT_TIMEOUT || exchange->late)) {
        return go_on_ending(exchange, err);
    }
    exchange->late = over; /* what had arrived by then is read, but not for ever */
    return tick(exchange) || cancel(exchange, PG_REASON_TICK);
}
