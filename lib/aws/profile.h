/*
 * The files that the AWS CLI keeps: which there are, and what they say about a profile.
 *
 * AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials, has sections [name]; AWS_CONFIG_FILE, else
 * ~/.aws/config, has [profile name], and [default]. Of a key that both have, the first counts.
 */
#ifndef POSTLUDE_AWS_PROFILE_H
#define POSTLUDE_AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/ini.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/error.h"

struct aws_profile_file {
    char *path; /* NULL: there is no HOME to find it in */
    bool there;
    struct aws_ini ini;
};

struct aws_profiles {
    struct aws_profile_file credentials, config;
};

/* The profile that is asked for: AWS_PROFILE, AWS_DEFAULT_PROFILE, NULL when none is. */
const char *aws_profile_asked(const struct env *env);

/* Reads both files. One that is not there is no error, unless a variable names it. ERROR_DENIED:
 * not to be read, or not in the format; the message names file and line. The caller clears it. */
MUST_CHECK bool aws_profiles_read(const struct env *env, struct aws_profiles *out_profiles,
                                  struct error *err);

bool aws_profiles_has(const struct aws_profiles *profiles, const char *name);

/* A value, NULL when there is none or it is empty. Valid until aws_profiles_clear. */
const char *aws_profiles_get(const struct aws_profiles *profiles, const char *name,
                             const char *key);
/* The same in one of the two files. */
const char *aws_profile_get(const struct aws_profiles *profiles,
                            const struct aws_profile_file *file, const char *name, const char *key);

/* The first key of a profile that starts with prefix, or NULL. */
const char *aws_profiles_key(const struct aws_profiles *profiles, const char *name,
                             const char *prefix);

/* Says that there is no such profile, and which there are. ERROR_DENIED. */
bool aws_profiles_lack(const struct aws_profiles *profiles, const char *name, struct error *err);

/* Wipes and frees; safe on a zeroed struct. */
void aws_profiles_clear(struct aws_profiles *profiles);

static inline void aws_profiles_auto_(struct aws_profiles *profiles)
{
    aws_profiles_clear(profiles);
}

#endif
