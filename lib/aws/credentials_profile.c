#include <string.h>

#include "aws/credentials.h"
#include "aws/profile.h"
#include "aws/session.h"
#include "aws/sts.h"
#include "base/log.h"
#include "base/text.h"

enum { CHAIN_MAX = 8 };

/* From a profile to the one it takes its credentials from, and so on. */
struct walk {
    struct aws *aws;
    struct aws_limit *limit;
    const struct aws_profiles *profiles;
    const char *visited[CHAIN_MAX];
    size_t depth;
};

static bool resolve(struct walk *walk, const char *name, struct aws_credentials *out_credentials,
                    struct error *err);

static bool misconfigured(struct error *err, const char *name, const char *hint)
{
    AUTO(buf) struct buf shown = buf_make(512);
    text_escape_cut(&shown, name, 64);
    err->kind = ERROR_DENIED;
    error_code(err, "BadCredentials");
    if (hint) {
        error_hint(err, "%s", hint);
    }
    return error_wrap(err, "profile %s", shown.data);
}

/* What would need a browser, a keyboard, or a program of the user's. */
static bool refuse_key(struct error *err, const char *name, const char *key)
{
    error_set(err, ERROR_DENIED, "%s is not supported", key);
    return misconfigured(
        err, name,
        "What has to run unattended takes static keys, role_arn with source_profile or "
        "credential_source, or web_identity_token_file. From a signed-in AWS CLI, `aws configure "
        "export-credentials --format env` gives variables for an hour or so.");
}

static bool read_static(const struct walk *walk, const struct aws_profile_file *file,
                        const char *name, struct aws_credentials *out_credentials,
                        struct error *err)
{
    static const char *const keys[] = {"aws_access_key_id", "aws_secret_access_key",
                                       "aws_session_token"};
    const char *values[COUNT(keys)];
    bool any = false;
    for (size_t i = 0; i < COUNT(keys); i++) {
        values[i] = aws_profile_get(walk->profiles, file, name, keys[i]);
        any |= values[i] != NULL;
    }
    if (!any || aws_credentials_typed(keys, values, out_credentials, err)) {
        return true;
    }
    error_wrap(err, "%s", file->path);
    return misconfigured(err, name, NULL);
}

static bool refuse_keys(const struct walk *walk, const char *name, const char *const *prefixes,
                        size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *key = aws_profiles_key(walk->profiles, name, prefixes[i]);
        if (key) {
            return refuse_key(err, name, key);
        }
    }
    return true;
}

/* The AWS CLI's order: a program's output goes before keys of the second file only. */
static bool read_keys(const struct walk *walk, const char *name,
                      struct aws_credentials *out_credentials, struct error *err)
{
    static const char *const sso[] = {"sso_"};
    static const char *const other[] = {"login_session", "credential_process"};
    if (!refuse_keys(walk, name, sso, COUNT(sso), err) ||
        !read_static(walk, &walk->profiles->credentials, name, out_credentials, err)) {
        return false;
    }
    if (*out_credentials->access_key_id) {
        return true;
    }
    return refuse_keys(walk, name, other, COUNT(other), err) &&
           read_static(walk, &walk->profiles->config, name, out_credentials, err);
}

static bool read_role(const struct walk *walk, const char *name, struct aws_role *out_role,
                      struct error *err)
{
    const struct aws_profiles *profiles = walk->profiles;
    const char *arn = aws_profiles_get(profiles, name, "role_arn");
    const char *duration = aws_profiles_get(profiles, name, "duration_seconds");
    struct aws_role role;
    struct aws_role ignored;
    if (!arn) {
        error_set(err, ERROR_DENIED, "web_identity_token_file is set, but role_arn is not");
        return misconfigured(err, name, "Set both.");
    }
    if (!aws_sts_role(arn, NULL, &ignored, err)) {
        error_wrap(err, "role_arn");
        return misconfigured(err, name, NULL);
    }
    if (!aws_sts_role(arn, aws_profiles_get(profiles, name, "role_session_name"), &role, err)) {
        error_wrap(err, "role_session_name");
        return misconfigured(err, name, NULL);
    }
    if (duration && !text_integer(duration, 900, 43200, &role.duration_s)) {
        error_set(err, ERROR_DENIED, "duration_seconds is not a number from 900 to 43200");
        return misconfigured(err, name, "Leave it out for an hour.");
    }
    role.external_id = aws_profiles_get(profiles, name, "external_id");
    *out_role = role;
    return true;
}

