#include "plan/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/checks.h"
#include "plan/checksum.h"
#include "plan/glob.h"

/* Twice what Linux takes. */
enum { PATH_SIZE_MAX = 8192 };

/* A migration with what is needed to find out that it is there twice. */
struct found {
    struct plan_migration migration;
    char *real; /* of a file, else NULL */
    size_t order;
    bool twice; /* the very file is listed before */
    /* Of an entry before this one with the same id, or the same file. */
    const char *twin_file; /* NULL: a command, or no twin */
    unsigned twin_line;    /* 0: no twin */
};

struct files {
    const struct plan *plan;
    const char *real_folder;
    struct buf text; /* of one file after the other */
    struct found *items;
    size_t count, capacity;
    const struct plan_spot *spot;
};

/* Whether the path, read from left to right, never leaves the folder it starts in. */
static bool stays_inside(const char *path)
{
    int depth = 0;
    while (*path) {
        size_t length = strcspn(path, "/");
        if (length == 2 && path[0] == '.' && path[1] == '.') {
            depth--;
        } else if (length > 0 && !(length == 1 && *path == '.')) {
            depth++;
        }
        if (depth < 0) {
            return false;
        }
        path += length + (path[length] == '/');
    }
    return true;
}

static bool check_place(const char *path, const struct plan_spot *spot)
{
    struct plan_wrong wrong;
    AUTO(text) char *shown = plan_shown(path);
    if (text_bad_utf8(path, strlen(path)) < strlen(path)) {
        finding_hint(plan_error(spot, "file name \"%s\" is not UTF-8", shown), "Rename the file.");
        return false;
    }
    if (!plan_check_line(path, &wrong)) {
        finding_hint(plan_error(spot, "file name \"%s\" %s", shown, wrong.message),
                     "Rename the file.");
        return false;
    }
    if (path[0] == '/') {
        finding_hint(plan_error(spot, "\"%s\" is an absolute path", shown),
                     "Paths are relative to the plan's folder.");
        return false;
    }
    if (!stays_inside(path)) {
        finding_hint(plan_error(spot, "\"%s\" leaves the plan's folder", shown),
                     "Move the file below the plan's folder, or the plan above the file.");
        return false;
    }
    return true;
}

static bool check_suffix(const char *path, const struct plan_spot *spot)
{
    if (text_ends(path, ".sql")) {
        return true;
    }
    AUTO(text) char *shown = plan_shown(path);
    finding_hint(plan_error(spot, "\"%s\" does not end in \".sql\"", shown),
                 "Name a file that does; a migration's id is its name without \".sql\".");
    return false;
}

static void absent(const struct files *files, const char *file, const struct plan_spot *spot)
{
    int reason = errno;
    AUTO(text) char *shown = plan_shown(file);
    if (reason != ENOENT && reason != ENOTDIR) {
        struct finding *fresh =
            plan_error(spot, "could not open \"%s\": %s", shown, strerror(reason));
        if (reason == EACCES) {
            finding_hint(fresh, "Let the user of the container read it and its folder.");
        }
        return;
    }
    AUTO(text) char *nearest = plan_nearest_file(files->plan->folder, file);
    struct finding *fresh = plan_error(spot, "file \"%s\" does not exist", shown);
    if (strpbrk(file, "*?[")) {
        finding_hint(fresh, "\"file\" names one file; a glob is an entry of its own: - \"%s\"",
                     shown);
    } else if (text_same(nearest, file)) {
        finding_hint(fresh, "It is a symbolic link to a file that is not there.");
    } else if (nearest) {
        finding_hint(fresh, "Did you mean \"%s\"?", nearest);
    } else {
        finding_hint(fresh, "Is it in the image? Paths are relative to the plan's folder.");
    }
}

static bool check_real(const struct files *files, const char *file, const char *real,
                       const struct plan_spot *spot)
{
    AUTO(text) char *shown = plan_shown(file);
    size_t length = strlen(files->real_folder);
    bool below = strncmp(real, files->real_folder, length) == 0 &&
                 (real[length] == '/' || files->real_folder[length - 1] == '/');
    if (!below) {
        finding_hint(
            plan_error(spot, "\"%s\" leads out of the plan's folder by a symbolic link", shown),
            "Copy the file to where the plan is.");
        return false;
    }
    struct stat info;
    if (stat(real, &info) != 0 || !S_ISREG(info.st_mode)) {
        finding_hint(plan_error(spot, "\"%s\" is not a regular file", shown),
                     "A migration is one file; for those of a folder write a glob, \"%s/*.sql\".",
                     shown);
        return false;
    }
    return true;
}

