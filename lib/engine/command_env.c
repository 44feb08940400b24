#include "engine/command_env.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "trigger/trigger.h"

enum { NAME_MAX_SIZE = 1024, VALUE_MAX = 1024 * 1024 };

static const char *const database_names[] = {
    "PGHOST",      "PGPORT",        "PGDATABASE",   "PGUSER",  "PGPASSWORD",
    "PGSSLMODE",   "PGSSLROOTCERT", "DB_HOST",      "DB_PORT", "DB_DATABASE",
    "DB_USERNAME", "DB_PASSWORD",   "DATABASE_URL",
};

/* libpq would let these win over the host that PGHOST names. */
static const char *const misleading_names[] = {"PGHOSTADDR", "PGSERVICE"};

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static char *make_variable(const char *name, const char *value)
{
    struct buf text = buf_make(VALUE_MAX);
    buf_format(&text, "%s=", name);
    buf_text(&text, value);
    return buf_take(&text);
}

/* The NULL at the end counts in capacity only. */
static void put(struct command_env *env, const char *name, const char *value)
{
    env->variables =
        memory_push(env->variables, env->count + 1, &env->capacity, sizeof *env->variables);
    env->variables[env->count++] = make_variable(name, value);
    env->variables[env->count] = NULL;
}

void command_env_put(struct command_env *env, const char *name, const char *value)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < env->count; i++) {
        char *variable = env->variables[i];
        if (strncmp(variable, name, length) == 0 && variable[length] == '=') {
            free(variable);
            env->variables[i] = make_variable(name, value);
            return;
        }
    }
    put(env, name, value);
}

void command_percent(struct buf *out, const char *text)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *at = text ? text : ""; *at; at++) {
        if (strchr(unreserved, *at)) {
            buf_char(out, *at);
        } else {
            buf_format(out, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
}

static void make_url(const struct pg_address *address, struct buf *out)
{
    bool six = strchr(address->host, ':') != NULL;
    buf_text(out, "postgresql://");
    command_percent(out, address->user);
    buf_char(out, ':');
    command_percent(out, secret_reveal(address->password));
    buf_char(out, '@');
    if (six) { /* fe80::1%eth0 is [fe80::1%25eth0] */
        size_t length = strcspn(address->host, "%");
        buf_char(out, '[');
        buf_add(out, address->host, length);
        command_percent(out, address->host + length);
        buf_char(out, ']');
    } else {
        command_percent(out, address->host);
    }
    buf_format(out, ":%d/", address->port);
    command_percent(out, address->database);
    buf_text(out, "?sslmode=");
    command_percent(out, address->sslmode);
    if (!text_empty(address->ca_file)) {
        buf_text(out, "&sslrootcert=");
        command_percent(out, address->ca_file);
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
        if (values[i]) {
            put(env, database_names[i], values[i]);
        }
    }
    buf_wipe(&url);
}

void command_env_make(const struct env *env, const struct pg_address *address,
                      struct command_env *out_env)
{
    char name[NAME_MAX_SIZE];
    *out_env = (struct command_env){0};
    for (size_t i = 0; env_name(env, i, name, sizeof name); i++) {
        if (!is_among(name, database_names, COUNT(database_names)) &&
            !is_among(name, misleading_names, COUNT(misleading_names))) {
            const char *value = env_get(env, name);
            /* NULL: a name that was cut. A request's URL lets its holder answer for us. */
            if (value && !trigger_holds_url(value)) {
                put(out_env, name, value);
            }
        }
    }
    put_database(out_env, address);
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
