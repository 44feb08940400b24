#include "engine/command_env.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum { NAME_MAX_SIZE = 1024, VALUE_MAX = 1024 * 1024 };

static const char *const database_names[] = {
    "PGHOST",      "PGPORT",        "PGDATABASE",   "PGUSER",  "PGPASSWORD",
    "PGSSLMODE",   "PGSSLROOTCERT", "DB_HOST",      "DB_PORT", "DB_DATABASE",
    "DB_USERNAME", "DB_PASSWORD",   "DATABASE_URL",
};

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < COUNT(database_names); i++) {
        if (strcmp(name, database_names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void put(struct command_env *env, const char *name, const char *value)
{
    struct buf text = buf_make(VALUE_MAX);
    buf_format(&text, "%s=", name);
    buf_text(&text, value);
    env->variables =
        memory_push(env->variables, env->count, &env->capacity, sizeof *env->variables);
    env->variables[env->count++] = buf_take(&text);
}

/* RFC 3986: everything but unreserved characters, and those of `also`, as %XX. */
static void percent_but(struct buf *out, const char *text, const char *also)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *at = text ? text : ""; *at; at++) {
        if (strchr(unreserved, *at) || strchr(also, *at)) {
            buf_char(out, *at);
        } else {
            buf_format(out, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
}

static void percent(struct buf *out, const char *text)
{
    percent_but(out, text, "");
}

static void make_url(const struct pg_address *address, struct buf *out)
{
    bool six = strchr(address->host, ':') != NULL;
    buf_text(out, "postgresql://");
    percent(out, address->user);
    buf_char(out, ':');
    percent(out, secret_reveal(address->password));
    buf_char(out, '@');
    buf_text(out, six ? "[" : "");
    percent_but(out, address->host, six ? ":" : ""); /* fe80::1%eth0 is [fe80::1%25eth0] */
    buf_text(out, six ? "]" : "");
    buf_format(out, ":%d/", address->port);
    percent(out, address->database);
    buf_text(out, "?sslmode=");
    percent(out, address->sslmode);
    if (!text_empty(address->ca_file)) {
        buf_text(out, "&sslrootcert=");
        percent(out, address->ca_file);
    }
}

static void put_database(struct command_env *env, const struct pg_address *address)
{
    AUTO(buf) struct buf port = buf_make(16);
    struct buf url = buf_make(VALUE_MAX);
    const char *password = secret_reveal(address->password);
    buf_format(&port, "%d", address->port);
    make_url(address, &url);
    const char *const values[] = {
        address->host,    port.data,        address->database, address->user, password,
        address->sslmode, address->ca_file, address->host,     port.data,     address->database,
        address->user,    password,         url.data,
    };
    for (size_t i = 0; i < COUNT(database_names); i++) {
        put(env, database_names[i], values[i]);
    }
    buf_wipe(&url);
}

void command_env_make(const struct env *env, const struct pg_address *address,
                      struct command_env *out_env)
{
    char name[NAME_MAX_SIZE];
    *out_env = (struct command_env){0};
    for (size_t i = 0; env_name(env, i, name, sizeof name); i++) {
        const char *value = env_get(env, name);
        if (value && !is_ours(name)) { /* NULL: a name that was cut */
            put(out_env, name, value);
        }
    }
    put_database(out_env, address);
    out_env->variables = memory_push(out_env->variables, out_env->count, &out_env->capacity,
                                     sizeof *out_env->variables);
    out_env->variables[out_env->count] = NULL;
}

void command_env_free(struct command_env *env)
{
    for (size_t i = 0; i < env->count; i++) {
        explicit_bzero(env->variables[i], strlen(env->variables[i]));
        free(env->variables[i]);
    }
    free(env->variables);
    *env = (struct command_env){0};
}

/* The password as it may be written, the longest first to be looked for. */
enum spelling { SPELLING_URL, SPELLING_JSON, SPELLING_PLAIN, SPELLINGS };

struct spellings {
    struct buf texts[SPELLINGS];
};

static void spell(const struct pg_address *address, struct spellings *out)
{
    const char *password = secret_reveal(address->password);
    for (size_t i = 0; i < SPELLINGS; i++) {
        out->texts[i] = buf_make(VALUE_MAX);
    }
    percent(&out->texts[SPELLING_URL], password);
    AUTO(json) json_t *value = json_safe(password);
    struct buf *quoted = &out->texts[SPELLING_JSON];
    json_write(value, quoted);
    if (quoted->length >= 2) { /* without the quotes around it */
        memmove(quoted->data, quoted->data + 1, quoted->length - 2);
        buf_truncate(quoted, quoted->length - 2);
    }
    buf_text(&out->texts[SPELLING_PLAIN], password);
}

/* How much of the line at this place is the password; 0: nothing. */
static size_t secret_at(const struct spellings *spellings, const char *line, size_t length)
{
    for (size_t i = 0; i < SPELLINGS; i++) {
        const struct buf *text = &spellings->texts[i];
        if (text->length == 0 || text->length > length) {
            continue;
        }
        /* The digits of %2f may be small; that the letters may be, too, hides no less. */
        int other = i == SPELLING_URL ? strncasecmp(line, text->data, text->length)
                                      : memcmp(line, text->data, text->length);
        if (other == 0) {
            return text->length;
        }
    }
    return 0;
}

void command_env_mask(const struct pg_address *address, const char *line, size_t length,
                      struct buf *out)
{
    struct spellings spellings;
    spell(address, &spellings);
    for (size_t at = 0; at < length;) {
        size_t secret = secret_at(&spellings, line + at, length - at);
        if (secret) {
            buf_text(out, "***");
            at += secret;
        } else {
            buf_char(out, line[at++]);
        }
    }
    for (size_t i = 0; i < SPELLINGS; i++) {
        buf_wipe(&spellings.texts[i]);
    }
}
