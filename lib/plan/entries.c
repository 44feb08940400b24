#include "plan/entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plan/command.h"
#include "plan/keys.h"
#include "plan/member.h"

static void add(struct plan_entries *entries, struct plan_migration *migration, bool glob,
                const struct plan_run *run)
{
    if (migration->lock_timeout_ms < 0) {
        migration->lock_timeout_ms = run->lock_timeout_ms;
    }
    if (migration->statement_timeout_ms < 0) {
        migration->statement_timeout_ms = run->statement_timeout_ms;
    }
    if (migration->retries < 0) {
        migration->retries = run->retries;
    }
    entries->items =
        memory_push(entries->items, entries->count, &entries->capacity, sizeof *entries->items);
    entries->items[entries->count++] = (struct plan_entry){.migration = *migration, .glob = glob};
    *migration = (struct plan_migration){0};
}

static struct plan_migration start(const struct plan_node *node)
{
    return (struct plan_migration){.line = node->line,
                                   .column = node->column,
                                   .lock_timeout_ms = -1,
                                   .statement_timeout_ms = -1,
                                   .retries = -1};
}

static void read_name(const struct plan_node *node, const struct plan_run *run,
                      struct plan_entries *entries, const struct plan_spot *spot)
{
    struct plan_spot at = plan_spot_at(spot, node->line, node->column);
    if (!*node->text) {
        finding_hint(plan_error(&at, "migration without a file name"),
                     "Write - 0001_create_orders.sql, or remove the line.");
    } else if (plan_member_plain("\"migrations\"", node, spot)) {
        struct plan_migration migration = start(node);
        migration.file = memory_text(node->text);
        add(entries, &migration, strpbrk(node->text, "*?["), run);
    }
}

/* Which kind of entry it is meant to be; "both" when it says so, or neither. */
static enum plan_side side_of(const struct plan_node *node)
{
    bool file = plan_node_get(node, "file");
    bool command = plan_node_get(node, "command");
    if (file == command) {
        return PLAN_SIDE_BOTH;
    }
    return file ? PLAN_SIDE_FILE : PLAN_SIDE_COMMAND;
}

static void read_member(const struct plan_node *member, enum plan_side side,
                        struct plan_migration *migration, const struct plan_spot *spot)
{
    const struct plan_key *key = plan_key_find("migrations", member->key);
    struct plan_spot at = plan_spot_at(spot, member->key_line, member->key_column);
    if (!key) {
        plan_key_unknown("migrations", member->key, &at);
    } else if (side != PLAN_SIDE_BOTH && key->side != PLAN_SIDE_BOTH && key->side != side) {
        finding_hint(plan_error(&at, "%s does not go with \"%s\"", plan_key_name(key).text,
                                side == PLAN_SIDE_FILE ? "file" : "command"),
                     "%s", key->astray);
    } else {
        plan_member_read(key, member, migration, spot);
    }
}

static void check_side(const struct plan_node *node, const struct plan_spot *spot)
{
    struct plan_spot at = plan_spot_at(spot, node->line, node->column);
    bool file = plan_node_get(node, "file");
    bool command = plan_node_get(node, "command");
    if (file && command) {
        finding_hint(plan_error(&at, "migration with \"file\" and \"command\""),
                     "Make it two entries, in the order in which they are to run.");
    } else if (!file && !command) {
        finding_hint(plan_error(&at, "migration without \"file\" or \"command\""),
                     "Write - file: 0001_create_orders.sql, and its settings under it.");
    } else if (command && !plan_node_get(node, "id")) {
        finding_hint(plan_error(&at, "command without \"id\""), "Add a line like this: id: seed");
    }
}

/* The engine starts no command that may have to be cut off. */
static void warn_never(const struct plan_node *timeout, const struct plan_spot *spot)
{
    struct plan_spot at = plan_spot_at(spot, timeout->line, timeout->column);
    finding_hint(plan_warning(&at,
                              "no run starts this command: its \"timeout\" is not shorter than "
                              "\"run.deadline\""),
                 "Shorten the one, or raise the other.");
}

static void read_map(const struct plan_node *node, const struct plan_run *run,
                     struct plan_entries *entries, const struct plan_spot *spot)
{
    struct plan_migration migration = start(node);
    enum plan_side side = side_of(node);
    for (size_t i = 0; i < node->count; i++) {
        read_member(&node->items[i], side, &migration, spot);
    }
    check_side(node, spot);
    const struct plan_node *verify = plan_node_get(node, "verify");
    if (verify) {
        migration.verify_line = verify->line;
        migration.verify_column = verify->column;
    }
    if (migration.timeout_ms > 0 && run->deadline_ms > 0 &&
        migration.timeout_ms >= run->deadline_ms) {
        warn_never(plan_node_get(node, "timeout"), spot);
    }
    bool whole = side == PLAN_SIDE_COMMAND ? migration.command && migration.id
                                           : side == PLAN_SIDE_FILE && migration.file;
    if (whole) {
        add(entries, &migration, false, run);
    }
    plan_migration_clear(&migration);
}

static void read_entry(const struct plan_node *node, const struct plan_run *run,
                       struct plan_entries *entries, const struct plan_spot *spot)
{
    struct plan_spot at = plan_spot_at(spot, node->line, node->column);
    switch (node->kind) {
    case PLAN_NODE_BAD:
        return;
    case PLAN_NODE_NULL:
        finding_hint(plan_error(&at, "migration without a file name"),
                     "Write - 0001_create_orders.sql, or remove the line.");
        return;
    case PLAN_NODE_LIST:
        finding_hint(plan_error(&at, "a migration is a file, a glob or a mapping, not a list"),
                     "Write each file behind a \"- \" of its own.");
        return;
    case PLAN_NODE_SCALAR:
        read_name(node, run, entries, spot);
        return;
    case PLAN_NODE_MAP:
        read_map(node, run, entries, spot);
        return;
    }
}

void plan_entries_read(const struct plan_node *node, const struct plan_run *run,
                       struct plan_entries *out_entries, const struct plan_spot *spot)
{
    if (!plan_member_is(plan_key_find("", "migrations"), node, PLAN_NODE_LIST, spot)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_entry(&node->items[i], run, out_entries, spot);
    }
}

void plan_migration_clear(struct plan_migration *migration)
{
    free(migration->id);
    free(migration->path);
    free(migration->file);
    plan_command_free(migration->command);
    free(migration->verify);
    free(migration->out_of_order);
    free(migration->dir);
    *migration = (struct plan_migration){0};
}

void plan_entries_free(struct plan_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        plan_migration_clear(&entries->items[i].migration);
    }
    free(entries->items);
    *entries = (struct plan_entries){0};
}
