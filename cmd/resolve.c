/* postlude resolve: what a person says of one migration. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/origin.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "engine/engine.h"
#include "target/target.h"

static const struct action {
    enum option option;
    enum ledger_action action;
    const char *name;
    const char *next; /* what it means for the next run */
} actions[] = {
    {OPTION_APPLIED, LEDGER_SET_APPLIED, "applied", "The next run goes on behind it."},
    {OPTION_RETRY, LEDGER_RETRY, "retry",
     "The next run does again what was in flight, and goes on behind what is done."},
    {OPTION_SKIP, LEDGER_SKIP, "skip", "No run will apply it; the next one goes on behind it."},
    {OPTION_ACCEPT, LEDGER_ACCEPT, "accept",
     "Its file, as it is now, counts as what was applied; nothing of it was run."},
};

struct resolve {
    const struct settings *settings;
    const struct action *action; /* NULL: none, or several, were given */
    struct trigger *trigger;
    struct plan *plan;
    struct target *target;
    struct outcome *outcome;
    struct engine *engine;
    struct engine_resolution resolution;
    struct aws aws;
    bool expanded;        /* the plan's report section is */
    struct error refusal; /* what a run would be told now; kind ERROR_NONE: nothing */
};

static bool read_action(struct resolve *resolve, struct error *err)
{
    const struct settings *settings = resolve->settings;
    size_t count = 0;
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (settings_on(settings, actions[i].option)) {
            resolve->action = &actions[i];
            count++;
        }
    }
    if (count != 1) {
        resolve->action = NULL;
        error_set(err, ERROR_INVALID,
                  count ? "\"resolve\" was told several things at once"
                        : "\"resolve\" was not told what became of \"%s\"",
                  settings->argument);
        return error_hint(err, "Give one of --applied, --retry, --skip and --accept: \"postlude "
                               "--help\" says what they mean.");
    }
    if (text_empty(settings->values[OPTION_REASON])) {
        error_set(err, ERROR_INVALID, "\"resolve\" needs a reason");
        return error_hint(err, "Give it by --reason TEXT or POSTLUDE_REASON: the ledger keeps it.");
    }
    return true;
}

/* By hand, whatever event the task's variables still tell of. */
static bool read_trigger(struct resolve *resolve, struct error *err)
{
    const struct settings *settings = resolve->settings;
    const struct trigger_input input = {.reason = settings->values[OPTION_REASON],
                                        .by = settings->values[OPTION_BY]};
    if (!trigger_read(&input, &resolve->trigger, err)) {
        return false;
    }
    resolve->outcome->trigger_kind = memory_text(trigger_name(resolve->trigger->kind));
    resolve->outcome->reason = memory_text(resolve->trigger->reason);
    resolve->outcome->by = memory_text(resolve->trigger->by);
    return true;
}

/* Where topic and rules are not to be known, as on somebody's own machine, nobody is told. */
static void learn_topic(struct resolve *resolve)
{
    AUTO(findings) struct findings findings = {0};
    plan_expand(resolve->plan, PLAN_SECTION_REPORT, resolve->settings->env, &findings);
    struct error err;
    resolve->expanded = !findings_error(&findings, ERROR_INVALID, &err);
    if (!resolve->expanded) {
        log_trouble(LOG_DEBUG, "the plan's report section has no effect", &err);
    }
}

static struct report report_of(struct resolve *resolve)
{
    return (struct report){
        .settings = resolve->settings,
        .rules = resolve->expanded ? &resolve->plan->report : NULL,
        .aws = &resolve->aws,
        .engine = resolve->engine,
        .outcome = resolve->outcome,
    };
}

