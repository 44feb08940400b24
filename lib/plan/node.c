#include "plan/node.h"

#include <string.h>
#include <yaml.h>

#include "base/memory.h"
#include "base/text.h"
#include "plan/syntax.h"

/* Plan, migrations, an entry, its command: four deep is the most a plan needs. The number of keys
 * is limited because each is compared with those before it. */
enum { DEPTH_MAX = 6, KEYS_MAX = 100 };

struct reading {
    yaml_parser_t parser;
    const char *text;
    size_t length;
    const struct plan_spot *spot;
};

static bool next_event(struct reading *reading, yaml_event_t *out_event)
{
    if (yaml_parser_parse(&reading->parser, out_event)) {
        return true;
    }
    plan_syntax_error(&reading->parser, reading->text, reading->length, reading->spot);
    return false;
}

static struct plan_spot spot_of(const struct reading *reading, yaml_mark_t mark)
{
    return plan_spot_at(reading->spot, (unsigned)mark.line + 1, (unsigned)mark.column + 1);
}

/* Whether there was an anchor or a tag. They would change nothing in how a value is read, but
 * somebody expects them to. */
static bool refuse_marks(const struct reading *reading, const yaml_event_t *event,
                         const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct plan_spot at = spot_of(reading, event->start_mark);
    if (anchor) {
        finding_hint(plan_error(&at, "YAML anchors are not allowed"),
                     "Write the value out in each place; quote one that starts with \"&\".");
    }
    if (tag) {
        finding_hint(plan_error(&at, "YAML tags are not allowed"),
                     "Remove the tag; quote a value that starts with \"!\".");
    }
    return anchor || tag;
}

static bool says_nothing(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return count;
}

/* How far behind the value's start its text starts, if it was written letter for letter. */
static int find_inside(const yaml_event_t *event, const char *text, bool quoted)
{
    size_t quotes = quoted ? 1 : 0;
    bool exact = event->start_mark.line == event->end_mark.line &&
                 event->end_mark.column == event->start_mark.column + characters(text) + 2 * quotes;
    return exact ? (int)quotes : -1;
}

static void fill_scalar(const struct reading *reading, const yaml_event_t *event,
                        struct plan_node *out_node)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (refuse_marks(reading, event, event->data.scalar.anchor, event->data.scalar.tag)) {
        return;
    }
    if (memchr(value, '\0', length)) {
        struct plan_spot at = spot_of(reading, event->start_mark);
        finding_hint(plan_error(&at, "value holds a NUL character"), "Remove the escape \"\\0\".");
        return;
    }
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    out_node->quoted = quoted;
    out_node->inside = find_inside(event, value, quoted);
    out_node->text = memory_text_n(value, length);
    out_node->kind = !quoted && says_nothing(value) ? PLAN_NODE_NULL : PLAN_NODE_SCALAR;
}

static bool fill(struct reading *reading, const yaml_event_t *event, unsigned depth,
                 struct plan_node *out_node);

/* Reads the next value into *out_node; out_end tells that there was none, but the end. */
static bool next_node(struct reading *reading, unsigned depth, struct plan_node *out_node,
                      bool *out_end)
{
    yaml_event_t event;
    if (!next_event(reading, &event)) {
        return false;
    }
    *out_end = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
    bool ok = *out_end || fill(reading, &event, depth, out_node);
    yaml_event_delete(&event);
    return ok;
}

static void adopt(struct plan_node *parent, struct plan_node *child)
{
    parent->items =
        memory_push(parent->items, parent->count, &parent->capacity, sizeof *parent->items);
    parent->items[parent->count++] = *child;
    *child = (struct plan_node){0};
}

static void clear(struct plan_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        clear(&node->items[i]);
    }
    if (node->text) {
        explicit_bzero(node->text, strlen(node->text));
    }
    free(node->text);
    free(node->key);
    free(node->items);
    *node = (struct plan_node){0};
}

static bool fill_list(struct reading *reading, unsigned depth, struct plan_node *out_node)
{
    out_node->kind = PLAN_NODE_LIST;
    for (;;) {
        struct plan_node child = {0};
        bool end = false;
        if (!next_node(reading, depth + 1, &child, &end)) {
            clear(&child);
            return false;
        }
        if (end) {
            return true;
        }
        adopt(out_node, &child);
    }
}

/* Whether this name may be a key here; what is wrong with it is a finding. */
static bool check_key(const struct reading *reading, const struct plan_node *map,
                      const struct plan_node *key)
{
    struct plan_spot at = plan_spot_at(reading->spot, key->line, key->column);
    if (key->kind == PLAN_NODE_BAD) {
        return false;
    }
    if (key->kind == PLAN_NODE_NULL) {
        finding_hint(plan_error(&at, "key without a name"), "Write \"key: value\".");
        return false;
    }
    if (strcmp(key->text, "<<") == 0 && !key->quoted) {
        finding_hint(plan_error(&at, "YAML merge keys are not allowed"),
                     "Write the keys out in each place.");
        return false;
    }
    const struct plan_node *first = plan_node_get(map, key->text);
    if (first) {
        AUTO(text) char *shown = plan_shown(key->text);
        finding_hint(plan_error(&at, "duplicate key \"%s\"", shown),
                     "It stands in line %u already; remove one of the two.", first->key_line);
        return false;
    }
    return true;
}

