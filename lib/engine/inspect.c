#include "engine/inspect.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"

enum {
    KEPT_EACH = 64 * 1024, /* a larger file is read again when its turn comes */
    KEPT_ALL = 4 * 1024 * 1024,
};

/* A place in the file, put in front of what sql_split says of its text. */
static bool name_file(const struct plan_migration *migration, struct error *err)
{
    char place[64];
    text_copy(place, sizeof place, err->where);
    return error_where(err, "%s%s%s", migration->file, *place ? ":" : "", place);
}

static enum inspect_mode mode_of(const struct plan_migration *migration,
                                 const struct sql_script *script)
{
    switch (migration->transaction) {
    case PLAN_TRANSACTION_YES:
        return INSPECT_TRANSACTION;
    case PLAN_TRANSACTION_NO:
        return INSPECT_ALONE;
    case PLAN_TRANSACTION_AUTO:
        break;
    }
    return sql_alone(script) ? INSPECT_ALONE : INSPECT_TRANSACTION;
}

static enum sql_mode sql_mode_of(const struct plan_migration *migration)
{
    switch (migration->transaction) {
    case PLAN_TRANSACTION_YES:
        return SQL_MODE_TRANSACTION;
    case PLAN_TRANSACTION_NO:
        return SQL_MODE_ALONE;
    case PLAN_TRANSACTION_AUTO:
        break;
    }
    return SQL_MODE_AUTO;
}

bool inspect_read(const struct plan_migration *migration, struct inspect_file *out_file,
                  struct error *err)
{
    struct inspect_file file = {.mode = INSPECT_COMMAND, .known = true};
    if (!migration->command) {
        if (!plan_read_sql(migration, &file.text, &file.length, err)) {
            return false;
        }
        if (!sql_split(file.text, file.length, &file.script, err)) {
            inspect_clear(&file);
            return name_file(migration, err);
        }
        file.mode = mode_of(migration, file.script);
    }
    *out_file = file;
    return true;
}

void inspect_clear(struct inspect_file *file)
{
    free(file->text);
    sql_free(file->script);
    *file = (struct inspect_file){.mode = file->mode, .known = file->known};
}

/* The plan room sees to it that it is there; that it is one query is for the splitter. */
static void check_verify(const struct plan *plan, const struct plan_migration *migration,
                         struct findings *findings)
{
    AUTO(sql) struct sql_script *script = NULL;
    struct error err;
    if (!migration->verify) {
        return;
    }
    const char *wrong = NULL;
    if (!sql_split(migration->verify, strlen(migration->verify), &script, &err)) {
        wrong = err.message;
    } else if (script->count != 1) {
        wrong = script->count ? "it holds several statements" : "it holds no statement";
    } else if (script->statements[0].kind != SQL_ORDINARY) {
        wrong = "it is not a query that only looks";
    }
    if (wrong) {
        finding_hint(finding_add(findings, FINDING_ERROR, plan->path, migration->verify_line,
                                 migration->verify_column, "verify of \"%s\" cannot be asked: %s",
                                 migration->id, wrong),
                     "Write one SELECT that returns one row with one column, true when the "
                     "migration did what it should.");
    }
}

void inspect_migration(const struct plan *plan, const struct plan_migration *migration,
                       struct findings *findings, struct inspect_file *out_file)
{
    struct inspect_file file = {.mode = INSPECT_COMMAND, .known = true};
    struct error err;
    check_verify(plan, migration, findings);
    if (!migration->command) {
        if (!*migration->checksum) {
            return; /* the plan could not read it, and said so */
        }
        if (!inspect_read(migration, &file, &err)) {
            finding_add_error(findings, &err);
            return;
        }
        sql_check(file.script, file.text, migration->file, sql_mode_of(migration), findings);
    }
    if (out_file) {
        *out_file = file;
    } else {
        inspect_clear(&file);
    }
}

static const char *why_not_together(const struct inspect_file *file)
{
    size_t offset = 0;
    size_t length = 0;
    if (file->mode == INSPECT_COMMAND) {
        return "a command runs outside any transaction of ours";
    }
    if (file->mode == INSPECT_ALONE) {
        const struct sql_statement *alone = sql_alone(file->script);
        return alone ? alone->name : "it says transaction: no";
    }
    sql_modes(file->script, file->text, &offset, &length);
    return length ? "its BEGIN names transaction modes of its own" : NULL;
}