/* "a/0001_create.sql" -> "0001_create" */
static char *id_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    return memory_text_n(name, strlen(name) - strlen(".sql"));
}

static bool check_id(const struct plan_migration *migration, const struct plan_spot *spot)
{
    struct plan_wrong wrong;
    AUTO(text) char *shown = plan_shown(migration->id);
    if (!*migration->id) {
        finding_hint(plan_error(spot, "file \".sql\" gives no id"), "Rename the file.");
        return false;
    }
    if (!plan_check_id(migration->id, &wrong)) {
        finding_hint(plan_error(spot, "id \"%s\" %s", shown, wrong.message), "%s", wrong.hint);
        return false;
    }
    return true;
}

static void read_file(struct files *files, struct plan_migration *migration,
                      const struct plan_spot *entry)
{
    struct plan_spot spot = plan_spot_at(entry, 0, 0);
    spot.file = migration->file;
    struct error err;
    buf_truncate(&files->text, 0);
    if (!file_read(migration->path, &files->text, &err)) {
        finding_hint(plan_error(&spot, "%s", err.message),
                     strcmp(err.code, "EFBIG") == 0 ? "Split it into several migrations."
                                                    : "Let the user of the container read it.");
        return;
    }
    size_t length = files->text.length;
    const char *text = plan_without_bom(files->text.data, &length);
    if (plan_check_sql(files->text.data, files->text.length, &spot) &&
        plan_trimmed(text, length) == 0) {
        finding_hint(plan_warning(&spot, "migration file is empty"),
                     "It would be recorded as applied; what is written into it later would be a "
                     "changed file.");
    }
    plan_checksum(files->text.data, files->text.length, migration->checksum);
}

/* Takes over what it holds. */
static void keep(struct files *files, const struct found *found)
{
    files->items = memory_push(files->items, files->count, &files->capacity, sizeof *files->items);
    files->items[files->count] = *found;
    files->items[files->count].order = files->count;
    files->count++;
}

/* Takes *migration, whose file is set, into the list if it is a file that can be one. */
static void add_file(struct files *files, struct plan_migration *migration)
{
    struct plan_spot spot = plan_spot_at(files->spot, migration->line, migration->column);
    if (!check_place(migration->file, &spot) || !check_suffix(migration->file, &spot)) {
        return;
    }
    AUTO(buf) struct buf path = buf_make(PATH_SIZE_MAX);
    buf_format(&path, "%s/%s", files->plan->folder, migration->file);
    char *real = path.full ? NULL : realpath(path.data, NULL);
    if (!real) {
        absent(files, migration->file, &spot);
        return;
    }
    migration->path = buf_take(&path);
    if (!migration->id) {
        migration->id = id_of(migration->file);
    }
    if (!check_real(files, migration->file, real, &spot) || !check_id(migration, &spot)) {
        free(real);
        return;
    }
    read_file(files, migration, &spot);
    keep(files, &(struct found){.migration = *migration, .real = real});
    *migration = (struct plan_migration){0};
}

/* A file of a glob has what the entry has; an entry that is a glob has nothing but its place and
 * the time limits of "run". */
static void add_glob(struct files *files, const struct plan_migration *entry)
{
    struct plan_spot spot = plan_spot_at(files->spot, entry->line, entry->column);
    AUTO(plan_names) struct plan_names names = {0};
    if (!check_place(entry->file, &spot) ||
        !plan_glob(files->plan->folder, entry->file, &names, &spot)) {
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        struct plan_migration migration = *entry;
        migration.file = memory_text(names.items[i]);
        add_file(files, &migration);
        plan_migration_clear(&migration);
    }
}

static int by_order(const void *a, const void *b)
{
    const struct found *left = a;
    const struct found *right = b;
    return left->order < right->order ? -1 : left->order > right->order;
}

static int by_id(const void *a, const void *b)
{
    const struct found *left = a;
    const struct found *right = b;
    int compared = strcmp(left->migration.id, right->migration.id);
    return compared ? compared : by_order(a, b);
}

static int by_real(const void *a, const void *b)
{
    const struct found *left = a;
    const struct found *right = b;
    int compared = strcmp(left->real ? left->real : "", right->real ? right->real : "");
    return compared ? compared : by_order(a, b);
}

