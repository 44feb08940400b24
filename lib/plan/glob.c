#include "plan/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"

enum { PATH_SIZE_MAX = 8192 };

void plan_names_free(struct plan_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    *names = (struct plan_names){0};
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The part of a path up to its last slash, that included. */
static size_t head_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool in_folder(const char *folder, const char *head, size_t length, struct buf *out)
{
    buf_format(out, "%s/%.*s", folder, (int)length, head);
    return !out->full;
}

/* Every name in the folder of `pattern` that fits its last part. */
static bool list(const char *folder, const char *pattern, struct plan_names *out_names)
{
    size_t head = head_length(pattern);
    AUTO(buf) struct buf path = buf_make(PATH_SIZE_MAX);
    DIR *opened = in_folder(folder, pattern, head, &path) ? opendir(path.data) : NULL;
    if (!opened) {
        return false;
    }
    for (struct dirent *entry = readdir(opened); entry; entry = readdir(opened)) {
        if (fnmatch(pattern + head, entry->d_name, FNM_PERIOD) == 0) {
            struct buf name = buf_make(PATH_SIZE_MAX);
            buf_add(&name, pattern, head);
            buf_text(&name, entry->d_name);
            out_names->items = memory_push(out_names->items, out_names->count, &out_names->capacity,
                                           sizeof *out_names->items);
            out_names->items[out_names->count++] = buf_take(&name);
            buf_free(&name);
        }
    }
    (void)closedir(opened);
    if (out_names->count) {
        qsort(out_names->items, out_names->count, sizeof *out_names->items, compare);
    }
    return true;
}

static bool check_pattern(const char *pattern, const char *shown, const struct plan_spot *spot)
{
    if (strstr(pattern, "**")) {
        finding_hint(plan_error(spot, "\"**\" is not supported: \"%s\"", shown),
                     "Write one glob a folder, as in \"a/*.sql\" and \"b/*.sql\".");
        return false;
    }
    if (strcspn(pattern, "*?[") < head_length(pattern)) {
        finding_hint(plan_error(spot, "glob \"%s\" has a wildcard in a folder's name", shown),
                     "Only the last part can hold *, ? and [...]; write one glob a folder.");
        return false;
    }
    if (!text_ends(pattern, ".sql")) {
        finding_hint(plan_error(spot, "glob \"%s\" does not end in \".sql\"", shown),
                     "Migration files end in \".sql\", and so does a glob for them.");
        return false;
    }
    return true;
}

/* golang-migrate keeps the way back in x.down.sql beside x.up.sql, and "d" sorts before "u". */
static bool check_down(const struct plan_names *names, const char *pattern, const char *shown,
                       const struct plan_spot *spot)
{
    for (size_t i = 0; i < names->count && !text_ends(pattern, ".down.sql"); i++) {
        if (text_ends(names->items[i], ".down.sql")) {
            AUTO(text) char *name = plan_shown(names->items[i]);
            finding_hint(plan_error(spot, "glob \"%s\" would apply \"%s\"", shown, name),
                         "A file that ends in \".down.sql\" undoes a migration; write "
                         "\"*.up.sql\".");
            return false;
        }
    }
    return true;
}

/* Whether two names, the first of which sorts first, part inside a number, and that of the first is
 * the greater one. */
static bool numbers_fall(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] && a[same] == b[same]) {
        same++;
    }
    while (same > 0 && a[same - 1] >= '0' && a[same - 1] <= '9') {
        same--;
    }
    size_t a_digits = strspn(a + same, "0123456789");
    size_t b_digits = strspn(b + same, "0123456789");
    size_t a_zeros = strspn(a + same, "0");
    size_t b_zeros = strspn(b + same, "0");
    return a_digits && b_digits && a_digits - a_zeros > b_digits - b_zeros;
}

/* 10_b.sql stands before 2_a.sql: sorted as promised, but hardly as meant. */
static void warn_order(const struct plan_names *names, const struct plan_spot *spot)
{
    for (size_t i = 1; i < names->count; i++) {
        if (numbers_fall(names->items[i - 1], names->items[i])) {
            AUTO(text) char *first = plan_shown(names->items[i - 1]);
            AUTO(text) char *second = plan_shown(names->items[i]);
            finding_hint(plan_warning(spot, "\"%s\" comes before \"%s\"", first, second),
                         "A glob is sorted by bytes, not by numbers; pad the numbers with zeros, "
                         "or list the files one by one.");
            return;
        }
    }
}

bool plan_glob(const char *folder, const char *pattern, struct plan_names *out_names,
               const struct plan_spot *spot)
{
    AUTO(text) char *shown = plan_shown(pattern);
    AUTO(plan_names) struct plan_names names = {0};
    if (!check_pattern(pattern, shown, spot)) {
        return false;
    }
    if (!list(folder, pattern, &names)) {
        finding_hint(plan_error(spot, "could not read the folder of glob \"%s\": %s", shown,
                                strerror(errno)),
                     "Paths are relative to the plan's folder.");
        return false;
    }
    if (!names.count) {
        finding_hint(plan_error(spot, "glob \"%s\" matches no file", shown),
                     "Are the files in the image? Paths are relative to the plan's folder; write "
                     "migrations: [] for none.");
        return false;
    }
    if (!check_down(&names, pattern, shown, spot)) {
        return false;
    }
    warn_order(&names, spot);
    *out_names = names;
    names = (struct plan_names){0};
    return true;
}

char *plan_nearest_file(const char *folder, const char *file)
{
    size_t head = head_length(file);
    struct buf pattern = buf_make(PATH_SIZE_MAX);
    buf_add(&pattern, file, head);
    buf_text(&pattern, "*.sql");
    AUTO(text) char *all = buf_take(&pattern);
    buf_free(&pattern);
    AUTO(plan_names) struct plan_names names = {0};
    if (!list(folder, all, &names) || !names.count) {
        return NULL;
    }
    const char *nearest = text_nearest(file, (const char *const *)names.items, names.count);
    return nearest ? plan_shown(nearest) : NULL;
}
