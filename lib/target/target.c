#include "target/target.h"

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

bool target_resolve(struct plan *plan, struct env *env, struct pg_address *out_address,
                    struct error *err)
{
    AUTO(findings) struct findings findings = {0};
    plan_expand(plan, PLAN_SECTION_DATABASE, env, &findings);
    if (findings_error(&findings, ERROR_INVALID, err)) {
        return false;
    }
    const struct plan_database *database = &plan->database;
    bool verifies = database->tls == PLAN_TLS_VERIFY_FULL || database->tls == PLAN_TLS_VERIFY_CA;
    *out_address = (struct pg_address){
        .host = database->host.text,
        .port = (int)database->port,
        .database = database->name.text,
        .user = database->user.text,
        .password = &database->password,
        .sslmode = sslmode(database->tls),
        .ca_file = verifies ? database->ca_file.text : NULL,
    };
    return true;
}
