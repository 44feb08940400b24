/*
 * Makes one call of libpq or libcurl fail, as a network does: linked with the program in place of
 * these functions (-Wl,--wrap), it counts the calls that talk to the outside, and cuts the
 * connection at one of them. Everything else, also what follows from the loss, is the libraries'
 * own.
 *
 *   FAULTS_LOG  a file that gets a line "NUMBER FUNCTION" for each call, and "cut" for the fault
 *   FAULTS_AT   the number of the call that fails, from 1
 *   FAULTS_HOW  before: the connection is gone when the call is made
 *               after:  the call is made, what it sent is carried out, the answer is lost
 *               amid:   the call is made, and the connection cut while the other side works on it
 *
 * Functions that wait, allocate or look at what has arrived already do not count.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FLUSH_MS = 2000, /* for what one call has to send */
    WORK_MS = 1000,  /* for the other side to begin its answer */
    TAIL_MS = 20,    /* and to end it */
    PARAMETERS_MAX = 32,
};

enum how { NO_FAULT, BEFORE, AFTER, AMID };

static int log_fd = -1;
static long calls;
static long fault_at;
static enum how fault_how;
static int http_fd = -1;   /* the socket that libcurl opened last */
static bool refuse_socket; /* libcurl's next one fails */

__attribute__((constructor)) static void read_variables(void)
{
    const char *log = getenv("FAULTS_LOG");
    const char *at = getenv("FAULTS_AT");
    const char *how = getenv("FAULTS_HOW");
    if (log) {
        log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    fault_at = at ? strtol(at, NULL, 10) : 0;
    fault_how = !how                         ? AFTER
                : strcmp(how, "before") == 0 ? BEFORE
                : strcmp(how, "amid") == 0   ? AMID
                                             : AFTER;
}

/* Counts a call; how it is to fail. */
static enum how turn_of(const char *function)
{
    bool now = ++calls == fault_at;
    if (log_fd >= 0) {
        (void)dprintf(log_fd, "%ld %s%s\n", calls, function, now ? " cut" : "");
    }
    return now ? fault_how : NO_FAULT;
}

/* Ends a connection. What has arrived and was not read is lost with it. */
static void cut(int fd)
{
    char lost[4096];
    if (fd < 0) {
        return;
    }
    while (recv(fd, lost, sizeof lost, MSG_DONTWAIT) > 0) {
    }
    (void)shutdown(fd, SHUT_RDWR);
}

static void wait_for(int fd, short events, int ms)
{
    struct pollfd watched = {.fd = fd, .events = events};
    (void)poll(&watched, 1, ms);
}

/* Waits for the first of the answer: for PostgreSQL that is its end, unless it is long. */
static void let_work(int fd)
{
    wait_for(fd, POLLIN, WORK_MS);
    wait_for(-1, 0, TAIL_MS);
}

int __real_PQflush(PGconn *conn);

static void send_all(PGconn *conn)
{
    for (int left_ms = FLUSH_MS; left_ms > 0 && __real_PQflush(conn) == 1; left_ms -= TAIL_MS) {
        wait_for(PQsocket(conn), POLLOUT, TAIL_MS);
    }
}

/* The call was made: sends what it left to be sent, and cuts. */
static void cut_after(PGconn *conn, bool sends, enum how how)
{
    if (sends) {
        send_all(conn);
    }
    if (sends && how == AFTER) {
        let_work(PQsocket(conn));
    }
    cut(PQsocket(conn));
}

/* A function of libpq whose first argument is the connection. */
#define CONNECTION_CALL(type, function, sends, parameters, arguments)                              \
    type __real_##function parameters;                                                             \
    type __wrap_##function parameters;                                                             \
    type __wrap_##function parameters                                                              \
    {                                                                                              \
        enum how how = turn_of(#function);                                                         \
        if (how == BEFORE) {                                                                       \
            cut(PQsocket(conn));                                                                   \
        }                                                                                          \
        type result = __real_##function arguments;                                                 \
        if (how == AFTER || how == AMID) {                                                         \
            cut_after(conn, sends, how);                                                           \
        }                                                                                          \
        return result;                                                                             \
    }

CONNECTION_CALL(PostgresPollingStatusType, PQconnectPoll, false, (PGconn * conn), (conn))
CONNECTION_CALL(int, PQsendQuery, true, (PGconn * conn, const char *query), (conn, query))
CONNECTION_CALL(int, PQflush, true, (PGconn * conn), (conn))
CONNECTION_CALL(int, PQconsumeInput, false, (PGconn * conn), (conn))
CONNECTION_CALL(PGresult *, PQgetResult, false, (PGconn * conn), (conn))
CONNECTION_CALL(int, PQputCopyData, true, (PGconn * conn, const char *buffer, int nbytes),
                (conn, buffer, nbytes))
CONNECTION_CALL(int, PQputCopyEnd, true, (PGconn * conn, const char *errormsg), (conn, errormsg))
CONNECTION_CALL(int, PQgetCopyData, false, (PGconn * conn, char **buffer, int async),
                (conn, buffer, async))

PGconn *__real_PQconnectStartParams(const char *const *keywords, const char *const *values,
                                    int expand_dbname);
PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values,
                                    int expand_dbname);

/* "before" is a port where nobody listens. */
PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values,
                                    int expand_dbname)
{
    enum how how = turn_of("PQconnectStartParams");
    const char *changed[PARAMETERS_MAX] = {0};
    for (int i = 0; keywords[i] && i < PARAMETERS_MAX; i++) {
        changed[i] = how == BEFORE && strcmp(keywords[i], "port") == 0 ? "1" : values[i];
    }
    PGconn *conn = __real_PQconnectStartParams(keywords, changed, expand_dbname);
    if (conn && (how == AFTER || how == AMID)) {
        cut(PQsocket(conn));
    }
    return conn;
}

