#include "engine/inspect.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"
#include "sql/sql.h"

/* A place in the file, put in front of what sql_split says of its text. */
static bool name_file(const struct plan_migration *migration, struct error *err)
{
    char place[64];
    text_copy(place, sizeof place, err->where);
    return error_where(err, "%s%s%s", migration->file, *place ? ":" : "", place);
}

static void find_alone(const struct plan_migration *migration, const struct sql_script *script,
                       struct findings *findings)
{
    for (size_t i = script->first; i < script->end; i++) {
        const struct sql_statement *statement = &script->statements[i];
        if (statement->kind == SQL_ALONE) {
            struct finding *found = finding_add(
                findings, FINDING_ERROR, migration->file, statement->line, statement->column,
                "%s cannot run inside a transaction, and migrations outside one are not supported "
                "yet",
                statement->name);
            finding_hint(found,
                         "Until then, run this statement by hand and leave it out of the plan.");
        }
    }
}

void engine_inspect_file(const struct plan_migration *migration, struct findings *findings)
{
    AUTO(text) char *text = NULL;
    size_t length = 0;
    AUTO(sql) struct sql_script *script = NULL;
    struct error err;
    if (!*migration->checksum) {
        return; /* the plan could not read it, and said so */
    }
    if (!plan_read_sql(migration, &text, &length, &err)) {
        finding_add_error(findings, &err);
        return;
    }
    if (!sql_split(text, length, &script, &err)) {
        name_file(migration, &err);
        finding_add_error(findings, &err);
        return;
    }
    sql_check(script, text, migration->file, SQL_MODE_AUTO, findings);
    find_alone(migration, script, findings);
}

bool engine_inspect(const struct plan *plan, const struct decision *decision, struct error *err)
{
    AUTO(findings) struct findings findings = {0};
    for (size_t i = 0; i < decision->step_count; i++) {
        engine_inspect_file(&plan->migrations[decision->steps[i]], &findings);
    }
    return !findings_error(&findings, ERROR_INVALID, err);
}
