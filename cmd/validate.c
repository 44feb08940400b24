/* postlude validate: every finding about plan, SQL files and event, without a network. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/stack.h"
#include "cmd/verbs.h"
#include "confirm/confirm.h"
#include "engine/admit.h"
#include "engine/inspect.h"

struct validation {
    struct findings findings;
    struct plan *plan;
    struct error event;  /* what is wrong with the event */
    const char *verdict; /* what would become of the event: "run", "ignored", or NULL */
    char *why;           /* why it would be ignored */
    bool asked_about;    /* CodePipeline would be asked about it first */
    const char *told;    /* what its stack would be told, or NULL */
};

static void validate_plan(const struct settings *settings, struct validation *validation)
{
    const char *path = NULL;
    struct error err;
    if (!load_plan_path(settings, &path, &err)) {
        finding_add_error(&validation->findings, &err);
        return;
    }
    validation->plan = plan_load(path, &validation->findings);
    if (!validation->plan) {
        return;
    }
    plan_check_variables(validation->plan,
                         PLAN_SECTION_TRIGGER | PLAN_SECTION_DATABASE | PLAN_SECTION_REPORT,
                         settings->env, &validation->findings);
    for (size_t i = 0; i < validation->plan->migration_count; i++) {
        inspect_migration(validation->plan, &validation->plan->migrations[i], &validation->findings,
                          NULL);
    }
}

static bool admit(const struct settings *settings, struct validation *validation,
                  const struct trigger *trigger, struct error *err)
{
    AUTO(buf) struct buf why = buf_make(1024);
    enum admit_verdict verdict = ADMIT_RUN;
    AUTO(findings) struct findings findings = {0};
    plan_expand(validation->plan, PLAN_SECTION_TRIGGER, settings->env, &findings);
    if (findings_error(&findings, ERROR_INVALID, err) ||
        !engine_admit(trigger, &validation->plan->trigger, clock_wall_ms(), &verdict, &why, err)) {
        return false;
    }
    validation->verdict = verdict == ADMIT_RUN ? "run" : "ignored";
    validation->asked_about =
        verdict == ADMIT_RUN && confirm_wanted(trigger, &validation->plan->trigger);
    validation->why = memory_text(why.length ? why.data : NULL);
    return true;
}

static void validate_event(const struct settings *settings, struct validation *validation)
{
    if (!load_has_event(settings)) {
        return;
    }
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err;
    bool ok = load_trigger(settings, &trigger, &err);
    if (ok) {
        validation->told = stack_prospect(trigger);
        ok = stack_check(trigger, &err);
    }
    if (ok && trigger->ignored) {
        validation->verdict = "ignored";
        validation->why = memory_text(trigger->ignored);
    } else if (ok && validation->plan && validation->findings.errors == 0) {
        ok = admit(settings, validation, trigger, &err);
    }
    if (!ok) {
        validation->event = err;
        validation->verdict = "refused";
    }
}

static json_t *finding_json(const struct finding *finding)
{
    json_t *object = json_object();
    if (!object) {
        memory_die();
    }
    (void)json_object_set_new(object, "level",
                              json_string(finding->level == FINDING_ERROR ? "error" : "warning"));
    (void)json_object_set_new(object, "file", json_optional(finding->file));
    (void)json_object_set_new(object, "line",
                              finding->line ? json_integer(finding->line) : json_null());
    (void)json_object_set_new(object, "column",
                              finding->column ? json_integer(finding->column) : json_null());
    (void)json_object_set_new(object, "message", json_safe(finding->message));
    (void)json_object_set_new(object, "hint", json_optional(finding->hint));
    return object;
}

static json_t *validation_json(const struct validation *validation, int code)
{
    const struct findings *findings = &validation->findings;
    json_t *document = json_object();
    json_t *list = json_array();
    if (!document || !list) {
        memory_die();
    }
    for (size_t i = 0; i < findings->count; i++) {
        (void)json_array_append_new(list, finding_json(&findings->items[i]));
    }
    const struct plan *plan = validation->plan;
    (void)json_object_set_new(document, "schema", json_string("postlude.validate/1"));
    (void)json_object_set_new(document, "exit_code", json_integer(code));
    (void)json_object_set_new(document, "plan", json_optional(plan ? plan->name : NULL));
    (void)json_object_set_new(document, "migrations",
                              json_integer(plan ? (json_int_t)plan->migration_count : 0));
    (void)json_object_set_new(document, "findings", list);
    (void)json_object_set_new(document, "event", json_optional(validation->verdict));
    (void)json_object_set_new(document, "error", answer_error_object(&validation->event));
    (void)json_object_set_new(document, "stack_told", json_optional(validation->told));
    return document;
}

static void show_finding(const struct finding *finding, size_t width, struct buf *out)
{
    AUTO(buf) struct buf line = buf_make(8192);
    buf_text(&line, finding->file);
    if (finding->line) {
        buf_format(&line, ":%u", finding->line);
    }
    if (finding->column) {
        buf_format(&line, ":%u", finding->column);
    }
    buf_format(&line, "%s%s: %s", *finding->file ? ": " : "",
               finding->level == FINDING_ERROR ? "error" : "warning", finding->message);
    answer_wrap(line.data, width, "", "    ", out);
    if (*finding->hint) {
        answer_wrap(finding->hint, width, "    hint: ", "          ", out);
    }
}

static void counted(struct buf *out, size_t count, const char *what)
{
    buf_format(out, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

static void validation_text(const struct validation *validation, size_t width, struct buf *out)
{
    const struct findings *findings = &validation->findings;
    for (size_t i = 0; i < findings->count; i++) {
        show_finding(&findings->items[i], width, out);
    }
    if (findings->dropped) {
        buf_format(out, "... and %zu more\n", findings->dropped);
    }
    if (validation->event.kind != ERROR_NONE) {
        answer_describe(&validation->event, width, out);
    } else if (validation->verdict) {
        AUTO(buf) struct buf line = buf_make(2048);
        buf_format(&line, "the event would be: %s%s%s", validation->verdict,
                   validation->why ? ", since " : "", validation->why ? validation->why : "");
        buf_text(&line, validation->asked_about
                            ? ", once CodePipeline has confirmed it (nobody was asked)"
                            : "");
        answer_wrap(line.data, width, "", "    ", out);
    }
    if (validation->told) {
        buf_format(out, "its stack would be told %s\n", validation->told);
    }
    buf_text(out, findings->count ? "\n" : "");
    if (validation->plan && validation->plan->name) {
        buf_format(out, "%s: ", validation->plan->name);
        counted(out, validation->plan->migration_count, "migration");
        buf_text(out, ", ");
    }
    counted(out, findings->errors, "error");
    buf_text(out, ", ");
    counted(out, findings->count + findings->dropped - findings->errors, "warning");
    buf_char(out, '\n');
}

int cmd_validate(const struct settings *settings)
{
    struct validation validation = {0};
    validate_plan(settings, &validation);
    validate_event(settings, &validation);
    int code = validation.findings.errors ? error_exit_code(ERROR_INVALID)
                                          : error_exit_code(validation.event.kind);
    int written = 0;
    if (settings->json) {
        AUTO(json) json_t *document = validation_json(&validation, code);
        written = answer_json(document);
    } else {
        AUTO(buf) struct buf text = buf_make(4U * 1024 * 1024);
        validation_text(&validation, settings->width, &text);
        written = answer_text(&text);
    }
    findings_free(&validation.findings);
    plan_free(validation.plan);
    free(validation.why);
    return code ? code : written;
}
