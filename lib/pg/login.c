/* Why a login failed, told from the text libpq gives. With verbose messages it holds the server's
 * SQLSTATE, which no locale changes; what libpq, poolers and RDS Proxy say in words is known here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pg/internal.h"

void pg_one_line(struct buf *out, const char *text)
{
    /* Of several attempts (addresses, with and without TLS) the first line tells the most. */
    size_t length = strcspn(text, "\n");
    const char *failed = strstr(text, " failed: ");
    if (text_starts(text, "connection to server") && failed && failed < text + length) {
        length -= (size_t)(failed + 9 - text);
        text = failed + 9;
    }
    text_escape(out, text, length);
}

/* "FATAL:  28P01: password ..." in verbose form: the five characters after the severity. */
static bool find_sqlstate(const char *text, char out_sqlstate[6])
{
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  ")) {
        size_t length = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (length == 5 && at[8] == ':') {
            memcpy(out_sqlstate, at + 3, 5);
            out_sqlstate[5] = '\0';
            return true;
        }
    }
    return false;
}

enum { BY_WORDS_MAX = 3 };

/* The first row that fits decides: the SQLSTATE, or any of the shell patterns occurs in the text.
 */
struct cause {
    const char *sqlstate; /* NULL: look at the words */
    const char *words[BY_WORDS_MAX];
    enum error_kind kind;
    const char *message; /* %u user, %d database, %h host, %p port, %t the text */
    const char *hint;
};

static const struct cause causes[] = {
    {NULL,
     {"could not translate host name"},
     ERROR_UNREACHABLE,
     "the host name \"%h\" is unknown",
     "Check database.host: it must be the endpoint of the RDS Proxy, and the task's VPC must "
     "resolve it (a private hosted zone, or the VPC's own DNS)."},
    {NULL,
     {"certificate verify failed", "unable to get local issuer", "self-signed certificate"},
     ERROR_DENIED,
     "the server's certificate is not trusted: %t",
     "database.ca_file must hold the CA that signed it: the system's bundle for RDS Proxy (Amazon "
     "Trust Services), the RDS bundle for a database reached directly."},
    {NULL,
     {"does not match host name"},
     ERROR_DENIED,
     "the server's certificate is for another name: %t",
     "database.host must be the endpoint's own name; an alias of yours does not stand in the "
     "certificate."},
    {NULL,
     {"root certificate file", "could not read root certificate"},
     ERROR_DENIED,
     "the CA file cannot be used: %t",
     "database.ca_file must name a PEM file inside the container."},
    {NULL,
     {"server closed the connection", "SSL SYSCALL error"},
     ERROR_UNREACHABLE,
     "the server hung up during the login: %t",
     "It may be starting, failing over or out of connections; its log says why. Where it goes on, "
     "something else than PostgreSQL listens there, or a load balancer with nothing behind it."},
    {NULL,
     {"invalid response to SSL negotiation"},
     ERROR_DENIED,
     "what listens at %h port %p is not PostgreSQL",
     "Check database.host and database.port."},
    {NULL,
     {"does not support SSL", "SSL error"},
     ERROR_DENIED,
     "TLS could not be set up: %t",
     "Turn TLS on at the server or proxy, or choose database.tls with care: \"disable\" sends "
     "everything in the clear."},
    /* What RDS Proxy says tells more than the SQLSTATE that comes with it. */
    {NULL,
     {"too many competing requests"},
     ERROR_UNREACHABLE,
     "the proxy has too many IAM logins at once: %t",
     ""},
    {NULL,
     {"IAM authentication failed", "PAM authentication failed", "IAM is allowed only"},
     ERROR_DENIED,
     "login by IAM failed for user \"%u\": %t",
     "A user with rds_iam, or a proxy with IAM required, takes no password: write iam: true in its "
     "place, or give postlude a user of its own that has one."},
    {NULL,
     {"has no credentials for the role", "no such user"},
     ERROR_DENIED,
     "the proxy does not know the user \"%u\"",
     "Add a secret for this user to the proxy's authentication settings."},
    {NULL,
     {"IAM authentication is allowed only"},
     ERROR_DENIED,
     "the proxy takes IAM tokens only, and over TLS only: %t",
     "Write iam: true in the password's place, and leave database.tls at verify-full."},
    {"28P01",
     {NULL},
     ERROR_DENIED,
     "password authentication failed for user \"%u\"",
     "Compare database.user and the password with the database's, or with the secret that the "
     "proxy reads; after a rotation start a new task, since ECS injects secrets at start only, or "
     "name the secret in database.secret: then it is read anew."},
    {NULL,
     {"password authentication failed", "SASL authentication failed", "password that was provided"},
     ERROR_DENIED,
     "password authentication failed for user \"%u\"",
     "Compare database.user and the password with the database's, or with the secret that the "
     "proxy reads; after a rotation start a new task, since ECS injects secrets at start only, or "
     "name the secret in database.secret: then it is read anew."},
    {NULL,
     {"no password supplied"},
     ERROR_DENIED,
     "the server asks for the password of user \"%u\", and none was given",
     "The password is empty: look where it comes from."},
    {NULL,
     {"requires TLS", "SSL required", "no encryption"},
     ERROR_DENIED,
     "the server accepts connections over TLS only: %t",
     "Remove database.tls from the plan: its default, verify-full, is right."},
    {"3D000",
     {NULL},
     ERROR_UNREACHABLE,
     "the database \"%d\" does not exist",
     "Create it, or correct database.name; postlude creates no databases."},
    {NULL,
     {"no such database", "database \"*\" does not exist"},
     ERROR_UNREACHABLE,
     "the database \"%d\" does not exist",
     "Create it, or correct database.name; postlude creates no databases."},
    {"28000",
     {NULL},
     ERROR_DENIED,
     "the server refuses user \"%u\": %t",
     "The role must exist, have LOGIN, and be admitted by pg_hba.conf or the proxy for this "
     "address and database."},
    {NULL,
     {"is not permitted to log in"},
     ERROR_DENIED,
     "the server refuses user \"%u\": %t",
     "ALTER ROLE ... LOGIN."},
    {"42501",
     {NULL},
     ERROR_DENIED,
     "user \"%u\" may not connect to database \"%d\"",
     "GRANT CONNECT ON DATABASE to the user."},
    {NULL,
     {"permission denied for database"},
     ERROR_DENIED,
     "user \"%u\" may not connect to database \"%d\"",
     "GRANT CONNECT ON DATABASE to the user."},
    {"57P03", {NULL}, ERROR_UNREACHABLE, "the server is not ready: %t", ""},
    {"53300",
     {NULL},
     ERROR_UNREACHABLE,
     "the server has no connection left: %t",
     "Others use them all; look at max_connections, or at the proxy's connection limits."},
    {NULL,
     {"too many connections", "no more connections allowed", "connections to the proxy exceeded"},
     ERROR_UNREACHABLE,
     "the server has no connection left: %t",
     "Others use them all; look at max_connections, or at the proxy's connection limits."},
    {NULL,
     {"Connection refused"},
     ERROR_UNREACHABLE,
     "nothing listens at %h port %p",
     "Check database.host and database.port; where they are right, the database is down."},
    {NULL,
     {"Connection timed out", "timeout expired", "No route to host"},
     ERROR_UNREACHABLE,
     "no answer from %h port %p",
     "The task's security group must be admitted by the proxy's on this port, and the task must "
     "run in subnets that reach it."},
};

