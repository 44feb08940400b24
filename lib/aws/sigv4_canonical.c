#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/sigv4.h"
#include "aws/url.h"
#include "base/memory.h"

/* Changed or dropped between us and AWS, so that a signature over them would not hold. */
static const char *const unsigned_names[] = {
    "authorization", "connection", "expect",          "keep-alive", "te",
    "trailer",       "upgrade",    "x-amzn-trace-id", "user-agent", "transfer-encoding",
};

/* A piece of the path, of the query or a header, by its place in the text it came from. */
struct piece {
    const char *text;
    size_t length;
};

/* The segments of path that are left once "", "." and ".." are resolved. The caller frees it. */
static struct piece *split_path(const char *path, size_t *out_count)
{
    struct piece *segments = NULL;
    size_t count = 0;
    size_t capacity = 0;
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        bool up = length == 2 && strncmp(at, "..", 2) == 0;
        bool stays = length == 0 || (length == 1 && *at == '.');
        if (up && count > 0) {
            count--;
        } else if (!up && !stays) {
            segments = memory_push(segments, count, &capacity, sizeof *segments);
            segments[count++] = (struct piece){at, length};
        }
        at += length + (at[length] == '/');
    }
    *out_count = count;
    return segments;
}

void aws_sigv4_canonical_path(struct buf *out, const char *path)
{
    size_t count = 0;
    struct piece *segments = split_path(path, &count);
    buf_char(out, '/');
    for (size_t i = 0; i < count; i++) {
        aws_url_encode(out, segments[i].text, segments[i].length, "");
        if (i + 1 < count) {
            buf_char(out, '/');
        }
    }
    size_t length = strlen(path);
    if (count > 0 && length > 0 && path[length - 1] == '/') {
        buf_char(out, '/');
    }
    free(segments);
}

/* What the wire has may be encoded more or less than AWS's canonical form: decode, then encode. */
static void add_encoded(struct buf *out, const char *text, size_t length)
{
    AUTO(buf) struct buf plain = buf_make(length);
    aws_url_decode(&plain, text, length);
    aws_url_encode(out, plain.data, plain.length, "");
}

struct parameter {
    char *key, *value;
};

static char *encoded(const char *text, size_t length)
{
    AUTO(buf) struct buf out = buf_make(3 * length);
    add_encoded(&out, text, length);
    return buf_take(&out);
}

static int by_key_then_value(const void *a_, const void *b_)
{
    const struct parameter *a = a_;
    const struct parameter *b = b_;
    int order = strcmp(a->key, b->key);
    return order ? order : strcmp(a->value, b->value);
}

static struct parameter *split_query(const char *query, size_t *out_count)
{
    struct parameter *parameters = NULL;
    size_t count = 0;
    size_t capacity = 0;
    for (const char *at = query; *at;) {
        size_t length = strcspn(at, "&");
        const char *equals = memchr(at, '=', length);
        size_t key_length = equals ? (size_t)(equals - at) : length;
        size_t value_length = equals ? length - key_length - 1 : 0;
        if (length > 0) {
            parameters = memory_push(parameters, count, &capacity, sizeof *parameters);
            parameters[count++] = (struct parameter){
                encoded(at, key_length), encoded(equals ? equals + 1 : "", value_length)};
        }
        at += length + (at[length] == '&');
    }
    if (count > 1) {
        qsort(parameters, count, sizeof *parameters, by_key_then_value);
    }
    *out_count = count;
    return parameters;
}

void aws_sigv4_canonical_query(struct buf *out, const char *query)
{
    size_t count = 0;
    struct parameter *parameters = split_query(query, &count);
    for (size_t i = 0; i < count; i++) {
        buf_format(out, "%s%s=%s", i ? "&" : "", parameters[i].key, parameters[i].value);
        free(parameters[i].key);
        free(parameters[i].value);
    }
    free(parameters);
}

static bool is_signed(const char *name)
{
    for (size_t i = 0; i < COUNT(unsigned_names); i++) {
        if (strcasecmp(name, unsigned_names[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* By name; headers of the same name keep their order. */
static int by_name(const void *a_, const void *b_)
{
    const struct aws_header *const *a = a_;
    const struct aws_header *const *b = b_;
    int order = strcasecmp((*a)->name, (*b)->name);
    return order ? order : (*a > *b) - (*a < *b);
}

static void add_lower(struct buf *out, const char *name)
{
    for (; *name; name++) {
        buf_char(out, (char)(*name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' : *name));
    }
}

/* Without blanks around, runs of blanks inside as one. */
static void add_folded(struct buf *out, const char *value)
{
    static const char blanks[] = " \t\r\n";
    for (const char *at = value + strspn(value, blanks); *at;) {
        size_t word = strcspn(at, blanks);
        buf_add(out, at, word);
        at += word;
        at += strspn(at, blanks);
        if (*at) {
            buf_char(out, ' ');
        }
    }
}

void aws_sigv4_canonical_headers(struct buf *out, struct buf *signed_names,
                                 const struct aws_header *headers, size_t count)
{
    const struct aws_header **sorted = memory_new(count + 1, sizeof(struct aws_header *));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_signed(headers[i].name)) {
            sorted[kept++] = &headers[i];
        }
    }
    qsort(sorted, kept, sizeof(struct aws_header *), by_name);
    for (size_t i = 0; i < kept; i++) {
        bool again = i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0;
        bool last = i + 1 == kept || strcasecmp(sorted[i]->name, sorted[i + 1]->name) != 0;
        if (!again) {
            buf_text(signed_names, signed_names->length ? ";" : "");
            add_lower(signed_names, sorted[i]->name);
            add_lower(out, sorted[i]->name);
        }
        buf_char(out, again ? ',' : ':');
        add_folded(out, sorted[i]->value);
        buf_text(out, last ? "\n" : "");
    }
    free(sorted);
}
