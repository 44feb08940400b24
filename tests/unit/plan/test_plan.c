/*
 * Plans from text to struct, with files in a temporary folder. The cases are data:
 * cases/<name>.txt, a case a block.
 *
 *   ### title
 *   plan text            %09% is the byte 09
 *   @all                 a line for each required section; "@but run trigger": all but these
 *   > a/0001.sql         a file ("select 1;"); "> x.sql = text", "> b.sql -> target", "> folder/"
 *   $ NAME=value         expand with these variables; "$" alone: with none
 *   ---
 *   3:5 error the message, or its beginning; in another file "0001.sql:3:5 error ..."
 *     the hint, or its beginning
 *   = database.port 5432   what the plan came to
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/finding.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/keys.h"
#include "plan/plan.h"
#include "plan/value.h"

#include "check.h"

enum { VARIABLES_MAX = 20, TEXT_MAX = 4 * 1024 * 1024 };

struct block {
    const char *title;
    struct buf plan;
    char *variables[VARIABLES_MAX + 1];
    size_t variable_count;
    bool expands;
    struct buf wanted;
};

static const struct {
    const char *section, *line;
} standard[] = {
    {"version", "version: 1"},
    {"plan", "plan: orders"},
    {"trigger", "trigger: {pipelines: ['*'], accounts: ['210987654321'], regions: ['*']}"},
    {"database", "database: {host: db, name: orders, user: migrator, password: '${PASSWORD}'}"},
    {"migrations", "migrations: []"},
};

static void add_standard(struct block *block, const char *but)
{
    for (size_t i = 0; i < COUNT(standard); i++) {
        if (!strstr(but, standard[i].section)) {
            buf_format(&block->plan, "%s\n", standard[i].line);
        }
    }
}

static int hex(char c)
{
    const char *digits = "0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* %XX% as that byte. */
static void decode(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (text[0] == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0 && text[3] == '%') {
            buf_char(out, (char)(hex(text[1]) * 16 + hex(text[2])));
            text += 3;
        } else {
            buf_char(out, *text);
        }
    }
}

static void write_file(const char *path, const char *text, size_t length)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, length, file) != length || fclose(file) != 0) {
        (void)fprintf(stderr, "could not write %s\n", path);
        abort();
    }
}

