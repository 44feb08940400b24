#include "plan/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"

/* Enums are written through a pointer to unsigned. */
_Static_assert(sizeof(enum plan_tls) == sizeof(unsigned) &&
                   sizeof(enum plan_when) == sizeof(unsigned) &&
                   sizeof(enum plan_format) == sizeof(unsigned) &&
                   sizeof(enum plan_scope) == sizeof(unsigned) &&
                   sizeof(enum plan_transaction) == sizeof(unsigned),
               "an enum of plan.h has another size");

static void *field(void *base, size_t at)
{
    return (char *)base + (at - 1);
}

struct plan_text *plan_value_text(const struct plan_key *key, struct plan *plan)
{
    return field(plan, key->text_at);
}

struct plan_list *plan_value_list(const struct plan_key *key, struct plan *plan)
{
    return field(plan, key->text_at);
}

const struct plan_text *plan_value_text_of(const struct plan_key *key, const struct plan *plan)
{
    return (const void *)((const char *)plan + (key->text_at - 1));
}

const struct plan_list *plan_value_list_of(const struct plan_key *key, const struct plan *plan)
{
    return (const void *)((const char *)plan + (key->text_at - 1));
}

/* '"run.retries" <message>: "<text>"' */
static struct finding *complain(const struct plan_key *key, const char *message, const char *text,
                                const struct plan_spot *spot)
{
    AUTO(text) char *shown = plan_shown(spot->written ? spot->written : text);
    return plan_error(spot, "%s %s: \"%s\"", plan_key_name(key).text, message, shown);
}

static bool read_integer(const struct plan_key *key, const char *text, void *base,
                         const struct plan_spot *spot)
{
    int64_t value = 0;
    if (!text_integer(text, key->min, key->max, &value)) {
        struct finding *fresh = complain(key, "is not a number it can be", text, spot);
        if (key->min == key->max) {
            finding_hint(fresh, "It must be %" PRId64 ".", key->min);
        } else {
            finding_hint(fresh, "Write a number from %" PRId64 " to %" PRId64 ".", key->min,
                         key->max);
        }
        return false;
    }
    if (key->value_at) {
        *(int64_t *)field(base, key->value_at) = value;
    }
    return true;
}

static bool read_boolean(const struct plan_key *key, const char *text, void *base,
                         const struct plan_spot *spot)
{
    bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0) {
        finding_hint(complain(key, "is neither true nor false", text, spot),
                     "Write true or false.");
        return false;
    }
    if (key->value_at) {
        *(bool *)field(base, key->value_at) = value;
    }
    return true;
}

static bool read_duration(const struct plan_key *key, const char *text, void *base,
                          const struct plan_spot *spot)
{
    int64_t value = 0;
    if (!text_duration(text, &value)) {
        bool bare = *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
        struct finding *fresh =
            complain(key, bare ? "has no unit" : "is not a duration", text, spot);
        if (bare) {
            finding_hint(fresh, "Add a unit, as in %ss or %sms.", text, text);
        } else {
            finding_hint(fresh, "Write a whole number and a unit, as in 500ms, 10s, 5m, 1h or 7d; "
                                "365d is the most.");
        }
        return false;
    }
    if (value < key->min || value > key->max) {
        /* The one limit below that of text_duration is PostgreSQL's, 2^31 milliseconds. */
        struct finding *fresh =
            complain(key, value < key->min ? "is too short" : "is too long", text, spot);
        finding_hint(fresh, "It must be %s.", value < key->min ? "more than 0" : "less than 25d");
        return false;
    }
    if (key->value_at) {
        *(int64_t *)field(base, key->value_at) = value;
    }
    return true;
}

/* What is allowed, but should not stay. */
static void warn_word(const struct plan_key *key, const char *text, const struct plan_spot *spot)
{
    if (key->words[0] && strcmp(key->words[0], "verify-full") != 0) {
        return;
    }
    if (strcmp(text, "require") == 0) {
        finding_hint(
            plan_warning(spot, "\"database.tls: require\" does not check who the server is"),
            "Write verify-full, and the file of a private CA in \"ca_file\".");
    } else if (strcmp(text, "disable") == 0) {
        finding_hint(plan_warning(spot, "\"database.tls: disable\" encrypts nothing"),
                     "Write verify-full, and the file of a private CA in \"ca_file\".");
    }
}

