#include "aws/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static const char credentials_name[] = "AWS_SHARED_CREDENTIALS_FILE";
static const char config_name[] = "AWS_CONFIG_FILE";

enum { SHOWN_MAX = 12 };

const char *aws_profile_asked(const struct env *env)
{
    const char *name = env_value(env, "AWS_PROFILE");
    return name ? name : env_value(env, "AWS_DEFAULT_PROFILE");
}

/* The path, a leading ~ meaning HOME; NULL when there is none. */
static char *find_path(const struct env *env, const char *variable, const char *usual)
{
    const char *home = env_value(env, "HOME");
    const char *given = env_value(env, variable);
    const char *path = given ? given : usual;
    if (!text_starts(path, "~/")) {
        return memory_text(path);
    }
    if (!home) {
        return NULL;
    }
    struct buf whole = buf_make(4096);
    buf_format(&whole, "%s%s", home, path + 1);
    return buf_take(&whole);
}

static bool broken(const char *path, struct error *err)
{
    struct error why = *err;
    error_set(err, ERROR_DENIED, "%s%s%s: %s", path, text_starts(why.where, "line") ? ", " : "",
              text_starts(why.where, "line") ? why.where : "", why.message);
    error_code(err, "BadCredentials");
    error_where(err, "%s", path);
    return error_hint(err, "%s",
                      *why.hint ? why.hint
                                : "Let the user this runs as read the file, or unset the variable "
                                  "that names it.");
}

static bool read_file(const struct env *env, const char *variable, const char *usual,
                      struct aws_profile_file *out_file, struct error *err)
{
    out_file->path = find_path(env, variable, usual);
    if (!out_file->path || (!env_value(env, variable) && !file_exists(out_file->path))) {
        return true;
    }
    struct buf text = buf_make(AWS_INI_SIZE_MAX);
    out_file->there =
        file_read(out_file->path, &text, err) && aws_ini_parse(&text, &out_file->ini, err);
    buf_wipe(&text);
    if (!out_file->there) {
        broken(out_file->path, err);
        return env_value(env, variable) ? error_wrap(err, "%s", variable) : false;
    }
    return true;
}

bool aws_profiles_read(const struct env *env, struct aws_profiles *out_profiles, struct error *err)
{
    struct aws_profiles profiles = {0};
    bool read =
        read_file(env, credentials_name, "~/.aws/credentials", &profiles.credentials, err) &&
        read_file(env, config_name, "~/.aws/config", &profiles.config, err);
    if (read) {
        *out_profiles = profiles;
    } else {
        aws_profiles_clear(&profiles);
    }
    return read;
}

/* The section in which a file keeps a profile: in the second file it says so. */
static void name_section(const struct aws_profiles *profiles, const struct aws_profile_file *file,
                         const char *name, struct buf *out)
{
    *out = buf_make(1024);
    buf_format(out, file == &profiles->config ? "profile %s" : "%s", name);
    if (file == &profiles->config && strcmp(name, "default") == 0 &&
        !aws_ini_has(&file->ini, out->data)) {
        buf_truncate(out, 0);
        buf_text(out, name);
    }
}

const char *aws_profile_get(const struct aws_profiles *profiles,
                            const struct aws_profile_file *file, const char *name, const char *key)
{
    AUTO(buf) struct buf section = {0};
    name_section(profiles, file, name, &section);
    const char *value = aws_ini_get(&file->ini, section.data, key);
    return text_empty(value) ? NULL : value;
}

const char *aws_profiles_get(const struct aws_profiles *profiles, const char *name, const char *key)
{
    const char *value = aws_profile_get(profiles, &profiles->credentials, name, key);
    return value ? value : aws_profile_get(profiles, &profiles->config, name, key);
}

static bool file_has(const struct aws_profiles *profiles, const struct aws_profile_file *file,
                     const char *name)
{
    AUTO(buf) struct buf section = {0};
    name_section(profiles, file, name, &section);
    return aws_ini_has(&file->ini, section.data);
}

bool aws_profiles_has(const struct aws_profiles *profiles, const char *name)
{
    return file_has(profiles, &profiles->credentials, name) ||
           file_has(profiles, &profiles->config, name);
}

const char *aws_profiles_key(const struct aws_profiles *profiles, const char *name,
                             const char *prefix)
{
    const struct aws_profile_file *const files[] = {&profiles->credentials, &profiles->config};
    for (size_t i = 0; i < COUNT(files); i++) {
        AUTO(buf) struct buf section = {0};
        name_section(profiles, files[i], name, &section);
        for (size_t j = 0; j < files[i]->ini.count; j++) {
            const struct aws_ini_line *line = &files[i]->ini.lines[j];
            if (line->key && strcmp(line->section, section.data) == 0 &&
                strncasecmp(line->key, prefix, strlen(prefix)) == 0) {
                return line->key;
            }
        }
    }
    return NULL;
}

/* The name of the profile that a section is, or NULL. */
static const char *profile_of(const struct aws_profiles *profiles,
                              const struct aws_profile_file *file, const char *section)
{
    if (file == &profiles->credentials || strcmp(section, "default") == 0) {
        return section;
    }
    return text_starts(section, "profile ") ? section + strlen("profile ") : NULL;
}

static void list_names(const struct aws_profiles *profiles, struct buf *out)
{
    const struct aws_profile_file *const files[] = {&profiles->credentials, &profiles->config};
    size_t listed = 0;
    for (size_t i = 0; i < COUNT(files); i++) {
        for (size_t j = 0; j < files[i]->ini.count; j++) {
            const struct aws_ini_line *line = &files[i]->ini.lines[j];
            const char *name = line->key ? NULL : profile_of(profiles, files[i], line->section);
            bool again = i > 0 && name && file_has(profiles, files[0], name);
            if (name && !again && listed < SHOWN_MAX) {
                buf_text(out, listed++ ? ", " : "");
                text_escape_cut(out, name, 64);
            }
        }
    }
    buf_text(out, listed == 0 ? "none" : "");
    buf_text(out, listed == SHOWN_MAX ? ", ..." : "");
}

bool aws_profiles_lack(const struct aws_profiles *profiles, const char *name, struct error *err)
{
    AUTO(buf) struct buf shown = buf_make(512);
    AUTO(buf) struct buf names = buf_make(1024);
    text_escape_cut(&shown, name, 64);
    list_names(profiles, &names);
    error_set(err, ERROR_DENIED, "there is no profile %s in %s or %s", shown.data,
              profiles->credentials.path ? profiles->credentials.path : "~/.aws/credentials",
              profiles->config.path ? profiles->config.path : "~/.aws/config");
    error_code(err, "NoProfile");
    if (aws_ini_has(&profiles->config.ini, name)) {
        return error_hint(err, "%s has a section [%s]; it has to read [profile %s] there.",
                          profiles->config.path, shown.data, shown.data);
    }
    return error_hint(err,
                      "The profiles there are: %s. Check AWS_PROFILE and source_profile; on "
                      "ECS unset AWS_PROFILE.",
                      names.data);
}

static void clear_file(struct aws_profile_file *file)
{
    free(file->path);
    aws_ini_clear(&file->ini);
    *file = (struct aws_profile_file){0};
}

void aws_profiles_clear(struct aws_profiles *profiles)
{
    clear_file(&profiles->credentials);
    clear_file(&profiles->config);
}