static bool usable_key(const struct reading *reading, const struct plan_node *map,
                       const struct plan_node *key)
{
    struct plan_spot at = plan_spot_at(reading->spot, key->line, key->column);
    if (key->kind == PLAN_NODE_LIST || key->kind == PLAN_NODE_MAP) {
        finding_hint(plan_error(&at, "a list or mapping cannot be a key"),
                     "Quote a value that starts with a brace or bracket.");
        return false;
    }
    if (map->count == KEYS_MAX) {
        plan_error(&at, "more than %d keys in one mapping", KEYS_MAX);
        return false;
    }
    return true;
}

/* One "key: value"; a value whose key may not be is read and dropped. */
static bool fill_pair(struct reading *reading, unsigned depth, struct plan_node *map, bool *out_end)
{
    struct plan_node key = {0};
    struct plan_node value = {0};
    bool none = false;
    bool ok = next_node(reading, depth + 1, &key, out_end);
    if (ok && !*out_end) {
        ok = usable_key(reading, map, &key) && next_node(reading, depth + 1, &value, &none);
        if (ok && check_key(reading, map, &key)) {
            value.key = TAKE(key.text);
            value.key_line = key.line;
            value.key_column = key.column;
            adopt(map, &value);
        }
    }
    clear(&key);
    clear(&value);
    return ok;
}

static bool fill_map(struct reading *reading, unsigned depth, struct plan_node *out_node)
{
    out_node->kind = PLAN_NODE_MAP;
    bool end = false;
    while (!end) {
        if (!fill_pair(reading, depth, out_node, &end)) {
            return false;
        }
    }
    return true;
}

static bool fill(struct reading *reading, const yaml_event_t *event, unsigned depth,
                 struct plan_node *out_node)
{
    struct plan_spot at = spot_of(reading, event->start_mark);
    out_node->line = at.line;
    out_node->column = at.column;
    if (depth > DEPTH_MAX) {
        finding_hint(plan_error(&at, "nested deeper than a plan can be"),
                     "Check brackets and indentation.");
        return false;
    }
    if (event->type == YAML_SCALAR_EVENT) {
        fill_scalar(reading, event, out_node);
        return true;
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        (void)refuse_marks(reading, event, event->data.sequence_start.anchor,
                           event->data.sequence_start.tag);
        return fill_list(reading, depth, out_node);
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        (void)refuse_marks(reading, event, event->data.mapping_start.anchor,
                           event->data.mapping_start.tag);
        return fill_map(reading, depth, out_node);
    }
    plan_syntax_alias(event->start_mark, reading->text, reading->length, reading->spot);
    return true;
}

/* The events around the one document: stream start, document start, ..., document end, stream end.
 */
static bool open_document(struct reading *reading)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(reading, &event)) {
            return false;
        }
        yaml_event_type_t type = event.type;
        bool tags =
            type == YAML_DOCUMENT_START_EVENT && event.data.document_start.tag_directives.start !=
                                                     event.data.document_start.tag_directives.end;
        struct plan_spot at = spot_of(reading, event.start_mark);
        yaml_event_delete(&event);
        if (tags) {
            plan_error(&at, "YAML tags are not allowed");
        }
        if (type == YAML_STREAM_END_EVENT) {
            struct plan_spot whole = plan_spot_at(reading->spot, 0, 0);
            finding_hint(plan_error(&whole, "plan is empty"),
                         "Start from config/plan.example.yaml.");
            return false;
        }
        if (type == YAML_DOCUMENT_START_EVENT) {
            return true;
        }
    }
}

static bool close_document(struct reading *reading)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(reading, &event)) {
            return false;
        }
        yaml_event_type_t type = event.type;
        struct plan_spot at = spot_of(reading, event.start_mark);
        yaml_event_delete(&event);
        if (type == YAML_DOCUMENT_START_EVENT) {
            finding_hint(plan_error(&at, "second YAML document"), "A plan is one document.");
            return true;
        }
        if (type == YAML_STREAM_END_EVENT) {
            return true;
        }
    }
}

struct plan_node *plan_node_read(const char *text, size_t length, const struct plan_spot *spot)
{
    if (!plan_syntax_bytes(text, length, spot)) {
        return NULL;
    }
    struct reading reading = {.text = text, .length = length, .spot = spot};
    if (!yaml_parser_initialize(&reading.parser)) {
        memory_die();
    }
    yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text, length);
    AUTO(plan_node) struct plan_node *root = memory_new(1, sizeof *root);
    bool none = false;
    bool ok =
        open_document(&reading) && next_node(&reading, 1, root, &none) && close_document(&reading);
    yaml_parser_delete(&reading.parser);
    return ok ? TAKE(root) : NULL;
}

void plan_node_free(struct plan_node *node)
{
    if (node) {
        clear(node);
        free(node);
    }
}

const struct plan_node *plan_node_get(const struct plan_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (map->items[i].key && strcmp(map->items[i].key, key) == 0) {
            return &map->items[i];
        }
    }
    return NULL;
}
