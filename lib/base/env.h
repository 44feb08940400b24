/*
 * The environment, read once. main takes it; everybody else gets this value and never calls getenv.
 *
 * A variable that carries a secret is concealed once it was read: its bytes in the process's own
 * environment block are overwritten, so that /proc/<pid>/environ does not show it.
 */
#ifndef POSTLUDE_BASE_ENV_H
#define POSTLUDE_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct env;

/* A copy of `variables` ("NAME=value", NULL-terminated), which must outlive the env: concealing
 * writes into it. */
struct env *env_take(char **variables);
void env_free(struct env *env); /* wipes the copies; NULL is fine */

/* The value, or NULL when the variable is not set. Valid until env_free. */
const char *env_get(const struct env *env, const char *name);
/* The same, where an empty value counts as not set. */
const char *env_value(const struct env *env, const char *name);

/* The name of the index-th variable, cut to fit; false behind the last. */
MUST_CHECK bool env_name(const struct env *env, size_t index, char *out_name, size_t size);

/* Whether any variable whose name starts with prefix is set, even to nothing. */
bool env_any(const struct env *env, const char *prefix);

/* Overwrites the original's value with blanks; env_get goes on giving the copy. */
void env_conceal(struct env *env, const char *name);

/* Pure: whether a name says that it holds a secret (PASSWORD, SECRET, TOKEN, ...). */
bool env_sounds_secret(const char *name);
/* Conceals every variable whose name does; and those that hold a URL with a user, and so perhaps a
 * password, which libraries go on finding in the process's environment. */
void env_conceal_secrets(struct env *env);

/* Takes every variable whose name starts with prefix out of the process's environment, so that no
 * library sees it; env_get goes on giving the copy. */
void env_withdraw(struct env *env, const char *prefix);

DEFINE_AUTO(env, struct env *, env_free)

#endif
