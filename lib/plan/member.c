#include "plan/member.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "plan/command.h"
#include "plan/value.h"
#include "plan/variables.h"

static struct plan_spot spot_of(const struct plan_node *node, const struct plan_spot *spot)
{
    bool nothing = node->kind == PLAN_NODE_NULL && node->key;
    return nothing ? plan_spot_at(spot, node->key_line, node->key_column)
                   : plan_spot_at(spot, node->line, node->column);
}

static struct plan_spot spot_in(const struct plan_node *node, size_t offset,
                                const struct plan_spot *spot)
{
    struct plan_spot at = spot_of(node, spot);
    if (node->inside >= 0) {
        unsigned line = 0;
        unsigned column = 0;
        text_position(node->text, strlen(node->text), offset, &line, &column);
        at.column += (unsigned)node->inside + column - 1;
    }
    return at;
}

static const char *kind_name(enum plan_node_kind kind)
{
    switch (kind) {
    case PLAN_NODE_LIST:
        return "a list";
    case PLAN_NODE_MAP:
        return "a mapping";
    case PLAN_NODE_BAD:
    case PLAN_NODE_NULL:
    case PLAN_NODE_SCALAR:
        break;
    }
    return "a single value";
}

bool plan_member_is(const struct plan_key *key, const struct plan_node *node,
                    enum plan_node_kind kind, const struct plan_spot *spot)
{
    if (node->kind == kind || node->kind == PLAN_NODE_BAD) {
        return node->kind == kind;
    }
    struct plan_spot at = spot_of(node, spot);
    struct plan_key_name name = plan_key_name(key);
    if (node->kind == PLAN_NODE_NULL) {
        finding_hint(plan_error(&at, "%s has no value", name.text),
                     key->required ? "Write one behind the colon."
                                   : "Write one behind the colon, or remove the line.");
        return false;
    }
    struct finding *fresh =
        plan_error(&at, "%s must be %s, not %s", name.text, kind_name(kind), kind_name(node->kind));
    if (key->type == PLAN_TYPE_COMMAND) {
        finding_hint(fresh,
                     "Write each word as an item, %s: [php, artisan, migrate], or give a "
                     "shell the line, [sh, -c, \"...\"].",
                     key->name);
    } else if (kind == PLAN_NODE_LIST && node->kind == PLAN_NODE_SCALAR) {
        AUTO(text) char *shown = plan_shown(node->text);
        finding_hint(fresh, "Write %s: [\"%s\"].", key->name, shown);
    } else if (kind == PLAN_NODE_MAP) {
        finding_hint(fresh, "Write \"key: value\" lines under it, with a blank after each colon.");
    }
    return false;
}

bool plan_member_plain(const char *what, const struct plan_node *node, const struct plan_spot *spot)
{
    const char *found = strstr(node->text, "${");
    if (!found) {
        return true;
    }
    struct plan_spot at = spot_in(node, (size_t)(found - node->text), spot);
    finding_hint(plan_error(&at, "variables are not expanded in %s", what),
                 "${NAME} works in values of \"trigger\", \"database\" and \"report\" only.");
    return false;
}

/* Every ${} of the value, before there is an environment. */
static bool check_variables(const struct plan_key *key, const struct plan_node *node,
                            const struct plan_spot *spot)
{
    const char *cursor = node->text;
    const char *start = cursor;
    struct plan_piece piece;
    bool fine = true;
    while (plan_piece_next(&cursor, &piece)) {
        if (piece.kind == PLAN_PIECE_MALFORMED) {
            struct plan_spot at = spot_in(node, (size_t)(start - node->text), spot);
            finding_hint(plan_error(&at, "\"${\" in %s %s", plan_key_name(key).text, piece.problem),
                         "%s", piece.hint);
            fine = false;
        }
        plan_piece_clear(&piece);
        start = cursor;
    }
    return fine;
}

static void warn_braces(const struct plan_key *key, const struct plan_node *node,
                        const struct plan_spot *spot)
{
    if (plan_key_expands(key) && plan_lacks_braces(node->text)) {
        struct plan_spot at = spot_of(node, spot);
        finding_hint(plan_warning(&at, "%s is \"$\" and a name, which is not expanded",
                                  plan_key_name(key).text),
                     "Write ${NAME}; \"$$\" is a dollar sign.");
    }
}

/* Whether the value may be read now: it is not for plan_expand, and not wrong as it stands. */
static bool readable(const struct plan_key *key, const struct plan_node *node,
                     const struct plan_spot *spot)
{
    warn_braces(key, node, spot);
    if (!plan_key_expands(key)) {
        return plan_member_plain(plan_key_name(key).text, node, spot);
    }
    return check_variables(key, node, spot) && !plan_has_variables(node->text);
}