static bool read_word(const struct plan_key *key, const char *text, void *base,
                      const struct plan_spot *spot)
{
    size_t count = 0;
    size_t found = SIZE_MAX;
    AUTO(buf) struct buf list = buf_make(500);
    for (; key->words[count]; count++) {
        found = strcmp(text, key->words[count]) == 0 ? count : found;
        buf_format(&list, "%s%s", list.length ? ", " : "", key->words[count]);
    }
    if (found == SIZE_MAX) {
        struct finding *fresh = complain(key, "has an unknown value", text, spot);
        const char *nearest = text_nearest(text, key->words, count);
        if (nearest) {
            finding_hint(fresh, "Did you mean \"%s\"?", nearest);
        } else {
            finding_hint(fresh, "It can be: %s.", list.data);
        }
        return false;
    }
    if (key->value_at && key->type == PLAN_TYPE_EITHER) {
        *(bool *)field(base, key->value_at) = found == 1;
    } else if (key->value_at) {
        *(unsigned *)field(base, key->value_at) = (unsigned)found;
    }
    warn_word(key, text, spot);
    return true;
}

static bool read_text(const struct plan_key *key, const char *text, void *base,
                      const struct plan_spot *spot)
{
    struct plan_wrong wrong = {0};
    if (key->check && !key->check(text, &wrong)) {
        struct finding *fresh =
            wrong.secret ? plan_error(spot, "%s %s", plan_key_name(key).text, wrong.message)
                         : complain(key, wrong.message, text, spot);
        finding_hint(fresh, "%s", wrong.hint);
        return false;
    }
    if (key->value_at) {
        char **place = field(base, key->value_at);
        free(*place);
        *place = memory_text(text);
    }
    return true;
}

/* The one value that no message shows. */
static bool read_secret(const struct plan_key *key, const char *text, void *base,
                        const struct plan_spot *spot)
{
    size_t length = strlen(text);
    if (length && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
        finding_hint(plan_warning(spot, "%s ends with a line break", plan_key_name(key).text),
                     "It is sent as it is; if the login fails, set the variable without.");
    }
    secret_set(field(base, key->value_at), text);
    return true;
}

bool plan_value_read(const struct plan_key *key, const char *text, void *base,
                     const struct plan_spot *spot)
{
    switch (key->type) {
    case PLAN_TYPE_TEXT:
    case PLAN_TYPE_LIST:
        return read_text(key, text, base, spot);
    case PLAN_TYPE_INTEGER:
        return read_integer(key, text, base, spot);
    case PLAN_TYPE_BOOLEAN:
        return read_boolean(key, text, base, spot);
    case PLAN_TYPE_DURATION:
        return read_duration(key, text, base, spot);
    case PLAN_TYPE_WORD:
    case PLAN_TYPE_EITHER:
        return read_word(key, text, base, spot);
    case PLAN_TYPE_SECRET:
        return read_secret(key, text, base, spot);
    case PLAN_TYPE_COMMAND:
    case PLAN_TYPE_SECTION:
    case PLAN_TYPE_ENTRIES:
        break;
    }
    return true;
}

void plan_value_fallback(const struct plan_key *key, struct plan *plan)
{
    if (!key->fallback) {
        return;
    }
    if (key->text_at) {
        struct plan_text *text = plan_value_text(key, plan);
        free(text->text);
        *text = (struct plan_text){.text = memory_text(key->fallback)};
    }
    /* A test reads every fallback, so that none can be wrong here. */
    struct findings none = {0};
    struct plan_spot nowhere = {.findings = &none, .file = ""};
    (void)plan_value_read(key, key->fallback, plan, &nowhere);
    findings_free(&none);
}
