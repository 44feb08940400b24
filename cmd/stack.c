#include "cmd/stack.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "deliver/cloudformation.h"

enum { ANSWER_MS = 120000, NAME_SIZE = 256, MARGIN = 12 };

void stack_conceal(int argc, char **argv, struct env *env)
{
    char name[NAME_SIZE];
    for (size_t i = 0; env_name(env, i, name, sizeof name); i++) {
        if (trigger_holds_url(env_get(env, name))) {
            env_conceal(env, name);
        }
    }
    for (int i = 1; i < argc; i++) {
        if (trigger_holds_url(argv[i])) {
            char *original = argv[i];
            argv[i] = memory_text(original);
            memset(original, ' ', strlen(original));
        }
    }
}

bool stack_check(const struct trigger *trigger, struct error *err)
{
    if (!trigger->request) {
        return true;
    }
    const struct error *wrong = &trigger->request->wrong;
    if (wrong->kind != ERROR_NONE && !secret_is_set(&trigger->request->response_url)) {
        *err = *wrong;
        return false;
    }
    if (!deliver_answer_check(trigger, err)) {
        return false;
    }
    if (wrong->kind != ERROR_NONE) {
        *err = *wrong;
    }
    return wrong->kind == ERROR_NONE;
}

const char *stack_prospect(const struct trigger *trigger)
{
    struct error ignored;
    if (!trigger->request || !deliver_answer_check(trigger, &ignored)) {
        return NULL;
    }
    if (trigger->request->type == TRIGGER_REQUEST_DELETE) {
        return "SUCCESS";
    }
    return trigger->request->wrong.kind == ERROR_NONE ? "SUCCESS or FAILED" : "FAILED";
}

int64_t stack_deadline_ms(const struct trigger *trigger, int64_t since_start_ms, int64_t plan_ms)
{
    if (!trigger->request) {
        return plan_ms;
    }
    int64_t waits_ms = trigger->request->timeout_ms;
    int64_t left_ms = waits_ms - waits_ms / MARGIN - since_start_ms;
    left_ms = left_ms > 0 ? left_ms : 0;
    return left_ms < plan_ms ? left_ms : plan_ms;
}

/* What somebody has to send who answers by hand; the URL is in the request, and stays there. */
static void log_by_hand(const struct trigger *trigger, const struct outcome *outcome)
{
    AUTO(buf) struct buf body = buf_make(DELIVER_ANSWER_MAX);
    deliver_answer_render(trigger->request, outcome, &body);
    log_error("CloudFormation goes on waiting until ServiceTimeout, an hour unless it says less; "
              "to end that, send it this answer: curl -X PUT -H Content-Type: --data-binary "
              "@answer.json RESPONSE-URL",
              LOG_TEXT("answer", body.data));
}

bool stack_answer(const struct settings *settings, const struct trigger *trigger,
                  const struct outcome *outcome, struct aws *aws)
{
    if (!trigger || !trigger->request) {
        return true;
    }
    if (outcome->dry_run) {
        log_warn("a dry run answers no stack: CloudFormation goes on waiting");
        return true;
    }
    const struct deliver_means means = {
        .aws = aws,
        .stop = &settings->stop,
        .deadline = deadline_in(ANSWER_MS),
    };
    struct error err;
    if (deliver_answer(trigger, outcome, &means, &err)) {
        log_info("stack answered", LOG_TEXT("stack", trigger->request->stack),
                 LOG_QUIET_TEXT("logical_id", trigger->request->logical_id));
        return true;
    }
    /* A URL that may not be answered is what such a run was refused for, and told already. */
    if (err.kind == ERROR_UNDELIVERED || strcmp(err.message, outcome->error.message) != 0) {
        log_trouble(LOG_ERROR, NULL, &err);
    }
    if (err.kind == ERROR_UNDELIVERED) {
        log_by_hand(trigger, outcome);
    }
    return false;
}
