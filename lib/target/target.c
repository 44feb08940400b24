#include "target/target.h"

#include <stdlib.h>

#include "base/memory.h"

struct target {
    const struct plan *plan;
    struct aws *aws;
};

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

bool target_open(struct plan *plan, struct env *env, struct aws *aws, struct target **out_target,
                 struct error *err)
{
    AUTO(findings) struct findings findings = {0};
    plan_expand(plan, PLAN_SECTION_DATABASE, env, &findings);
    if (findings_error(&findings, ERROR_INVALID, err)) {
        return false;
    }
    struct target *target = memory_new(1, sizeof *target);
    target->plan = plan;
    target->aws = aws;
    *out_target = target;
    return true;
}

void target_close(struct target *target)
{
    free(target);
}

bool target_address(void *target_, const struct pg_asking *asking, struct pg_address *out_address,
                    struct error *err)
{
    const struct target *target = target_;
    const struct plan_database *database = &target->plan->database;
    bool verifies = database->tls == PLAN_TLS_VERIFY_FULL || database->tls == PLAN_TLS_VERIFY_CA;
    if (asking->refused) {
        *err = *asking->refused;
        return false;
    }
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