static bool ask_source(const struct walk *walk, const char *name, const char *source,
                       struct aws_credentials *out_credentials, struct error *err)
{
    static const struct {
        const char *name;
        aws_provider *ask;
    } known[] = {{"Environment", aws_credentials_env},
                 {"EcsContainer", aws_credentials_container},
                 {"Ec2InstanceMetadata", aws_credentials_instance}};
    AUTO(buf) struct buf why = buf_make(512);
    buf_text(&why, "");
    for (size_t i = 0; i < COUNT(known); i++) {
        if (strcasecmp(source, known[i].name) != 0) {
            continue;
        }
        if (!known[i].ask(walk->aws, walk->limit, out_credentials, &why, err)) {
            return false;
        }
        if (*out_credentials->access_key_id) {
            return true;
        }
        error_set(err, ERROR_DENIED, "credential_source %s has no credentials (%s)", known[i].name,
                  why.data);
        return misconfigured(err, name, "Choose the source that there is where this runs.");
    }
    error_set(err, ERROR_DENIED, "credential_source is not one there is");
    return misconfigured(err, name, "It is Environment, EcsContainer or Ec2InstanceMetadata.");
}

static bool ask_profile(struct walk *walk, const char *name, const char *source,
                        struct aws_credentials *out_credentials, struct error *err)
{
    if (!aws_profiles_has(walk->profiles, source)) {
        aws_profiles_lack(walk->profiles, source, err);
        error_wrap(err, "source_profile");
        return misconfigured(err, name, NULL);
    }
    if (!resolve(walk, source, out_credentials, err)) {
        return false;
    }
    if (*out_credentials->access_key_id) {
        return true;
    }
    error_set(err, ERROR_DENIED, "its source_profile holds no credentials");
    return misconfigured(err, name, "Give that profile keys, or a role of its own.");
}

static bool find_source(struct walk *walk, const char *name,
                        struct aws_credentials *out_credentials, struct error *err)
{
    const char *profile = aws_profiles_get(walk->profiles, name, "source_profile");
    const char *source = aws_profiles_get(walk->profiles, name, "credential_source");
    if (!profile == !source) {
        error_set(err, ERROR_DENIED, "role_arn with %s source_profile %s credential_source",
                  profile ? "both" : "neither", profile ? "and" : "nor");
        return misconfigured(err, name, "One of the two says who asks for the role.");
    }
    return profile ? ask_profile(walk, name, profile, out_credentials, err)
                   : ask_source(walk, name, source, out_credentials, err);
}

static bool assume(struct walk *walk, const char *name, struct aws_credentials *out_credentials,
                   struct error *err)
{
    struct aws_role role;
    /* Somebody with given credentials, who never asks the chain that this is part of. */
    AUTO(aws) struct aws asking = aws_open_bare(walk->aws);
    if (aws_profiles_get(walk->profiles, name, "mfa_serial")) {
        return refuse_key(err, name, "mfa_serial");
    }
    if (!read_role(walk, name, &role, err) || !find_source(walk, name, &asking.credentials, err)) {
        return false;
    }
    return aws_sts_assume(&asking, &role, walk->limit, out_credentials, err);
}

static bool take_web_identity(struct walk *walk, const char *name, const char *file,
                              struct aws_credentials *out_credentials, struct error *err)
{
    struct aws_role role;
    AUTO(aws) struct aws nobody = aws_open_bare(walk->aws);
    return read_role(walk, name, &role, err) &&
           aws_sts_web_identity(&nobody, &role, file, walk->limit, out_credentials, err);
}

static bool visit(struct walk *walk, const char *name, struct error *err)
{
    for (size_t i = 0; i < walk->depth; i++) {
        if (strcmp(walk->visited[i], name) == 0) {
            error_set(err, ERROR_DENIED, "its source_profile leads back to itself");
            return misconfigured(err, name, "Let the last profile of the row hold keys.");
        }
    }
    if (walk->depth == CHAIN_MAX) {
        error_set(err, ERROR_DENIED, "more than %d profiles stand behind it", CHAIN_MAX);
        return misconfigured(err, walk->visited[0], "Shorten the row of source_profile.");
    }
    walk->visited[walk->depth++] = name;
    return true;
}

