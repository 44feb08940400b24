#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "plan/files.h"
#include "plan/keys.h"
#include "plan/parse.h"
#include "plan/spot.h"
#include "plan/value.h"

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return memory_text(".");
    }
    return slash == path ? memory_text("/") : memory_text_n(path, (size_t)(slash - path));
}

static bool read_plan(const char *path, struct buf *out, struct findings *findings)
{
    struct error err;
    if (file_read_input(path, out, &err)) {
        return true;
    }
    struct finding *fresh = finding_add(findings, FINDING_ERROR, path, 0, 0, "%s", err.message);
    finding_hint(fresh, strcmp(err.code, "EFBIG") == 0
                            ? "A plan is 1 MiB at most; use globs for the migrations."
                            : "Name the plan with --plan or POSTLUDE_PLAN.");
    return false;
}

struct plan *plan_load(const char *path, struct findings *findings)
{
    struct buf text = buf_make(PLAN_SIZE_MAX);
    AUTO(plan_entries) struct plan_entries entries = {0};
    struct plan *plan = NULL;
    if (read_plan(path, &text, findings)) {
        plan = plan_parse(text.data, text.length, path, &entries, findings);
    }
    buf_wipe(&text);
    if (plan) {
        struct plan_spot spot = {.findings = findings, .file = plan->path};
        plan->folder = folder_of(path);
        plan_files_find(plan, &entries, &spot);
    }
    return plan;
}

void plan_place(const struct plan *plan, const struct plan_migration *migration, struct buf *out)
{
    if (migration->command) {
        buf_format(out, "%s:%u:%u", plan->path, migration->line, migration->column);
    } else {
        buf_text(out, migration->file);
    }
}

static void free_text(struct plan_text *text)
{
    if (text->text) {
        explicit_bzero(text->text, strlen(text->text));
    }
    free(text->text);
}

static void free_list(struct plan_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free_text(&list->items[i]);
    }
    free(list->items);
}

static void free_texts(struct plan *plan)
{
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        if (key->text_at && key->type == PLAN_TYPE_LIST) {
            free_list(plan_value_list(key, plan));
        } else if (key->text_at) {
            free_text(plan_value_text(key, plan));
        }
    }
}

void plan_free(struct plan *plan)
{
    if (!plan) {
        return;
    }
    free_texts(plan);
    secret_clear(&plan->database.password);
    for (size_t i = 0; i < plan->migration_count; i++) {
        plan_migration_clear(&plan->migrations[i]);
    }
    free(plan->migrations);
    free(plan->path);
    free(plan->folder);
    free(plan->name);
    free(plan);
}
