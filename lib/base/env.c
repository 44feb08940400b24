#include "base/env.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

struct env {
    char **copies;
    char **originals;
    size_t count;
};

struct env *env_take(char **variables)
{
    struct env *env = memory_new(1, sizeof *env);
    while (variables[env->count]) {
        env->count++;
    }
    env->copies = memory_new(env->count, sizeof *env->copies);
    env->originals = memory_new(env->count, sizeof *env->originals);
    for (size_t i = 0; i < env->count; i++) {
        env->copies[i] = memory_text(variables[i]);
        env->originals[i] = variables[i];
    }
    return env;
}

void env_free(struct env *env)
{
    if (!env) {
        return;
    }
    for (size_t i = 0; i < env->count; i++) {
        explicit_bzero(env->copies[i], strlen(env->copies[i]));
        free(env->copies[i]);
    }
    free(env->copies);
    free(env->originals);
    free(env);
}

/* The part behind the equals sign, when `variable` is that of `name`. */
static char *value_of(char *variable, const char *name)
{
    size_t length = strlen(name);
    bool same = strncmp(variable, name, length) == 0 && variable[length] == '=';
    return same ? variable + length + 1 : NULL;
}

const char *env_get(const struct env *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *value = value_of(env->copies[i], name);
        if (value) {
            return value;
        }
    }
    return NULL;
}

const char *env_value(const struct env *env, const char *name)
{
    const char *value = env_get(env, name);
    return text_empty(value) ? NULL : value;
}

bool env_name(const struct env *env, size_t index, char *out_name, size_t size)
{
    if (index >= env->count) {
        return false;
    }
    text_copy(out_name, size, env->copies[index]);
    out_name[strcspn(out_name, "=")] = '\0';
    return true;
}

bool env_any(const struct env *env, const char *prefix)
{
    for (size_t i = 0; i < env->count; i++) {
        if (text_starts(env->copies[i], prefix)) {
            return true;
        }
    }
    return false;
}

void env_conceal(struct env *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++) {
        char *value = value_of(env->originals[i], name);
        if (value) {
            memset(value, ' ', strlen(value));
        }
    }
}

bool env_sounds_secret(const char *name)
{
    static const char *const marks[] = {"PASSWORD", "PASSWD", "SECRET", "TOKEN", "PRIVATE_KEY"};
    for (size_t i = 0; i < COUNT(marks); i++) {
        if (strcasestr(name, marks[i])) {
            return true;
        }
    }
    return false;
}

/* http://user:password@host; a proxy's may lack what stands before the user. */
static bool names_a_user(const char *name, const char *value)
{
    static const char proxy[] = "_proxy";
    size_t length = strlen(name);
    bool of_proxy = length >= sizeof proxy && strcasecmp(name + length - strlen(proxy), proxy) == 0;
    const char *scheme = strstr(value, "://");
    return strchr(scheme ? scheme : value, '@') && (scheme || of_proxy);
}

void env_conceal_secrets(struct env *env)
{
    for (size_t i = 0; i < env->count; i++) {
        AUTO(text) char *name = memory_text_n(env->copies[i], strcspn(env->copies[i], "="));
        const char *value = env_get(env, name);
        if (env_sounds_secret(name)) {
            env_conceal(env, name);
        } else if (value && names_a_user(name, value) && setenv(name, value, 1) == 0) {
            /* libcurl reads its proxies by itself: it finds this copy. */
            env_conceal(env, name);
        }
    }
}

void env_withdraw(struct env *env, const char *prefix)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *equals = strchr(env->copies[i], '=');
        if (equals && text_starts(env->copies[i], prefix)) {
            AUTO(text)
            char *name = memory_text_n(env->copies[i], (size_t)(equals - env->copies[i]));
            (void)unsetenv(name);
        }
    }
}