/* The line behind "> ". */
static void make(char *line)
{
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    char *link = strstr(line, " -> ");
    char *content = strstr(line, " = ");
    if (link) {
        *link = '\0';
    } else if (content) {
        *content = '\0';
    }
    AUTO(buf) struct buf name = buf_make(TEXT_MAX);
    decode(&name, line);
    decode(&text, content ? content + 3 : "select 1;%0A%");
    for (char *at = strchr(name.data, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(name.data, 0700);
        *at = '/';
    }
    if (link && symlink(link + 4, name.data) != 0) {
        abort();
    }
    if (!link && !text_ends(name.data, "/")) {
        write_file(name.data, text.data, text.length);
    }
}

static void add_variable(struct block *block, const char *line)
{
    block->expands = true;
    if (*line == ' ' && block->variable_count < VARIABLES_MAX) {
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        decode(&text, line + 1);
        block->variables[block->variable_count++] = buf_take(&text);
    }
}

static void add_line(struct block *block, char *line)
{
    if (strcmp(line, "@all") == 0) {
        add_standard(block, "");
    } else if (text_starts(line, "@but ")) {
        add_standard(block, line);
    } else if (text_starts(line, "> ")) {
        make(line + 2);
    } else if (line[0] == '$' && (line[1] == ' ' || !line[1])) {
        add_variable(block, line + 1);
    } else {
        decode(&block->plan, line);
        buf_char(&block->plan, '\n');
    }
}

static void show_entry(const struct plan *plan, size_t index, struct buf *out)
{
    if (index >= plan->migration_count) {
        return;
    }
    static const char *const transactions[] = {"auto", "yes", "no"};
    const struct plan_migration *m = &plan->migrations[index];
    for (char *const *item = m->command; item && *item; item++) {
        buf_format(out, "%s[%s]", item == m->command ? "" : " ", *item);
    }
    if (m->command) {
        buf_format(out, " %s %s %s %" PRId64, m->id, m->every ? "every" : "once",
                   m->dir ? m->dir : "-", m->timeout_ms);
    } else {
        buf_format(out, "%s %s %s %" PRId64 " %" PRId64, m->id, m->file,
                   transactions[m->transaction], m->lock_timeout_ms, m->statement_timeout_ms);
    }
    buf_format(out, " %s", m->out_of_order ? m->out_of_order : "-");
    if (m->retries != plan->run.retries) {
        buf_format(out, " retries %" PRId64, m->retries);
    }
    if (m->verify) {
        buf_format(out, " verify %u:%u %s", m->verify_line, m->verify_column, m->verify);
    }
}

static void show_place(const struct plan *plan, size_t index, struct buf *out)
{
    if (index < plan->migration_count) {
        plan_place(plan, &plan->migrations[index], out);
    }
}

static void show_field(const struct plan_key *key, const struct plan *plan, struct buf *out)
{
    /* Only a text can be without, and is not looked for there. */
    const void *value = (const char *)plan + (key->value_at ? key->value_at - 1 : 0);
    if (key->type == PLAN_TYPE_LIST) {
        const struct plan_list *list = plan_value_list_of(key, plan);
        for (size_t i = 0; i < list->count; i++) {
            buf_format(out, "%s%s", i ? " " : "", list->items[i].text);
        }
    } else if (key->type == PLAN_TYPE_DURATION) {
        buf_format(out, "%" PRId64, *(const int64_t *)value);
    } else if (key->type == PLAN_TYPE_INTEGER) {
        buf_format(out, "%" PRId64, *(const int64_t *)value);
    } else if (key->type == PLAN_TYPE_BOOLEAN) {
        buf_text(out, *(const bool *)value ? "true" : "false");
    } else if (key->type == PLAN_TYPE_WORD) {
        buf_text(out, key->words[*(const unsigned *)value]);
    } else if (key->type == PLAN_TYPE_SECRET) {
        buf_text(out, secret_reveal(value));
    } else {
        const char *text = plan_value_text_of(key, plan)->text;
        buf_text(out, text ? text : "(none)");
    }
}

/* "database.port", "migrations.0", "place.0", "plan" or "ids" as text. */
static void show(const struct plan *plan, const char *name, struct buf *out)
{
    const char *dot = strchr(name, '.');
    if (!dot) {
        for (size_t i = 0; i < plan->migration_count && strcmp(name, "ids") == 0; i++) {
            buf_format(out, "%s%s", i ? " " : "", plan->migrations[i].id);
        }
        buf_text(out, strcmp(name, "plan") == 0 ? plan->name : "");
        return;
    }
    if (text_starts(name, "migrations.") || text_starts(name, "place.")) {
        int64_t index = 0;
        if (text_integer(dot + 1, 0, 1000, &index)) {
            (*name == 'p' ? show_place : show_entry)(plan, (size_t)index, out);
        }
        return;
    }
    AUTO(text) char *section = memory_text_n(name, (size_t)(dot - name));
    const struct plan_key *key = plan_key_find(section, dot + 1);
    if (key) {
        show_field(key, plan, out);
    }
}

/* What came out, in the form of the expectations. */
static void show_findings(const struct findings *findings, struct buf *out)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *each = &findings->items[i];
        bool own = strcmp(each->file, "postlude.yaml") == 0;
        buf_format(out, "%s%s%u:%u %s %s\n  %s\n", own ? "" : each->file, own ? "" : ":",
                   each->line, each->column, each->level == FINDING_ERROR ? "error" : "warning",
                   each->message, each->hint);
    }
}

/* Each expected line must be the beginning of the next line of its sort. */
static bool compare(struct block *block, const struct plan *plan, const struct findings *findings)
{
    AUTO(buf) struct buf got = buf_make(TEXT_MAX);
    show_findings(findings, &got);
    char *rest = got.data;
    bool same = true;
    char *wanted_rest = block->wanted.data;
    for (char *line = strsep(&wanted_rest, "\n"); line; line = strsep(&wanted_rest, "\n")) {
        if (text_starts(line, "= ")) {
            AUTO(buf) struct buf value = buf_make(TEXT_MAX);
            char *blank = strchr(line + 2, ' ');
            AUTO(text)
            char *name =
                memory_text_n(line + 2, blank ? (size_t)(blank - line) - 2 : strlen(line) - 2);
            if (plan) {
                show(plan, name, &value);
            }
            if (strcmp(value.data, blank ? blank + 1 : "") != 0) {
                (void)fprintf(stderr, "  wanted %s\n  got    = %s %s\n", line, name, value.data);
                same = false;
            }
        } else if (*line) {
            char *next = strsep(&rest, "\n");
            while (next && text_starts(next, "  ") && !text_starts(line, "  ")) {
                next = strsep(&rest, "\n");
            }
            if (!next || !text_starts(next, line)) {
                (void)fprintf(stderr, "  wanted %s\n  got    %s\n", line, next ? next : "nothing");
                same = false;
            }
        }
    }
    for (char *next = strsep(&rest, "\n"); next; next = strsep(&rest, "\n")) {
        if (*next && !text_starts(next, "  ")) {
            (void)fprintf(stderr, "  got, and not wanted: %s\n", next);
            same = false;
        }
    }
    return same;
}

