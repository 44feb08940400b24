/*
 * Internal to the room: YAML as a small tree with positions, read strictly.
 *
 * One document of mappings, lists and scalars; anchors, aliases, tags, merge keys, tabs, duplicate
 * keys, bytes that are not UTF-8 and deep nesting are findings. Scalars stay text: what they mean
 * is for the reader of a key to say. Pure.
 */
#ifndef POSTLUDE_PLAN_NODE_H
#define POSTLUDE_PLAN_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "plan/spot.h"

enum plan_node_kind {
    PLAN_NODE_BAD,  /* there is a finding about it already */
    PLAN_NODE_NULL, /* nothing, ~ or null */
    PLAN_NODE_SCALAR,
    PLAN_NODE_LIST,
    PLAN_NODE_MAP,
};

struct plan_node {
    enum plan_node_kind kind;
    unsigned line, column;
    char *key; /* in a mapping, else NULL */
    unsigned key_line, key_column;
    char *text;  /* scalar; no NUL inside */
    bool quoted; /* scalar: quoted, or a block */
    int inside;  /* column of its text's first character, from `column`; -1: written with escapes or
                    on several lines, so that its characters cannot be pointed at */
    struct plan_node *items; /* list, mapping */
    size_t count, capacity;
};

/* The document's root, of any kind, or NULL when it is no YAML or empty: there is a finding then.
 * Findings are in spot->file. The caller frees it. */
struct plan_node *plan_node_read(const char *text, size_t length, const struct plan_spot *spot);
void plan_node_free(struct plan_node *node); /* wipes its texts: one may be a password */

/* The member of a mapping, or NULL. */
const struct plan_node *plan_node_get(const struct plan_node *map, const char *key);

DEFINE_AUTO(plan_node, struct plan_node *, plan_node_free)

#endif