/* Nothing in *out_credentials: the profile holds none. */
static bool resolve(struct walk *walk, const char *name, struct aws_credentials *out_credentials,
                    struct error *err)
{
    const char *token_file = aws_profiles_get(walk->profiles, name, "web_identity_token_file");
    bool has_role = aws_profiles_get(walk->profiles, name, "role_arn") != NULL;
    /* A profile may name itself as source, for its own keys. */
    bool for_keys =
        walk->depth > 0 && aws_profiles_get(walk->profiles, name, "aws_access_key_id") != NULL;
    if (for_keys) {
        return read_keys(walk, name, out_credentials, err);
    }
    if (!visit(walk, name, err)) {
        return false;
    }
    if (token_file) {
        return take_web_identity(walk, name, token_file, out_credentials, err);
    }
    return has_role ? assume(walk, name, out_credentials, err)
                    : read_keys(walk, name, out_credentials, err);
}

/* Settings that the AWS CLI takes from a profile; who relies on them should hear of it. */
static void warn_of_unread(const struct aws_profiles *profiles, const char *name)
{
    static const char *const unread[] = {"endpoint_url", "services", "use_fips_endpoint",
                                         "use_dualstack_endpoint", "ca_bundle"};
    static bool warned;
    for (size_t i = 0; i < COUNT(unread) && !warned; i++) {
        if (aws_profiles_get(profiles, name, unread[i])) {
            log_warn("a setting of the AWS profile is not read; set its variable instead",
                     LOG_TEXT("profile", name), LOG_TEXT("setting", unread[i]));
            warned = true;
        }
    }
}

/* Whether there is a profile to look into; else err, or why and *out_none. */
static bool find_profile(const struct aws_profiles *profiles, const char *asked, bool *out_none,
                         struct buf *why, struct error *err)
{
    *out_none = !aws_profiles_has(profiles, asked ? asked : "default");
    if (!*out_none) {
        return true;
    }
    if (asked) {
        return aws_profiles_lack(profiles, asked, err);
    }
    if (!profiles->credentials.path && !profiles->config.path) {
        buf_text(why, "HOME is not set");
    } else if (!profiles->credentials.there && !profiles->config.there) {
        buf_format(why, "no %s",
                   profiles->credentials.path ? profiles->credentials.path : profiles->config.path);
    } else {
        buf_format(why, "no profile default in %s",
                   profiles->credentials.there ? profiles->credentials.path
                                               : profiles->config.path);
    }
    return true;
}

static bool has_none(struct error *err, const char *name)
{
    error_set(err, ERROR_DENIED, "it has neither keys nor a role");
    return misconfigured(err, name,
                         "Give it aws_access_key_id and aws_secret_access_key, or role_arn with "
                         "source_profile or credential_source.");
}

bool aws_credentials_profile(struct aws *aws, struct aws_limit *limit,
                             struct aws_credentials *out_credentials, struct buf *why,
                             struct error *err)
{
    AUTO(aws_profiles) struct aws_profiles profiles = {0};
    const char *asked = aws_profile_asked(aws->env);
    const char *name = asked ? asked : "default";
    bool none = false;
    if (!aws_profiles_read(aws->env, &profiles, err) ||
        !find_profile(&profiles, asked, &none, why, err)) {
        return false;
    }
    if (none) {
        return true;
    }
    struct walk walk = {.aws = aws, .limit = limit, .profiles = &profiles};
    AUTO(aws_credentials) struct aws_credentials found = {0};
    if (!resolve(&walk, name, &found, err)) {
        return false;
    }
    if (!*found.access_key_id) {
        buf_format(why, "profile %s has neither keys nor a role", name);
        return !asked || has_none(err, name);
    }
    warn_of_unread(&profiles, name);
    found.source = "profile files";
    *out_credentials = found;
    found = (struct aws_credentials){0};
    return true;
}