static bool judge(struct block *block)
{
    AUTO(findings) struct findings findings = {0};
    write_file("postlude.yaml", block->plan.data, block->plan.length);
    AUTO(plan) struct plan *plan = plan_load("postlude.yaml", &findings);
    AUTO(env) struct env *env = env_take(block->variables);
    if (plan && block->expands) {
        plan_expand(plan, PLAN_SECTION_TRIGGER | PLAN_SECTION_DATABASE | PLAN_SECTION_REPORT, env,
                    &findings);
    }
    bool same = compare(block, plan, &findings);
    if (!same) {
        AUTO(buf) struct buf got = buf_make(TEXT_MAX);
        show_findings(&findings, &got);
        (void)fprintf(stderr, "FAILED: %s\n%s\n", block->title, got.data);
    }
    return same;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* *rest stands behind the title's line; it is moved to the next title. */
static bool run_case(const char *title, char **rest)
{
    char folder[] = "/tmp/postlude-plan-XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) != 0) {
        abort();
    }
    struct block block = {.title = title, .plan = buf_make(TEXT_MAX), .wanted = buf_make(TEXT_MAX)};
    bool wanted = false;
    while (*rest && !text_starts(*rest, "### ")) {
        char *line = strsep(rest, "\n");
        if (strcmp(line, "---") == 0) {
            wanted = true;
        } else if (wanted) {
            buf_format(&block.wanted, "%s\n", line);
        } else {
            add_line(&block, line);
        }
    }
    bool same = judge(&block);
    buf_free(&block.plan);
    buf_free(&block.wanted);
    for (size_t i = 0; i < block.variable_count; i++) {
        free(block.variables[i]);
    }
    if (chdir("/") != 0 || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0) {
        abort();
    }
    return same;
}

static int run_cases(const char *name)
{
    AUTO(buf) struct buf path = buf_make(TEXT_MAX);
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    struct error err;
    buf_format(&path, "%s/cases/%s.txt", getenv("TEST_DATA"), name);
    if (!file_read(path.data, &text, &err)) {
        (void)fprintf(stderr, "%s: %s\n", err.where, err.message);
        return 1;
    }
    int failed = 0;
    int count = 0;
    char *rest = text.data;
    while (rest) {
        char *line = strsep(&rest, "\n");
        if (text_starts(line, "### ")) {
            failed += !run_case(line + 4, &rest);
            count++;
        }
    }
    (void)printf("%d cases of %s, %d failed\n", count, name, failed);
    return failed || count == 0;
}

static void reads_yaml_strictly(void **state)
{
    (void)state;
    assert_int_equal(run_cases("yaml"), 0);
}

static void reads_keys(void **state)
{
    (void)state;
    assert_int_equal(run_cases("keys"), 0);
}

static void reads_logins(void **state)
{
    (void)state;
    assert_int_equal(run_cases("logins"), 0);
}

static void expands_variables(void **state)
{
    (void)state;
    assert_int_equal(run_cases("variables"), 0);
}

static void finds_files(void **state)
{
    (void)state;
    assert_int_equal(run_cases("files"), 0);
}

static void check_one(const char *path, const char *message)
{
    AUTO(findings) struct findings findings = {0};
    plan_free(plan_load(path, &findings));
    assert_int_equal(findings.errors, 1);
    assert_string_equal(findings.items[0].message, message);
}

static void check_hint(const char *path, const char *hint)
{
    AUTO(findings) struct findings findings = {0};
    plan_free(plan_load(path, &findings));
    assert_true(findings.count > 0);
    assert_string_equal(findings.items[0].hint, hint);
}

static void make_long(const char *path, off_t size)
{
    write_file(path, "#", 1);
    assert_int_equal(truncate(path, size), 0);
}

static void limits_sizes(void **state)
{
    (void)state;
    char folder[] = "/tmp/postlude-plan-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    make_long("plan.yaml", (off_t)PLAN_SIZE_MAX + 1);
    check_one("plan.yaml", "file is larger than the limit of 1048576 bytes");
    check_one("absent.yaml", "could not open file: No such file or directory");
    check_one(".", "could not read file: Is a directory");

    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    for (size_t i = 0; i < COUNT(standard); i++) {
        buf_format(&text, "%s\n",
                   i + 1 < COUNT(standard) ? standard[i].line : "migrations: [1.sql]");
    }
    write_file("plan.yaml", text.data, text.length);
    make_long("1.sql", (off_t)PLAN_SQL_MAX + 1);
    check_one("plan.yaml", "file is larger than the limit of 67108864 bytes");
    check_hint("plan.yaml", "Split it into several migrations.");
    make_long("1.sql", PLAN_SQL_MAX);
    check_one("plan.yaml", "file holds a NUL byte");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_yaml_strictly), cmocka_unit_test(reads_keys),
        cmocka_unit_test(expands_variables),   cmocka_unit_test(finds_files),
        cmocka_unit_test(limits_sizes),        cmocka_unit_test(reads_logins),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