static void sort(struct files *files, int (*compare)(const void *, const void *))
{
    if (files->count) {
        qsort(files->items, files->count, sizeof *files->items, compare);
    }
}

/* Notes, at the later of two, which came before it. */
static void find_twins(struct files *files)
{
    sort(files, by_id);
    for (size_t i = 1; i < files->count; i++) {
        const struct plan_migration *first = &files->items[i - 1].migration;
        if (strcmp(first->id, files->items[i].migration.id) == 0) {
            files->items[i].twin_file = first->file;
            files->items[i].twin_line = first->line;
        }
    }
    sort(files, by_real);
    for (size_t i = 1; i < files->count; i++) {
        const struct found *first = &files->items[i - 1];
        if (first->real && text_same(first->real, files->items[i].real)) {
            files->items[i].twice = true;
            files->items[i].twin_file = first->migration.file;
            files->items[i].twin_line = first->migration.line;
        }
    }
    sort(files, by_order);
}

static void refuse_twins(const struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct found *found = &files->items[i];
        struct plan_spot at =
            plan_spot_at(files->spot, found->migration.line, found->migration.column);
        AUTO(text) char *id = plan_shown(found->migration.id);
        AUTO(text) char *file = plan_shown(found->migration.file ? found->migration.file : "");
        if (found->twice) {
            finding_hint(plan_error(&at, "file \"%s\" is listed twice", file),
                         "Line %u takes it already; list it once, or narrow the glob.",
                         found->twin_line);
        } else if (found->twin_line && !(found->twin_file && found->migration.file)) {
            finding_hint(plan_error(&at, "id \"%s\" is there twice", id),
                         "The other is in line %u; give one of them another \"id\".",
                         found->twin_line);
        } else if (found->twin_line) {
            AUTO(text) char *twin = plan_shown(found->twin_file);
            finding_hint(
                plan_error(&at, "\"%s\" and \"%s\" have the same id \"%s\"", twin, file, id),
                "The other is in line %u; give one of them an id of its own, with \"id\" "
                "beside \"file\".",
                found->twin_line);
        }
    }
}

/* Its items are counted, so that none of them can pass for another migration. */
static void digest_command(struct digest *digest, char *const *command)
{
    size_t count = 0;
    while (command[count]) {
        count++;
    }
    AUTO(buf) struct buf head = buf_make(100);
    buf_format(&head, "command:%zu", count);
    digest_add(digest, head.data, head.length + 1);
    for (size_t i = 0; i < count; i++) {
        digest_add(digest, command[i], strlen(command[i]) + 1);
    }
}

static void digest_plan(const struct plan *plan, char out_digest[7 + DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_begin();
    for (size_t i = 0; i < plan->migration_count; i++) {
        const struct plan_migration *migration = &plan->migrations[i];
        digest_add(digest, migration->id, strlen(migration->id) + 1);
        if (migration->command) {
            digest_command(digest, migration->command);
        } else {
            digest_add(digest, migration->checksum, strlen(migration->checksum));
        }
        digest_add(digest, "\n", 1);
    }
    plan_digest_text(digest, out_digest);
}

static void hand_over(struct files *files, struct plan *plan)
{
    plan->migrations = memory_new(files->count, sizeof *plan->migrations);
    plan->migration_capacity = files->count ? files->count : 1;
    for (size_t i = 0; i < files->count; i++) {
        plan->migrations[plan->migration_count++] = files->items[i].migration;
        free(files->items[i].real);
    }
    free(files->items);
}

void plan_files_find(struct plan *plan, struct plan_entries *entries, const struct plan_spot *spot)
{
    struct files files = {.plan = plan, .spot = spot};
    AUTO(text) char *real_folder = realpath(plan->folder, NULL);
    files.real_folder = real_folder ? real_folder : plan->folder;
    files.text = buf_make(PLAN_SQL_MAX);
    for (size_t i = 0; i < entries->count; i++) {
        struct plan_entry *entry = &entries->items[i];
        if (entry->migration.command) {
            keep(&files, &(struct found){.migration = entry->migration});
            entry->migration = (struct plan_migration){0};
        } else if (entry->glob) {
            add_glob(&files, &entry->migration);
        } else {
            add_file(&files, &entry->migration);
        }
    }
    buf_free(&files.text);
    find_twins(&files);
    refuse_twins(&files);
    hand_over(&files, plan);
    digest_plan(plan, plan->digest);
}
