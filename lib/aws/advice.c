#include "aws/advice.h"

#include <string.h>

#include "aws/url.h"
#include "base/text.h"

/* Appends what the placeholder at `at` stands for and returns its length, 0 when it is none. */
static size_t add_placeholder(struct buf *out, const char *at, const struct aws_advice_word *words)
{
    for (; words->name; words++) {
        if (text_starts(at, words->name)) {
            buf_text(out, words->value);
            return strlen(words->name);
        }
    }
    return 0;
}

static void set_hint(const char *hint, const struct aws_advice_word *words, struct error *err)
{
    AUTO(buf) struct buf out = buf_make(sizeof err->hint - 1);
    while (*hint) {
        size_t length = add_placeholder(&out, hint, words);
        if (length == 0) {
            buf_char(&out, *hint);
            length = 1;
        }
        hint += length;
    }
    error_hint(err, "%s", out.data);
}

static bool is_of(const struct error *err, const struct aws_endpoint *endpoint)
{
    struct aws_url url = {0};
    struct error ignored;
    return aws_url_parse(endpoint->url, &url, &ignored) &&
           (!*err->where || strcmp(err->where, url.authority) == 0);
}

/* The code by which a table knows it, or NULL when it is none of this endpoint's. */
static const char *code_of(const struct error *err, const struct aws_endpoint *endpoint)
{
    static const char *const route[] = {"resolve", "connect", "timeout"};
    bool unreached = err->kind == ERROR_INTERRUPTED; /* or not for long enough */
    for (size_t i = 0; i < COUNT(route); i++) {
        unreached = unreached || strcmp(err->code, route[i]) == 0;
    }
    return !unreached ? err->code : is_of(err, endpoint) ? "route" : NULL;
}

void aws_advise(const struct aws_advice *advices, size_t count, const struct aws_advice_word *words,
                const struct aws_endpoint *endpoint, struct error *err)
{
    const char *code = code_of(err, endpoint);
    if (code && endpoint->variable && strcmp(code, "route") == 0) {
        error_hint(err, "The address comes from %s: check it, or unset it.", endpoint->variable);
        return;
    }
    for (size_t i = 0; code && i < count; i++) {
        const struct aws_advice *row = &advices[i];
        if (strcmp(row->code, code) == 0 && (!row->word || strcasestr(err->message, row->word))) {
            set_hint(row->hint, words, err);
            return;
        }
    }
}
