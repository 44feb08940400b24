/*
 * JSON from outside and to outside: jansson with limits. Pure.
 *
 * Values are jansson's own json_t, borrowed or owned as jansson says; AUTO(json) releases one.
 */
#ifndef POSTLUDE_BASE_JSON_H
#define POSTLUDE_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

enum { JSON_DEPTH_MAX = 32 };

/* Parses a whole document that is an object or array, nested at most JSON_DEPTH_MAX deep, without
 * duplicate keys. ERROR_INVALID with line and column in `where` ("line 1, column 14"); the caller
 * wraps it. The message can quote a piece of the text: not for text that is secret. The caller
 * owns *out_value. */
MUST_CHECK bool json_read(const char *text, size_t length, json_t **out_value, struct error *err);

/* Appends value, compact, keys in the order they were set; what a terminal could obey is escaped.
 */
void json_write(const json_t *value, struct buf *out);

/* Member of an object as a string; NULL when absent or no string. Borrowed. */
const char *json_text(const json_t *object, const char *key);

/* A string, or null for NULL and "": new reference. Bytes that are not UTF-8 are shown as \xNN. */
json_t *json_optional(const char *text);
/* The same, "" staying "". */
json_t *json_safe(const char *text);

/* What jansson made; ends the program where it was NULL, since memory is short then. */
json_t *json_made(json_t *value);
/* Adds a member, or an element, which is handed over. They end the program likewise, also for a
 * NULL. */
void json_put(json_t *object, const char *key, json_t *value);
void json_append(json_t *array, json_t *value);

DEFINE_AUTO(json, json_t *, json_decref)

#endif