static bool carry_out(struct resolve *resolve, struct error *err)
{
    const struct settings *settings = resolve->settings;
    if (!read_action(resolve, err) || !read_trigger(resolve, err) ||
        !load_plan(settings, &resolve->plan, err)) {
        return false;
    }
    resolve->outcome->plan = memory_text(resolve->plan->name);
    learn_topic(resolve);
    origin_learn(&resolve->aws, &settings->stop, resolve->outcome);
    if (!target_open(resolve->plan, settings->env, &resolve->aws, &resolve->target, err)) {
        return false;
    }
    const struct engine_request request = {
        .plan = resolve->plan,
        .trigger = resolve->trigger,
        .address = target_address,
        .address_context = resolve->target,
        .stop = &settings->stop,
        .deadline = deadline_in(resolve->plan->run.deadline_ms),
        .env = settings->env,
    };
    if (!engine_open(&request, resolve->outcome, &resolve->engine, err)) {
        return false;
    }
    bool ok = engine_resolve(resolve->engine, settings->argument, resolve->action->action,
                             &resolve->resolution, err);
    const struct report report = report_of(resolve);
    engine_keep(resolve->engine, report_due(&report));
    if (!ok) {
        return false;
    }
    const struct ledger *ledger = engine_ledger(resolve->engine);
    AUTO(decide) struct decision *decision = decide(resolve->plan, ledger, NULL);
    struct error refusal;
    if (!decide_check(decision, resolve->plan, ledger, &refusal)) {
        resolve->refusal = refusal;
    }
    return true;
}

static json_t *resolve_json(const struct resolve *resolve, const struct error *error)
{
    const struct outcome *outcome = resolve->outcome;
    json_t *document = json_object();
    if (!document) {
        memory_die();
    }
    (void)json_object_set_new(document, "schema", json_string("postlude.resolve/1"));
    (void)json_object_set_new(document, "exit_code", json_integer(error_exit_code(error->kind)));
    (void)json_object_set_new(document, "plan", json_optional(outcome->plan));
    (void)json_object_set_new(document, "id", json_optional(resolve->settings->argument));
    (void)json_object_set_new(document, "action",
                              json_optional(resolve->action ? resolve->action->name : NULL));
    (void)json_object_set_new(document, "former", json_optional(resolve->resolution.former));
    (void)json_object_set_new(document, "state", json_optional(resolve->resolution.state));
    (void)json_object_set_new(document, "run_id", json_string(outcome->run_id));
    (void)json_object_set_new(document, "note", json_optional(outcome->note));
    (void)json_object_set_new(document, "refusal", answer_error_object(&resolve->refusal));
    (void)json_object_set_new(document, "error", answer_error_object(error));
    return document;
}

static void resolve_text(const struct resolve *resolve, size_t width, struct buf *out)
{
    AUTO(buf) struct buf line = buf_make(4096);
    buf_format(&line, "%s: %s", resolve->plan->name, resolve->outcome->note);
    answer_wrap(line.data, width, "", "  ", out);
    if (resolve->refusal.kind == ERROR_NONE) {
        answer_wrap(resolve->action->next, width, "", "  ", out);
        return;
    }
    buf_truncate(&line, 0);
    buf_format(&line, "A run would end \"%s\": %s", error_name(resolve->refusal.kind),
               resolve->refusal.message);
    answer_wrap(line.data, width, "", "  ", out);
    answer_wrap(resolve->refusal.hint, width, "  hint: ", "        ", out);
}

static int answer(const struct resolve *resolve, const struct error *error)
{
    const struct settings *settings = resolve->settings;
    AUTO(buf) struct buf text = buf_make(65536);
    if (settings->json) {
        AUTO(json) json_t *document = resolve_json(resolve, error);
        return answer_json(document);
    }
    if (error->kind != ERROR_NONE) {
        answer_describe(error, settings->width, &text);
        (void)fputs(text.data, stderr);
        return 0;
    }
    resolve_text(resolve, settings->width, &text);
    return answer_text(&text);
}

int cmd_resolve(const struct settings *settings)
{
    struct resolve resolve = {
        .settings = settings, .outcome = outcome_new(), .aws = aws_open(settings->env)};
    struct error err;
    struct error failed = {0};
    uuid_make(resolve.outcome->run_id);
    log_run_id(resolve.outcome->run_id);
    resolve.outcome->started_ms = clock_wall_ms();
    if (!carry_out(&resolve, &err)) {
        failed = err;
    }
    int code = error_exit_code(failed.kind);
    int written = answer(&resolve, &failed);
    /* Of what was refused before it began, whoever asked for it knows. */
    bool kept = resolve.engine && engine_kept(resolve.engine);
    const struct report report = report_of(&resolve);
    bool published = !kept || report_publish(&report);
    code = code || published ? code : error_exit_code(ERROR_UNDELIVERED);
    engine_close(resolve.engine);
    target_close(resolve.target);
    plan_free(resolve.plan);
    trigger_free(resolve.trigger);
    outcome_free(resolve.outcome);
    aws_close(&resolve.aws);
    return code ? code : written;
}
