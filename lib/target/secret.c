/* The login that a secret of Secrets Manager holds. */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/text.h"
#include "target/internal.h"

static bool read(const struct target *target, struct target_question *question,
                 struct aws_secret *out_secret, struct error *err)
{
    AUTO(buf) struct buf what = buf_make(1024);
    if (aws_secret_read(target->aws, &target->secret_name, &question->limit, out_secret, err)) {
        return true;
    }
    buf_format(&what, "secret \"%s\" could not be %s", target->secret_name.id,
               question->asking->refused ? "read anew after its password was refused" : "used");
    return target_unread(target, &target->plan->database.secret, question, what.data, err);
}

/* The refusal, with what can be done about it where the password came from a secret. */
static bool refused(const struct target *target, const struct pg_asking *asking, const char *read,
                    struct error *err)
{
    const struct aws_secret *secret = &target->secret;
    const char *user = target->plan->database.user.text;
    bool other = user && secret->user && strcmp(user, secret->user) != 0;
    *err = *asking->refused;
    if (!strstr(err->message, "password")) {
        return false; /* the server says what it is, and it is not the secret */
    }
    AUTO(buf) struct buf hint = buf_make(sizeof err->hint - 1);
    buf_format(&hint, "Secret %s was read %s", target->secret_name.id, read);
    buf_format(&hint, *secret->version ? " (version %s). " : "%s. ", secret->version);
    buf_text(&hint, secret->line_end ? "Its password ends with a line end, as that of a file: make "
                                       "it anew without. "
                                     : "");
    if (other) {
        buf_text(&hint, "It is the secret of user \"");
        text_escape_cut(&hint, secret->user, 63);
        buf_text(&hint, "\", and database.user says another: take that line out. ");
    }
    buf_text(&hint, "Where a rotation is under way, try again in a minute; where it was cut off, "
                    "rotate anew. Behind RDS Proxy this very secret has to stand in the proxy's "
                    "authentication settings; directly, compare it with the database's password.");
    return error_hint(err, "%s", hint.data);
}

static bool same_login(const struct aws_secret *a, const struct aws_secret *b)
{
    return text_same(secret_reveal(&a->password), secret_reveal(&b->password)) &&
           text_same(a->user, b->user);
}

static bool read_anew(struct target *target, struct target_question *question, struct error *err)
{
    if (question->asking->refusals > 1) {
        return refused(target, question->asking, "anew, and what it says now is refused, too", err);
    }
    AUTO(aws_secret) struct aws_secret fresh = {0};
    if (!read(target, question, &fresh, err)) {
        return false;
    }
    if (same_login(&fresh, &target->secret)) {
        return refused(target, question->asking, "anew, and says the same as before", err);
    }
    log_info("the password was refused, and the secret has another one by now: trying that",
             LOG_QUIET_TEXT("version", fresh.version));
    aws_secret_clear(&target->secret);
    target->secret = fresh;
    fresh = (struct aws_secret){0};
    return true;
}

bool target_read_secret(struct target *target, struct target_question *question, struct error *err)
{
    if (!target->secret_read) {
        target->secret_read = read(target, question, &target->secret, err);
        return target->secret_read;
    }
    return question->asking->refused ? read_anew(target, question, err) : true;
}

static bool lacks(const struct target *target, const char *key, const char *member,
                  struct error *err)
{
    error_set(err, ERROR_INVALID, "\"database.%s\" is missing, and the secret has no \"%s\"", key,
              member);
    target_place(target, &target->plan->database.secret, err);
    return error_hint(err,
                      "Add \"%s\" to the plan. A secret that RDS manages holds user and password "
                      "only.",
                      key);
}

/* Once: what somebody may not have meant. */
static void warn(struct target *target, const struct pg_address *address)
{
    const struct plan_database *database = &target->plan->database;
    const struct aws_secret *secret = &target->secret;
    if (target->warned) {
        return;
    }
    target->warned = true;
    if (!database->host.text) {
        log_warn("the host comes from the secret, which names the database itself: name the "
                 "proxy's endpoint in database.host to go through a proxy",
                 LOG_TEXT("host", address->host));
    }
    if (database->user.text && secret->user && strcmp(database->user.text, secret->user) != 0) {
        log_warn("database.user is not the user that the secret is of",
                 LOG_TEXT("user", database->user.text), LOG_TEXT("secret_user", secret->user));
    }
}

bool target_fill_from_secret(struct target *target, struct pg_address *address, struct error *err)
{
    const struct plan_database *database = &target->plan->database;
    const struct aws_secret *secret = &target->secret;
    address->password = &secret->password;
    address->host = address->host ? address->host : secret->host;
    address->database = address->database ? address->database : secret->database;
    address->user = address->user ? address->user : secret->user;
    if (!address->host) {
        return lacks(target, "host", "host", err);
    }
    if (!address->database) {
        return lacks(target, "name", "dbname", err);
    }
    if (!address->user) {
        return lacks(target, "user", "username", err);
    }
    if (address->host == secret->host &&
        !target_check_host(secret->host, "the secret's \"host\"", err)) {
        return target_place(target, &database->secret, err);
    }
    /* The port is that host's: a proxy in front of it listens on its own. */
    bool its_host = secret->host && strcasecmp(address->host, secret->host) == 0;
    if (!database->port_text.line && secret->port && its_host) {
        address->port = secret->port;
    }
    warn(target, address);
    return true;
}
