#include "cmd/load.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

static const char *const plan_defaults[] = {"postlude.yaml", "/etc/postlude/postlude.yaml"};

bool load_has_event(const struct settings *settings)
{
    return settings_on(settings, OPTION_EVENT) || env_any(settings->env, "POSTLUDE_EVENT") ||
           env_any(settings->env, "POSTLUDE_SCHEDULE");
}

bool load_is_event(const char *word)
{
    const char *first = word + (text_starts(word, "\xEF\xBB\xBF") ? 3 : 0);
    first += strspn(first, " \t\r\n");
    return *first == '{' || *first == '[' || *first == '<' || *first == '"' || !*first;
}

/* Fills input->event from --event or POSTLUDE_EVENT; text holds what had to be read. */
static bool load_event_text(const struct settings *settings, struct buf *text,
                            struct trigger_input *input, struct error *err)
{
    const char *word = settings->values[OPTION_EVENT];
    if (!word) {
        input->event = env_get(settings->env, "POSTLUDE_EVENT");
        input->event_name = "POSTLUDE_EVENT";
    } else if (load_is_event(word)) {
        input->event = word;
        input->event_name = "--event";
    } else if (file_read_input(word, text, err)) {
        input->event = text->data;
        input->event_length = text->length;
        input->event_name = strcmp(word, "-") == 0 ? "standard input" : word;
        return true;
    } else if (strcmp(err->code, "EFBIG") == 0) {
        return error_set(err, ERROR_REFUSED, "the event is larger than the limit of %d bytes",
                         TRIGGER_EVENT_MAX);
    } else {
        error_wrap(err, "--event");
        return error_hint(err, "--event takes a file, - for standard input, or the JSON itself.");
    }
    input->event_length = input->event ? strlen(input->event) : 0;
    return true;
}

static void load_scalars(const struct env *env, struct trigger_input *input)
{
    input->detail_type = env_get(env, "POSTLUDE_EVENT_DETAIL_TYPE");
    input->source = env_get(env, "POSTLUDE_EVENT_SOURCE");
    input->id = env_get(env, "POSTLUDE_EVENT_ID");
    input->time = env_get(env, "POSTLUDE_EVENT_TIME");
    input->account = env_get(env, "POSTLUDE_EVENT_ACCOUNT");
    input->region = env_get(env, "POSTLUDE_EVENT_REGION");
    input->pipeline = env_get(env, "POSTLUDE_EVENT_PIPELINE");
    input->execution_id = env_get(env, "POSTLUDE_EVENT_EXECUTION_ID");
    input->state = env_get(env, "POSTLUDE_EVENT_STATE");
    input->attempt = env_get(env, "POSTLUDE_EVENT_ATTEMPT");
    input->version = env_get(env, "POSTLUDE_EVENT_VERSION");
    input->stage = env_get(env, "POSTLUDE_EVENT_STAGE");
    input->schedule_arn = env_get(env, "POSTLUDE_SCHEDULE_ARN");
    input->scheduled_time = env_get(env, "POSTLUDE_SCHEDULED_TIME");
    input->scalars = env_any(env, "POSTLUDE_EVENT_") || env_any(env, "POSTLUDE_SCHEDULE");
}

bool load_trigger(const struct settings *settings, struct trigger **out_trigger, struct error *err)
{
    const struct env *env = settings->env;
    struct trigger_input input = {
        .on_ecs = env_value(env, "ECS_CONTAINER_METADATA_URI_V4") ||
                  env_value(env, "ECS_CONTAINER_METADATA_URI"),
        .reason = settings->values[OPTION_REASON],
        .by = settings->values[OPTION_BY],
    };
    AUTO(buf) struct buf text = buf_make(TRIGGER_EVENT_MAX + 1);
    load_scalars(env, &input);
    return load_event_text(settings, &text, &input, err) && trigger_read(&input, out_trigger, err);
}

bool load_plan_path(const struct settings *settings, const char **out_path, struct error *err)
{
    const char *given = settings->values[OPTION_PLAN];
    given = text_empty(given) ? NULL : given;
    for (size_t i = 0; i < COUNT(plan_defaults) && !given; i++) {
        given = file_exists(plan_defaults[i]) ? plan_defaults[i] : NULL;
    }
    if (!given) {
        error_set(err, ERROR_INVALID, "no plan: neither %s nor %s is there", plan_defaults[0],
                  plan_defaults[1]);
        return error_hint(err, "Give it by --plan FILE or POSTLUDE_PLAN. In an image the plan and "
                               "its SQL files are usually copied to /etc/postlude/.");
    }
    *out_path = given;
    return true;
}

bool load_plan(const struct settings *settings, struct plan **out_plan, struct error *err)
{
    const char *path = NULL;
    *out_plan = NULL;
    if (!load_plan_path(settings, &path, err)) {
        return false;
    }
    AUTO(findings) struct findings findings = {0};
    *out_plan = plan_load(path, &findings);
    if (findings_error(&findings, ERROR_INVALID, err)) {
        return false;
    }
    for (size_t i = 0; i < findings.count; i++) {
        log_debug(findings.items[i].message, LOG_TEXT("file", findings.items[i].file),
                  LOG_NUMBER("line", findings.items[i].line));
    }
    return *out_plan ||
           error_set(err, ERROR_INTERNAL, "the plan could not be read, without a reason");
}
