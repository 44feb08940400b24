/*
 * What the Python tests of the plan look at: "keys" prints the parser's table as JSON, "load FILE"
 * the findings of a plan and what it came to.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/finding.h"
#include "base/json.h"
#include "plan/keys.h"
#include "plan/plan.h"

static const char *type_name(enum plan_type type)
{
    switch (type) {
    case PLAN_TYPE_TEXT:
    case PLAN_TYPE_SECRET:
        return "text";
    case PLAN_TYPE_INTEGER:
        return "integer";
    case PLAN_TYPE_BOOLEAN:
        return "boolean";
    case PLAN_TYPE_DURATION:
        return "duration";
    case PLAN_TYPE_WORD:
    case PLAN_TYPE_EITHER:
        return "word";
    case PLAN_TYPE_LIST:
        return "list";
    case PLAN_TYPE_COMMAND:
        return "command";
    case PLAN_TYPE_SECTION:
        return "section";
    case PLAN_TYPE_ENTRIES:
        return "entries";
    }
    return "?";
}

/* The entry that a key belongs to; "" = both. */
static const char *side_name(enum plan_side side)
{
    switch (side) {
    case PLAN_SIDE_FILE:
        return "file";
    case PLAN_SIDE_COMMAND:
        return "command";
    case PLAN_SIDE_BOTH:
        break;
    }
    return "";
}

static json_t *words_of(const struct plan_key *key)
{
    json_t *words = json_array();
    for (size_t i = 0; key->words && key->words[i]; i++) {
        (void)json_array_append_new(words, json_string(key->words[i]));
    }
    return words;
}

static void print(json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_INDENT(1));
    (void)puts("");
    json_decref(value);
}

static int print_keys(void)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        json_t *row = json_pack("{ss ss ss ss sb ss? so sI sI sb}", "section", key->section, "name",
                                key->name, "type", type_name(key->type), "side",
                                side_name(key->side), "required", key->required, "default",
                                key->fallback, "words", words_of(key), "min", (json_int_t)key->min,
                                "max", (json_int_t)key->max, "expands", plan_key_expands(key) != 0);
        (void)json_array_append_new(keys, row);
    }
    print(keys);
    return 0;
}

static int print_plan(const char *path)
{
    AUTO(findings) struct findings findings = {0};
    AUTO(plan) struct plan *plan = plan_load(path, &findings);
    json_t *list = json_array();
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *each = &findings.items[i];
        (void)json_array_append_new(
            list, json_pack("{ss ss si si ss ss}", "level",
                            each->level == FINDING_ERROR ? "error" : "warning", "file", each->file,
                            "line", (int)each->line, "column", (int)each->column, "message",
                            each->message, "hint", each->hint));
    }
    json_t *ids = json_array();
    for (size_t i = 0; plan && i < plan->migration_count; i++) {
        (void)json_array_append_new(ids, json_string(plan->migrations[i].id));
    }
    print(json_pack("{so so}", "findings", list, "ids", ids));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "keys") == 0) {
        return print_keys();
    }
    if (argc == 3 && strcmp(argv[1], "load") == 0) {
        return print_plan(argv[2]);
    }
    (void)fprintf(stderr, "usage: plan_tool keys | load FILE\n");
    return 2;
}