static bool fits(const struct cause *cause, const char *sqlstate, const char *text)
{
    if (cause->sqlstate) {
        return strcmp(cause->sqlstate, sqlstate) == 0;
    }
    for (size_t i = 0; i < BY_WORDS_MAX && cause->words[i]; i++) {
        AUTO(buf) struct buf anywhere = buf_make(256);
        buf_format(&anywhere, "*%s*", cause->words[i]);
        if (text_matches(anywhere.data, text)) {
            return true;
        }
    }
    return false;
}

static void fill_in(const char *pattern, const struct pg_address *address, const char *line,
                    struct buf *out)
{
    for (const char *c = pattern; *c; c++) {
        if (*c != '%') {
            buf_char(out, *c);
            continue;
        }
        switch (*++c) {
        case 'u':
            text_escape(out, address->user, strlen(address->user));
            break;
        case 'd':
            text_escape(out, address->database, strlen(address->database));
            break;
        case 'h':
            text_escape(out, address->host, strlen(address->host));
            break;
        case 'p':
            buf_format(out, "%d", address->port);
            break;
        default: /* t */
            buf_text(out, line);
        }
    }
}

bool pg_login_error(const struct pg_address *address, const char *text, struct error *err)
{
    char sqlstate[6] = "";
    (void)find_sqlstate(text, sqlstate);
    AUTO(buf) struct buf line = buf_make(1024);
    pg_one_line(&line, text);
    AUTO(buf) struct buf message = buf_make(1400);
    const struct cause *cause = NULL;
    for (size_t i = 0; i < COUNT(causes) && !cause; i++) {
        cause = fits(&causes[i], sqlstate, text) ? &causes[i] : NULL;
    }
    if (cause) {
        fill_in(cause->message, address, line.data, &message);
        error_set(err, cause->kind, "%s", message.data);
        error_hint(err, "%s", cause->hint);
    } else {
        error_set(err, ERROR_UNREACHABLE, "could not connect: %s", line.data);
        error_hint(err, "Check database.host, database.port and database.tls, and look into the "
                        "server's or proxy's log for this moment.");
    }
    error_code(err, "%s", sqlstate);
    return error_where(err, "%s:%d", address->host, address->port);
}

bool pg_refused(const struct error *err)
{
    static const char *const signs[] = {"password authentication failed", "login by IAM failed",
                                        "asks for the password"};
    if (err->kind != ERROR_DENIED) {
        return false;
    }
    /* Class 28 is "invalid authorization"; poolers use other states, or none. */
    bool refused = text_starts(err->code, "28");
    for (size_t i = 0; i < COUNT(signs); i++) {
        refused = refused || strstr(err->message, signs[i]);
    }
    return refused;
}