/* run.transaction: all, as far as reading can tell. */
static void check_together(const struct plan *plan, const struct plan_migration *migration,
                           const struct inspect_file *file, struct findings *findings)
{
    const char *why = migration->every ? NULL : why_not_together(file);
    if (why) {
        finding_hint(finding_add(findings, FINDING_ERROR, plan->path, migration->line,
                                 migration->column,
                                 "\"%s\" cannot run in one transaction with the other pending "
                                 "migrations: %s",
                                 migration->id, why),
                     "Set run.transaction to \"each\", or deploy this migration apart.");
    }
}

/* A command of each run may stand before or behind what is one transaction, not in it. */
static void check_no_gap(const struct plan *plan, const struct decision *decision,
                         struct findings *findings)
{
    const struct plan_migration *gap = NULL;
    bool begun = false;
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct plan_migration *migration = &plan->migrations[decision->steps[i]];
        if (migration->every) {
            gap = begun && !gap ? migration : gap;
            continue;
        }
        begun = true;
        if (gap) {
            finding_hint(finding_add(findings, FINDING_ERROR, plan->path, gap->line, gap->column,
                                     "\"%s\" runs in each run and stands between pending "
                                     "migrations that are to be one transaction",
                                     gap->id),
                         "Move it to the beginning or the end of the list, or set run.transaction "
                         "to \"each\".");
            return;
        }
    }
}

/* What is small stays in memory until its turn. */
static void keep_small(struct inspect_file *file, size_t *kept)
{
    size_t size =
        file->length + (file->script ? file->script->count * sizeof(struct sql_statement) : 0);
    if (size > KEPT_EACH || *kept + size > KEPT_ALL) {
        inspect_clear(file);
    } else {
        *kept += size;
    }
}

/* What is done of a file outside a transaction is not done again inside one, whatever the file
 * holds by now. */
void engine_keep_mode(struct engine *engine, size_t migration)
{
    struct inspect_file *file = &engine->files[migration];
    const struct ledger_row *row =
        ledger_find(engine->ledger, engine->request.plan->migrations[migration].id);
    bool begun = row && (row->state == LEDGER_STARTED ||
                         (row->state == LEDGER_FAILED && row->statements_done > 0));
    if (begun && file->mode == INSPECT_TRANSACTION) {
        file->mode = INSPECT_ALONE;
    }
}

bool engine_inspect(struct engine *engine, const struct decision *decision, struct error *err)
{
    const struct plan *plan = engine->request.plan;
    bool together = plan->run.transaction == PLAN_SCOPE_ALL;
    AUTO(findings) struct findings findings = {0};
    size_t kept = 0;
    engine_forget_files(engine);
    engine->files = memory_new(plan->migration_count, sizeof *engine->files);
    for (size_t i = 0; i < decision->step_count; i++) {
        const struct plan_migration *migration = &plan->migrations[decision->steps[i]];
        struct inspect_file *file = &engine->files[decision->steps[i]];
        inspect_migration(plan, migration, &findings, file);
        engine_keep_mode(engine, decision->steps[i]);
        if (together && (file->script || migration->command)) {
            check_together(plan, migration, file, &findings);
        }
        keep_small(file, &kept);
    }
    if (together) {
        check_no_gap(plan, decision, &findings);
    }
    return !findings_error(&findings, ERROR_INVALID, err);
}

bool engine_load(struct engine *engine, size_t step, struct error *err)
{
    struct inspect_file *file = &engine->files[step];
    if (file->text || (file->known && file->mode == INSPECT_COMMAND)) {
        return true;
    }
    if (!inspect_read(&engine->request.plan->migrations[step], file, err)) {
        return false;
    }
    engine_keep_mode(engine, step);
    return true;
}

void engine_unload(struct engine *engine, size_t step)
{
    inspect_clear(&engine->files[step]);
}

void engine_forget_files(struct engine *engine)
{
    for (size_t i = 0; engine->files && i < engine->request.plan->migration_count; i++) {
        inspect_clear(&engine->files[i]);
    }
    free(engine->files);
    engine->files = NULL;
}
