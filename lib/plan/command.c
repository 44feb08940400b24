#include "plan/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "plan/checks.h"
#include "plan/member.h"

/* "sh", "/bin/bash": its arguments are its own to expand. */
static bool is_shell(const char *program)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"};
    const char *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;
    for (size_t i = 0; i < COUNT(shells); i++) {
        if (strcmp(name, shells[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* No shell is there, so that what is written for one reaches the program as it is. */
static void warn_item(const struct plan_node *item, const char *program, const struct plan_spot *at)
{
    if (strstr(item->text, "${") && !is_shell(program)) {
        finding_hint(
            plan_warning(at, "\"${\" in a command is not expanded"),
            "Write [sh, -c, \"...\"] with the command in the quotes; the shell expands it.");
    }
}

static bool check_program(const struct plan_key *key, const struct plan_node *node,
                          const struct plan_spot *spot)
{
    const struct plan_node *program = &node->items[0];
    struct plan_spot at = plan_spot_at(spot, program->line, program->column);
    struct plan_wrong wrong;
    AUTO(text) char *shown = plan_shown(program->text);
    if (!*program->text) {
        finding_hint(plan_error(&at, "%s has no program", plan_key_name(key).text),
                     "Write its name as the first item.");
        return false;
    }
    if (!plan_check_line(program->text, &wrong)) {
        finding_hint(plan_error(&at, "program \"%s\" %s", shown, wrong.message), "Remove it.");
        return false;
    }
    if (node->count == 1 && strchr(program->text, ' ')) {
        finding_hint(plan_warning(&at, "program \"%s\" has a blank in its name", shown),
                     "Write each word as an item of its own, or give a shell the line, "
                     "[sh, -c, \"...\"].");
    }
    return true;
}

static bool check_items(const struct plan_key *key, const struct plan_node *node,
                        const struct plan_spot *spot)
{
    bool fine = true;
    for (size_t i = 0; i < node->count; i++) {
        const struct plan_node *item = &node->items[i];
        if (item->kind == PLAN_NODE_NULL) {
            struct plan_spot at = plan_spot_at(spot, item->line, item->column);
            finding_hint(plan_error(&at, "%s has an empty entry", plan_key_name(key).text),
                         "Write \"\" for an empty argument, and quotes around ~ and null.");
            fine = false;
        } else if (item->kind != PLAN_NODE_SCALAR) {
            struct plan_spot at = plan_spot_at(spot, item->line, item->column);
            if (item->kind != PLAN_NODE_BAD) {
                finding_hint(plan_error(&at, "%s has an entry that is no single value",
                                        plan_key_name(key).text),
                             "Each item is one argument; quote what YAML would take apart.");
            }
            fine = false;
        }
    }
    return fine && check_program(key, node, spot);
}

void plan_command_read(const struct plan_key *key, const struct plan_node *node,
                       struct plan_migration *entry, const struct plan_spot *spot)
{
    if (!plan_member_is(key, node, PLAN_NODE_LIST, spot)) {
        return;
    }
    if (node->count == 0) {
        struct plan_spot at = plan_spot_at(spot, node->line, node->column);
        finding_hint(plan_error(&at, "%s is an empty list", plan_key_name(key).text),
                     "Write the program and its arguments, command: [php, artisan, migrate].");
        return;
    }
    if (!check_items(key, node, spot)) {
        return;
    }
    char **command = memory_new(node->count + 1, sizeof *command);
    for (size_t i = 0; i < node->count; i++) {
        const struct plan_node *item = &node->items[i];
        struct plan_spot at = plan_spot_at(spot, item->line, item->column);
        warn_item(item, node->items[0].text, &at);
        command[i] = memory_text(item->text);
    }
    plan_command_free(entry->command);
    entry->command = command;
}

void plan_command_free(char **command)
{
    for (char **each = command; each && *each; each++) {
        free(*each);
    }
    free(command);
}
