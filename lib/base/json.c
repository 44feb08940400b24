#include "base/json.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* The offset of the bracket that nests too deep, or `length`. Counted on the text, before jansson
 * recurses into it. */
static size_t too_deep(const char *text, size_t length)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                return i;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return length;
}

bool json_read(const char *text, size_t length, json_t **out_value, struct error *err)
{
    size_t deep = too_deep(text, length);
    if (deep < length) {
        unsigned line = 0;
        unsigned column = 0;
        text_position(text, length, deep, &line, &column);
        error_set(err, ERROR_INVALID, "nested more than %d levels deep", JSON_DEPTH_MAX);
        return error_where(err, "line %u, column %u", line, column);
    }
    json_error_t why;
    json_t *value = json_loadb(length ? text : "", length, JSON_REJECT_DUPLICATES, &why);
    if (!value && json_error_code(&why) == json_error_out_of_memory) {
        memory_die();
    }
    if (!value) {
        struct buf shown = buf_make(512);
        text_escape(&shown, why.text, strlen(why.text));
        error_set(err, ERROR_INVALID, "%s", shown.data);
        buf_free(&shown);
        return error_where(err, "line %d, column %d", why.line, why.column);
    }
    *out_value = value;
    return true;
}

static int add_piece(const char *piece, size_t size, void *out)
{
    text_escape_json(out, piece, size);
    return 0;
}

void json_write(const json_t *value, struct buf *out)
{
    if (json_dump_callback(value, add_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        memory_die();
    }
}

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

json_t *json_optional(const char *text)
{
    return text_empty(text) ? json_null() : json_safe(text);
}

json_t *json_safe(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    json_t *value = text ? json_stringn(text, length) : json_null();
    if (!value) {
        AUTO(buf) struct buf shown = buf_make(6 * length + 1);
        text_escape(&shown, text, length);
        value = json_string(shown.data);
    }
    if (!value) {
        memory_die();
    }
    return value;
}

json_t *json_made(json_t *value)
{
    if (!value) {
        memory_die();
    }
    return value;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        memory_die();
    }
}

void json_append(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        memory_die();
    }
}