int __real_PQcancel(PGcancel *request, char *message, int size);
int __wrap_PQcancel(PGcancel *request, char *message, int size);

/* A connection of its own, which is refused, or lost before it is known whether it helped. */
int __wrap_PQcancel(PGcancel *request, char *message, int size)
{
    enum how how = turn_of("PQcancel");
    int result = how == BEFORE ? 0 : __real_PQcancel(request, message, size);
    if (how == NO_FAULT) {
        return result;
    }
    (void)snprintf(message, (size_t)size, "PQcancel() -- connect() failed: Connection refused\n");
    return 0;
}

static int remember_socket(void *unused, curl_socket_t fd, curlsocktype purpose)
{
    (void)unused;
    (void)purpose;
    http_fd = fd;
    return refuse_socket ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static int forget_socket(void *unused, curl_socket_t fd)
{
    (void)unused;
    http_fd = fd == http_fd ? -1 : http_fd;
    return close(fd);
}

CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);

CURL *__wrap_curl_easy_init(void)
{
    CURL *easy = __real_curl_easy_init();
    if (easy) {
        (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, remember_socket);
        (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, forget_socket);
    }
    return easy;
}

CURLMcode __real_curl_multi_perform(CURLM *multi, int *running);
CURLMcode __wrap_curl_multi_perform(CURLM *multi, int *running);

CURLMcode __wrap_curl_multi_perform(CURLM *multi, int *running)
{
    enum how how = turn_of("curl_multi_perform");
    refuse_socket = how == BEFORE && http_fd < 0;
    if (how == BEFORE) {
        cut(http_fd);
    }
    CURLMcode result = __real_curl_multi_perform(multi, running);
    if (how == AFTER && http_fd >= 0) {
        let_work(http_fd);
    }
    if (how == AFTER || how == AMID) {
        cut(http_fd);
    }
    return result;
}

CURLMcode __real_curl_multi_poll(CURLM *multi, struct curl_waitfd extra[], unsigned count, int ms,
                                 int *ready);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd extra[], unsigned count, int ms,
                                 int *ready);

CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd extra[], unsigned count, int ms,
                                 int *ready)
{
    enum how how = turn_of("curl_multi_poll");
    if (how == BEFORE) {
        cut(http_fd);
    }
    CURLMcode result = __real_curl_multi_poll(multi, extra, count, ms, ready);
    if (how == AFTER || how == AMID) {
        cut(http_fd);
    }
    return result;
}
