#include "target/target.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ssm.h"
#include "base/memory.h"
#include "base/text.h"
#include "target/internal.h"

static const char parameter_prefix[] = "ssm:";

static const char *sslmode(enum plan_tls tls)
{
    switch (tls) {
    case PLAN_TLS_VERIFY_FULL:
        return "verify-full";
    case PLAN_TLS_VERIFY_CA:
        return "verify-ca";
    case PLAN_TLS_REQUIRE:
        return "require";
    case PLAN_TLS_DISABLE:
        return "disable";
    }
    return "verify-full";
}

bool target_place(const struct target *target, const struct plan_text *key, struct error *err)
{
    return error_where(err, "%s:%u:%u", target->plan->path, key->line, key->column);
}

bool target_open(struct plan *plan, struct env *env, struct aws *aws, struct target **out_target,
                 struct error *err)
{
    AUTO(findings) struct findings findings = {0};
    plan_expand(plan, PLAN_SECTION_DATABASE, env, &findings);
    if (findings_error(&findings, ERROR_INVALID, err)) {
        return false;
    }
    AUTO(target) struct target *target = memory_new(1, sizeof *target);
    target->plan = plan;
    target->aws = aws;
    const struct plan_text *secret = &plan->database.secret;
    if (secret->text && !aws_secret_name_parse(secret->text, &target->secret_name, err)) {
        target_place(target, secret, err);
        return error_wrap(err, "\"database.secret\"");
    }
    *out_target = TAKE(target);
    return true;
}

void target_close(struct target *target)
{
    if (target) {
        aws_secret_clear(&target->secret);
        secret_clear(&target->token);
        free(target->host);
        free(target);
    }
}

bool target_unread(const struct target *target, const struct plan_text *key,
                   const struct target_question *question, const char *what, struct error *err)
{
    if (err->kind == ERROR_INTERRUPTED) {
        bool stopped = question->limit.stopped;
        err->kind = stopped ? ERROR_INTERRUPTED : ERROR_UNREACHABLE;
        error_code(err, "%s", stopped ? "" : "timeout");
    }
    error_wrap(err, "%s", what);
    return target_place(target, key, err);
}

static bool is_domain(const char *text, size_t length)
{
    static const char marks[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    return strspn(text, marks) == length && memchr(text, '.', length);
}

bool target_check_host(const char *text, const char *what, struct error *err)
{
    const char *colon = strchr(text, ':');
    bool one = colon && !strchr(colon + 1, ':');
    bool port = one && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")];
    bool fine = *text && !one;
    for (const char *at = text; *at; at++) {
        fine = fine && *at > ' ' && *at < 0x7F && !strchr(",@/\\\"'", *at);
    }
    if (fine) {
        return true;
    }
    /* Where somebody named a password's place instead of a host's, the value is one. */
    bool shown = port && is_domain(text, (size_t)(colon - text));
    error_set(err, ERROR_INVALID,
              shown ? "%s is not one host name: \"%.60s\"" : "%s is not one host name", what, text);
    return error_hint(err, port ? "Take the port out of it, and give it in database.port."
                                : "It has to be the endpoint's name alone. The value is not shown, "
                                  "since it may be a secret.");
}

static bool read_host(struct target *target, struct target_question *question, struct error *err)
{
    const struct plan_text *key = &target->plan->database.host;
    if (target->host || !key->text || !text_starts(key->text, parameter_prefix)) {
        return true;
    }
    AUTO(text) char *host = NULL;
    AUTO(buf) struct buf what = buf_make(256);
    const char *name = key->text + strlen(parameter_prefix);
    buf_text(&what, "parameter \"");
    text_escape_cut(&what, name, 200);
    buf_char(&what, '"');
    if (!aws_ssm_read(target->aws, name, &question->limit, &host, err)) {
        buf_text(&what, " could not be read");
        return target_unread(target, key, question, what.data, err);
    }
    if (!target_check_host(host, what.data, err)) {
        return target_place(target, key, err);
    }
    target->host = TAKE(host);
    return true;
}

/* As far as the plan and Parameter Store say it. */
static struct pg_address known(const struct target *target)
{
    const struct plan_database *database = &target->plan->database;
    bool verifies = database->tls == PLAN_TLS_VERIFY_FULL || database->tls == PLAN_TLS_VERIFY_CA;
    return (struct pg_address){
        .host = target->host ? target->host : database->host.text,
        .port = (int)database->port,
        .database = database->name.text,
        .user = database->user.text,
        .password = &database->password,
        .sslmode = sslmode(database->tls),
        .ca_file = verifies ? database->ca_file.text : NULL,
    };
}

static bool find_password(struct target *target, struct target_question *question,
                          struct pg_address *address, struct error *err)
{
    const struct plan_database *database = &target->plan->database;
    if (database->secret.text) {
        return target_read_secret(target, question, err) &&
               target_fill_from_secret(target, address, err);
    }
    if (database->iam) {
        address->password = &target->token;
        return target_sign_token(target, question, address, err);
    }
    if (question->asking->refused) {
        *err = *question->asking->refused;
        return false;
    }
    return true;
}

bool target_address(void *target_, const struct pg_asking *asking, struct pg_address *out_address,
                    struct error *err)
{
    struct target *target = target_;
    struct target_question question = {
        .asking = asking, .limit = {.deadline = asking->deadline, .stop = asking->stop}};
    if (!read_host(target, &question, err)) {
        return false;
    }
    struct pg_address address = known(target);
    if (!find_password(target, &question, &address, err)) {
        return false;
    }
    *out_address = address;
    return true;
}
