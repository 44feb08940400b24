#include "base/log.h"
#include "base/memory.h"
#include "engine/gate.h"
#include "engine/internal.h"

void engine_check(struct engine *engine, struct outcome *outcome, struct ledger_recent *out_recent)
{
    const struct engine_request *request = &engine->request;
    struct error err;
    AUTO(decide) struct decision *decision = decide(request->plan, engine->ledger, NULL);
    outcome->already_applied = decision->applied_count;
    engine_fill_lists(outcome, request->plan, decision);
    *out_recent = (struct ledger_recent){0};
    if (gate_judge(decision, request->plan, engine->ledger, &err)) {
        if (decision->stranger_count) {
            outcome->note = memory_text("the database has migrations that this plan does not: "
                                        "right for an older image");
        }
        return;
    }
    outcome_fail(outcome, &err);
    if (engine->ledger->exists &&
        !ledger_read_recent(engine->pg, request->plan->name, request->deadline, out_recent, &err)) {
        log_trouble(LOG_DEBUG, "how the last run ended could not be read", &err);
    }
}