/* 5432 and "5432" are two things in YAML, as every other reader of the plan sees it. */
static bool check_quotes(const struct plan_key *key, const struct plan_node *node,
                         const struct plan_spot *spot)
{
    bool bare = key->type == PLAN_TYPE_INTEGER || key->type == PLAN_TYPE_BOOLEAN;
    if (!bare || !node->quoted || strstr(node->text, "${")) {
        return true;
    }
    struct plan_spot at = spot_of(node, spot);
    finding_hint(plan_error(&at, "%s must be %s, not text", plan_key_name(key).text,
                            key->type == PLAN_TYPE_INTEGER ? "a number" : "true or false"),
                 "Remove the quotes.");
    return false;
}

static void read_items(const struct plan_key *key, const struct plan_node *node, struct plan *plan,
                       const struct plan_spot *spot)
{
    struct plan_list *list = plan_value_list(key, plan);
    struct plan_spot at = spot_of(node, spot);
    list->present = true;
    if (node->count == 0) {
        finding_hint(
            plan_error(&at, "%s is an empty list, which admits nothing", plan_key_name(key).text),
            "Name what is admitted, or remove the line to admit everything.");
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct plan_node *item = &node->items[i];
        at = spot_of(item, spot);
        if (item->kind == PLAN_NODE_NULL || (item->kind == PLAN_NODE_SCALAR && !*item->text)) {
            plan_error(&at, "%s has an empty entry", plan_key_name(key).text);
        } else if (plan_member_is(key, item, PLAN_NODE_SCALAR, spot)) {
            bool now = readable(key, item, spot);
            list->items =
                memory_push(list->items, list->count, &list->capacity, sizeof *list->items);
            list->items[list->count++] = (struct plan_text){.text = memory_text(item->text),
                                                            .line = item->line,
                                                            .column = item->column,
                                                            .pending = !now};
            (void)(now && plan_value_read(key, item->text, plan, &at));
        }
    }
}

/* A literal password is taken into the secret at once, and nowhere else. */
static void keep_text(const struct plan_key *key, const struct plan_node *node, bool pending,
                      struct plan *plan, const struct plan_spot *spot)
{
    struct plan_text *text = plan_value_text(key, plan);
    bool literal = key->type == PLAN_TYPE_SECRET && !pending;
    *text = (struct plan_text){.text = memory_text(literal ? "" : node->text),
                               .line = node->line,
                               .column = node->column,
                               .pending = pending};
    if (key->type == PLAN_TYPE_SECRET && !strstr(node->text, "${")) {
        struct plan_spot at = spot_of(node, spot);
        finding_hint(plan_warning(&at, "the password stands in the plan"),
                     "Keep it out of the file: write ${DB_PASSWORD}, and let the task "
                     "definition's \"secrets\" set that variable.");
    }
}

static void read_scalar(const struct plan_key *key, const struct plan_node *node, void *base,
                        const struct plan_spot *spot)
{
    struct plan_spot at = spot_of(node, spot);
    bool optional = plan_key_expands(key) && !key->required;
    if (!*node->text && optional) {
        if (key->login) {
            *plan_value_text(key, base) =
                (struct plan_text){.line = node->line, .column = node->column};
        }
        plan_value_fallback(key, base);
        return;
    }
    if (!*node->text) {
        finding_hint(plan_error(&at, "%s is empty", plan_key_name(key).text), "Write a value.");
        return;
    }
    bool now = readable(key, node, spot) && check_quotes(key, node, spot);
    if (key->text_at) {
        keep_text(key, node, plan_has_variables(node->text), base, spot);
    }
    (void)(now && plan_value_read(key, node->text, base, &at));
}

void plan_member_read(const struct plan_key *key, const struct plan_node *node, void *base,
                      const struct plan_spot *spot)
{
    struct plan_spot at = plan_spot_at(spot, node->key_line, node->key_column);
    if (key->type == PLAN_TYPE_COMMAND) {
        plan_command_read(key, node, base, spot);
        return;
    }
    bool list = key->type == PLAN_TYPE_LIST;
    if (!plan_member_is(key, node, list ? PLAN_NODE_LIST : PLAN_NODE_SCALAR, spot)) {
        if (key->login) { /* it is wrong, but not missing too */
            *plan_value_text(key, base) =
                (struct plan_text){.text = memory_text(""), .line = at.line, .column = at.column};
        }
        return;
    }
    if (list) {
        read_items(key, node, base, spot);
    } else {
        read_scalar(key, node, base, spot);
    }
}
