#include "outcome/emf.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { VALUE_MAX = 256 };

/* One line on its way. */
struct emf {
    json_t *root;
    json_t *metrics; /* of the directive; borrowed */
};

static void put_text(const struct emf *emf, const char *key, const char *text)
{
    if (!text_empty(text)) {
        AUTO(buf) struct buf kept = buf_make(VALUE_MAX);
        buf_add(&kept, text, text_cut(text, strlen(text), VALUE_MAX));
        json_put(emf->root, key, json_safe(kept.data));
    }
}

static void put_metric(const struct emf *emf, const char *name, const char *unit, int64_t value)
{
    json_append(emf->metrics, json_pack("{s:s, s:s}", "Name", name, "Unit", unit));
    json_put(emf->root, name, json_integer(value));
}

/* Both sets, or only that without a dimension. */
static json_t *dimensions(bool by_plan)
{
    json_t *sets = json_made(json_array());
    if (by_plan) {
        json_append(sets, json_pack("[s]", "plan"));
    }
    json_append(sets, json_array());
    return sets;
}

static struct emf begin(const struct outcome *outcome)
{
    struct emf emf = {.root = json_made(json_object()), .metrics = json_made(json_array())};
    json_t *directive = json_made(json_object());
    json_t *directives = json_made(json_array());
    json_t *head = json_made(json_object());
    json_put(directive, "Namespace", json_string("postlude"));
    json_put(directive, "Dimensions", dimensions(!text_empty(outcome->plan)));
    json_put(directive, "Metrics", emf.metrics);
    json_append(directives, directive);
    json_put(head, "Timestamp", json_integer(outcome->finished_ms));
    json_put(head, "CloudWatchMetrics", directives);
    json_put(emf.root, "_aws", head);
    return emf;
}

/* Nothing is known of a database that was not seen; where anything was counted, it was. */
static bool saw_migrations(const struct outcome *outcome)
{
    return outcome->kind != OUTCOME_ERROR || outcome->applied_count || outcome->already_applied ||
           outcome->pending_count;
}

json_t *outcome_emf(const struct outcome *outcome)
{
    struct emf emf = begin(outcome);
    int64_t took = outcome->finished_ms - outcome->started_ms;
    put_text(&emf, "plan", outcome->plan);
    put_metric(&emf, "duration", "Milliseconds", took > 0 ? took : 0);
    if (saw_migrations(outcome)) {
        put_metric(&emf, "applied", "Count", (int64_t)outcome->applied_count);
        put_metric(&emf, "pending", "Count", (int64_t)outcome->pending_count);
    }
    put_metric(&emf, "failed", "Count", outcome->kind == OUTCOME_ERROR);
    put_text(&emf, "outcome", outcome_name(outcome));
    json_put(emf.root, "exit_code", json_integer(outcome_exit_code(outcome)));
    put_text(&emf, "trigger", outcome->trigger_kind);
    put_text(&emf, "pipeline", outcome->pipeline);
    put_text(&emf, "stage", outcome->stage);
    put_text(&emf, "execution_id", outcome->execution_id);
    return emf.root;
}

bool outcome_emf_wanted(const struct outcome *outcome)
{
    return outcome->kind != OUTCOME_IGNORED && !outcome->dry_run;
}
