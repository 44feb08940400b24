#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/keys.h"
#include "plan/login.h"
#include "plan/plan.h"
#include "plan/value.h"
#include "plan/variables.h"

/* No single value needs more; Linux limits one variable to 128 KiB itself. */
enum { VALUE_MAX = 256 * 1024 };

static bool add_variable(const struct plan_key *key, const struct plan_piece *piece,
                         const struct env *env, struct buf *out, const struct plan_spot *spot)
{
    const char *value = piece->fallback ? env_value(env, piece->name) : env_get(env, piece->name);
    if (!value && !piece->fallback) {
        struct finding *fresh = plan_error(spot, "variable \"%s\" of %s is not set", piece->name,
                                           plan_key_name(key).text);
        if (key->type == PLAN_TYPE_SECRET) {
            finding_hint(fresh, "Set it by the \"secrets\" of the task definition.");
        } else {
            finding_hint(fresh, "Set it in the task definition, or give a default: ${%s:-...}.",
                         piece->name);
        }
        return false;
    }
    buf_text(out, value ? value : piece->fallback);
    return true;
}

/* Appends the value to *out. What was malformed is a finding of plan_load already. */
static bool expand(const struct plan_key *key, const char *text, const struct env *env,
                   struct buf *out, const struct plan_spot *spot)
{
    const char *cursor = text;
    struct plan_piece piece;
    bool fine = true;
    while (plan_piece_next(&cursor, &piece)) {
        if (piece.kind == PLAN_PIECE_LITERAL) {
            buf_add(out, piece.text, piece.length);
        } else {
            fine = piece.kind == PLAN_PIECE_VARIABLE && add_variable(key, &piece, env, out, spot) &&
                   fine;
        }
        plan_piece_clear(&piece);
    }
    if (out->full) {
        plan_error(spot, "%s is longer than %d bytes", plan_key_name(key).text, VALUE_MAX);
    }
    return fine && !out->full;
}

static void conceal(const char *text, struct env *env)
{
    const char *cursor = text;
    struct plan_piece piece;
    while (plan_piece_next(&cursor, &piece)) {
        if (piece.kind == PLAN_PIECE_VARIABLE) {
            env_conceal(env, piece.name);
        }
        plan_piece_clear(&piece);
    }
}

static void replace(struct plan_text *text, struct buf *value)
{
    free(text->text);
    text->text = buf_take(value);
}

/* SNS refuses a subject that starts with a blank, as "${STAGE:-} orders" does without STAGE. */
static void trim(struct buf *value)
{
    size_t blank = strspn(value->data, " \t\r\n");
    memmove(value->data, value->data + blank, value->length - blank + 1);
    size_t length = value->length - blank;
    while (length && strchr(" \t\r\n", value->data[length - 1])) {
        length--;
    }
    buf_truncate(value, length);
}

static bool is_subject(const struct plan_key *key)
{
    return strcmp(key->section, "report") == 0 && strcmp(key->name, "subject") == 0;
}

/* A value that came to nothing: for an optional key as if it were not there. */
static void expand_nothing(const struct plan_key *key, struct plan *plan,
                           const struct plan_spot *spot)
{
    struct plan_text *text = plan_value_text(key, plan);
    if (key->required) {
        finding_hint(plan_error(spot, "%s is empty", plan_key_name(key).text),
                     "Give the variable in it a value.");
        return;
    }
    free(text->text);
    *text = (struct plan_text){.text = is_subject(key) ? memory_text(plan->name) : NULL,
                               .line = key->login ? text->line : 0,
                               .column = key->login ? text->column : 0};
    plan_value_fallback(key, plan);
}

static void expand_scalar(const struct plan_key *key, struct plan *plan, struct env *env,
                          const struct plan_spot *spot)
{
    struct plan_text *text = plan_value_text(key, plan);
    if (!text->pending) {
        return;
    }
    text->pending = false;
    struct plan_spot at = plan_spot_at(spot, text->line, text->column);
    at.written = env_sounds_secret(text->text) ? text->text : NULL;
    if (key->type == PLAN_TYPE_SECRET) {
        conceal(text->text, env); /* env goes on giving the value to us */
    }
    struct buf value = buf_make(VALUE_MAX);
    if (expand(key, text->text, env, &value, &at)) {
        if (is_subject(key)) {
            trim(&value);
        }
        if (!value.length) {
            expand_nothing(key, plan, &at);
        } else if (plan_value_read(key, value.data, plan, &at) && key->type != PLAN_TYPE_SECRET) {
            replace(text, &value);
        }
    }
    if (key->type == PLAN_TYPE_SECRET && text->text) {
        explicit_bzero(text->text, strlen(text->text));
    }
    buf_wipe(&value);
}

static void expand_list(const struct plan_key *key, struct plan *plan, const struct env *env,
                        const struct plan_spot *spot)
{
    struct plan_list *list = plan_value_list(key, plan);
    for (size_t i = 0; i < list->count; i++) {
        struct plan_text *item = &list->items[i];
        struct plan_spot at = plan_spot_at(spot, item->line, item->column);
        at.written = env_sounds_secret(item->text) ? item->text : NULL;
        AUTO(buf) struct buf value = buf_make(VALUE_MAX);
        if (!item->pending || !expand(key, item->text, env, &value, &at)) {
            continue;
        }
        item->pending = false;
        if (!value.length) {
            finding_hint(plan_error(&at, "%s has an empty entry", plan_key_name(key).text),
                         "Give the variable in it a value.");
        } else if (plan_value_read(key, value.data, plan, &at)) {
            replace(item, &value);
        }
    }
}

void plan_expand(struct plan *plan, unsigned sections, struct env *env, struct findings *findings)
{
    struct plan_spot spot = {.findings = findings, .file = plan->path};
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        if (!key->text_at || !(plan_key_expands(key) & sections)) {
            continue;
        }
        if (key->type == PLAN_TYPE_LIST) {
            expand_list(key, plan, env, &spot);
        } else {
            expand_scalar(key, plan, env, &spot);
        }
    }
    if (sections & PLAN_SECTION_DATABASE && plan->database.line) {
        plan_login_check(plan, &spot);
    }
}

static void check_text(const struct plan_key *key, const struct plan_text *text,
                       const struct env *env, const struct plan_spot *spot)
{
    if (!text->pending) {
        return;
    }
    const char *cursor = text->text;
    struct plan_piece piece;
    while (plan_piece_next(&cursor, &piece)) {
        if (piece.kind == PLAN_PIECE_VARIABLE && !piece.fallback && !env_get(env, piece.name)) {
            struct plan_spot at = plan_spot_at(spot, text->line, text->column);
            finding_hint(plan_warning(&at, "variable \"%s\" of %s is not set here", piece.name,
                                      plan_key_name(key).text),
                         "A run without it ends \"invalid\".");
        }
        plan_piece_clear(&piece);
    }
}

void plan_check_variables(const struct plan *plan, unsigned sections, const struct env *env,
                          struct findings *findings)
{
    struct plan_spot spot = {.findings = findings, .file = plan->path};
    for (size_t i = 0; i < plan_key_count; i++) {
        const struct plan_key *key = &plan_keys[i];
        if (!key->text_at || !(plan_key_expands(key) & sections)) {
            continue;
        }
        if (key->type != PLAN_TYPE_LIST) {
            check_text(key, plan_value_text_of(key, plan), env, &spot);
            continue;
        }
        const struct plan_list *list = plan_value_list_of(key, plan);
        for (size_t j = 0; j < list->count; j++) {
            check_text(key, &list->items[j], env, &spot);
        }
    }
}
