#include "plan/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/entries.h"
#include "plan/keys.h"
#include "plan/login.h"
#include "plan/member.h"
#include "plan/node.h"
#include "plan/value.h"

static const char *const sections[] = {"trigger", "database", "run", "report"};

static void missing(const struct plan_key *key, const struct plan_spot *spot)
{
    struct finding *fresh = plan_error(spot, "%s is missing", plan_key_name(key).text);
    if (key->example) {
        finding_hint(fresh, "Add a line like this: %s: %s", key->name, key->example);
    } else {
        finding_hint(fresh, "Add it as in config/plan.example.yaml.");
    }
}

/* What the section (NULL = absent) does not say: a default, or a finding. */
static void complete(struct plan *plan, const char *section, const struct plan_node *node,
                     const struct plan_spot *spot)
{
    struct plan_spot at =
        plan_spot_at(spot, node ? node->key_line : 0, node ? node->key_column : 0);
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        if (strcmp(key->section, section) != 0) {
            continue;
        }
        if (!node || !plan_node_get(node, key->name)) {
            plan_value_fallback(key, plan);
            if (key->required && node) {
                missing(key, &at);
            }
        }
    }
}

static void parse_members(struct plan *plan, const char *section, const struct plan_node *node,
                          const struct plan_spot *spot)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct plan_node *member = &node->items[i];
        const struct plan_key *key = plan_key_find(section, member->key);
        if (key) {
            plan_member_read(key, member, plan, spot);
        } else {
            struct plan_spot at = plan_spot_at(spot, member->key_line, member->key_column);
            plan_key_unknown(section, member->key, &at);
        }
    }
}

static void parse_section(struct plan *plan, const char *section, const struct plan_node *root,
                          const struct plan_spot *spot)
{
    const struct plan_node *node = plan_node_get(root, section);
    bool mapping = node && plan_member_is(plan_key_find("", section), node, PLAN_NODE_MAP, spot);
    if (mapping) {
        parse_members(plan, section, node, spot);
    }
    complete(plan, section, mapping ? node : NULL, spot);
    if (mapping && strcmp(section, "database") == 0) {
        plan->database.line = node->key_line;
        plan->database.column = node->key_column;
        plan_login_check(plan, spot);
    }
}

static void parse_top(struct plan *plan, const struct plan_node *root, const struct plan_spot *spot)
{
    for (size_t i = 0; i < root->count; i++) {
        const struct plan_node *member = &root->items[i];
        const struct plan_key *key = plan_key_find("", member->key);
        if (!key) {
            struct plan_spot at = plan_spot_at(spot, member->key_line, member->key_column);
            plan_key_unknown("", member->key, &at);
        } else if (key->type != PLAN_TYPE_SECTION && key->type != PLAN_TYPE_ENTRIES) {
            plan_member_read(key, member, plan, spot);
        }
    }
    complete(plan, "", root, spot);
}

/* Contract, section 3: whatever the plan does not limit is admitted. */
static void warn_open(const struct plan *plan, const struct plan_node *root,
                      const struct plan_spot *spot)
{
    const struct plan_node *node = plan_node_get(root, "trigger");
    const char *open[3];
    size_t count = 0;
    if (!plan->trigger.pipelines.present) {
        open[count++] = "pipeline";
    }
    if (!plan->trigger.accounts.present) {
        open[count++] = "account";
    }
    if (!plan->trigger.regions.present) {
        open[count++] = "region";
    }
    if (count == 0 || (node && node->kind != PLAN_NODE_MAP)) {
        return;
    }
    struct plan_spot at =
        plan_spot_at(spot, node ? node->key_line : 0, node ? node->key_column : 0);
    struct finding *fresh = plan_warning(
        &at, "\"trigger\" admits events of every %s%s%s%s%s", open[0],
        count == 3   ? ", "
        : count == 2 ? " and "
                     : "",
        count > 1 ? open[1] : "", count == 3 ? " and " : "", count == 3 ? open[2] : "");
    finding_hint(fresh, "Limit it with \"%ss%s%s%s%s\".", open[0],
                 count == 3   ? "\", \""
                 : count == 2 ? "\" and \""
                              : "",
                 count > 1 ? open[1] : "", count > 1 ? "s" : "",
                 count == 3 ? "\" and \"regions" : "");
}

/* A role that nobody asks as, as far as the plan tells without variables. */
static void warn_idle_role(const struct plan *plan, const struct plan_spot *spot)
{
    const struct plan_text *role = &plan->trigger.assume_role;
    if (!role->text || plan->trigger.verify || plan->trigger.verify_text.pending) {
        return;
    }
    struct plan_spot at = plan_spot_at(spot, role->line, role->column);
    finding_hint(plan_warning(&at, "\"trigger.assume_role\" has no effect without "
                                   "\"trigger.verify: true\""),
                 "Add the line, or remove this one: the role is for that question only.");
}

/* The contract's default: the environment's name, if there is one, and the plan's. */
static void default_subject(struct plan *plan)
{
    struct plan_text *subject = &plan->report.subject;
    if (!subject->text && plan->name) {
        struct buf text = buf_make(200);
        buf_format(&text, "${POSTLUDE_ENV:-} %s", plan->name);
        *subject = (struct plan_text){.text = buf_take(&text), .pending = true};
        buf_free(&text);
    }
}

static bool is_mapping(const struct plan_node *root, const struct plan_spot *spot)
{
    if (root->kind == PLAN_NODE_MAP) {
        return true;
    }
    struct plan_spot at = plan_spot_at(spot, root->line, root->column);
    finding_hint(plan_error(&at, "plan is not a mapping"),
                 "A plan is made of \"key: value\" lines; start from config/plan.example.yaml.");
    return false;
}

struct plan *plan_parse(const char *text, size_t length, const char *path,
                        struct plan_entries *out_entries, struct findings *findings)
{
    struct plan_spot spot = {.findings = findings, .file = path};
    AUTO(plan_node) struct plan_node *root = plan_node_read(text, length, &spot);
    if (!root || !is_mapping(root, &spot)) {
        return NULL;
    }
    struct plan *plan = memory_new(1, sizeof *plan);
    plan->path = memory_text(path);
    plan->trigger.max_age_ms = -1;
    parse_top(plan, root, &spot);
    for (size_t i = 0; i < COUNT(sections); i++) {
        parse_section(plan, sections[i], root, &spot);
    }
    default_subject(plan);
    warn_open(plan, root, &spot);
    warn_idle_role(plan, &spot);
    const struct plan_node *migrations = plan_node_get(root, "migrations");
    if (migrations) {
        plan_entries_read(migrations, &plan->run, out_entries, &spot);
    }
    return plan;
}
