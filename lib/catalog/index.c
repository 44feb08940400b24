#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "catalog/internal.h"

#define QUALIFIED "pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)"

/* Who is building the index x, least pid or null: who says so, and who has or wants the lock of a
 * build on it or its table and is not seen to do something else. VACUUM and ANALYZE take the same
 * lock, and everyone may see who is at it. */
#define BUILDER                                                                                    \
    "(SELECT min(s.pid) FROM ("                                                                    \
    "SELECT p.pid FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid ="           \
    " x.indexrelid"                                                                                \
    " UNION SELECT l.pid FROM pg_catalog.pg_locks l"                                               \
    " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"                                    \
    " WHERE l.locktype = 'relation' AND l.relation IN (x.indrelid, x.indexrelid)"                  \
    " AND l.database = (SELECT oid FROM pg_catalog.pg_database"                                    \
    " WHERE datname = pg_catalog.current_database())"                                              \
    " AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock')"                                     \
    " AND (a.state IS NULL OR a.state = 'disabled' OR a.query ~* 'index')"                         \
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = l.pid)"       \
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_analyze v WHERE v.pid = l.pid)"      \
    ") s WHERE s.pid <> pg_catalog.pg_backend_pid())"

enum { TABLE_EXISTS, EXISTS, ON_TABLE, VALID, RELKIND, NAME, BUILDER_PID };

/* From aim(tab, idx) on. */
#define DESCRIBE                                                                                   \
    " SELECT aim.tab IS NOT NULL, c.oid IS NOT NULL,"                                              \
    " x.indexrelid IS NOT NULL AND x.indrelid = coalesce(aim.tab, x.indrelid), x.indisvalid,"      \
    " c.relkind, " QUALIFIED ", " BUILDER " FROM aim"                                              \
    " LEFT JOIN pg_catalog.pg_class c ON c.oid = aim.idx"                                          \
    " LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                               \
    " LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = c.oid"

static struct catalog_index described(const struct pg_reply *reply)
{
    const char *relkind = pg_value(reply, CATALOG_SET, 0, RELKIND);
    struct catalog_index index = {
        .table_exists = catalog_true(reply, 0, TABLE_EXISTS),
        .exists = catalog_true(reply, 0, EXISTS),
        .on_table = catalog_true(reply, 0, ON_TABLE),
        .valid = catalog_true(reply, 0, VALID),
        .being_built = pg_value(reply, CATALOG_SET, 0, BUILDER_PID) != NULL,
        .builder_pid = (int)catalog_number(reply, 0, BUILDER_PID),
    };
    if (relkind) {
        index.relkind = relkind[0];
    }
    index.count = index.exists && index.on_table;
    text_copy(index.qualified, sizeof index.qualified, pg_value(reply, CATALOG_SET, 0, NAME));
    return index;
}

/* An index is in its table's schema, and its name in CREATE INDEX names none. */
static void aim_at(const char *table, const char *index, struct buf *sql)
{
    if (!table) {
        buf_text(sql, "WITH aim AS (SELECT NULL::oid AS tab, pg_catalog.to_regclass(");
        pg_literal(sql, index);
        buf_text(sql, ")::oid AS idx)");
        return;
    }
    buf_text(sql, "WITH base AS (SELECT pg_catalog.to_regclass(");
    pg_literal(sql, table);
    buf_text(sql, ")::oid AS tab), aim AS (SELECT base.tab, (SELECT i.oid FROM pg_catalog.pg_class"
                  " i JOIN pg_catalog.pg_class t ON t.relnamespace = i.relnamespace"
                  " WHERE t.oid = base.tab AND i.relname = (pg_catalog.parse_ident(");
    pg_literal(sql, index);
    buf_text(sql, "))[1]::name) AS idx FROM base)");
}

bool catalog_index(struct pg *pg, const char *table, const char *index, struct deadline deadline,
                   struct catalog_index *out_index, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD);
    aim_at(table, index, &sql);
    buf_text(&sql, DESCRIBE);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    *out_index = described(&reply);
    return true;
}

static void not_in_note(const char *note, struct buf *sql)
{
    buf_text(sql, " AND NOT coalesce(");
    pg_literal(sql, note);
    buf_text(sql, ", '[]')::jsonb ? (" QUALIFIED ")");
}

bool catalog_new_index(struct pg *pg, const char *table, const char *note, struct deadline deadline,
                       struct catalog_index *out_index, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD "WITH aim AS (SELECT x.indrelid AS tab, x.indexrelid AS idx FROM"
                                " pg_catalog.pg_index x"
                                " JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid"
                                " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                                " WHERE c.relkind = 'i' AND x.indrelid = pg_catalog.to_regclass(");
    pg_literal(&sql, table);
    buf_text(&sql, ")::oid");
    not_in_note(note, &sql);
    buf_text(&sql, ")" DESCRIBE);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    int count = pg_row_count(&reply, CATALOG_SET);
    *out_index = count == 1 ? described(&reply) : (struct catalog_index){.count = count};
    return true;
}

/* tab(oid): the table, its partitions, and their TOAST tables. */
static void tables_of(const char *object, bool of_index, struct buf *sql)
{
    buf_text(sql, "WITH RECURSIVE part(oid) AS (");
    buf_text(sql,
             of_index ? "SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = " : "SELECT ");
    buf_text(sql, "pg_catalog.to_regclass(");
    pg_literal(sql, object);
    buf_text(sql, ")::oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i"
                  " JOIN part ON part.oid = i.inhparent), tab(oid) AS (SELECT oid FROM part"
                  " UNION SELECT t.reltoastrelid FROM pg_catalog.pg_class t"
                  " JOIN part ON part.oid = t.oid WHERE t.reltoastrelid <> 0)");
}

#define INDEXES_OF_TABLES                                                                          \
    " FROM tab JOIN pg_catalog.pg_index x ON x.indrelid = tab.oid"                                 \
    " JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid"                                          \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"

bool catalog_index_names(struct pg *pg, const char *object, bool of_index, struct deadline deadline,
                         char **out_note, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD);
    tables_of(object, of_index, &sql);
    buf_text(&sql, " SELECT coalesce(pg_catalog.jsonb_agg(" QUALIFIED " ORDER BY " QUALIFIED
                   "), '[]')" INDEXES_OF_TABLES);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    *out_note = memory_text(pg_value(&reply, CATALOG_SET, 0, 0));
    return true;
}

bool catalog_reindex_leftovers(struct pg *pg, const struct catalog_reindex *reindex,
                               struct deadline deadline, struct catalog_names *out_names,
                               struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    buf_text(&sql, CATALOG_LEAD);
    tables_of(reindex->object, reindex->of_index, &sql);
    buf_text(&sql,
             " SELECT " QUALIFIED INDEXES_OF_TABLES " WHERE c.relkind = 'i' AND NOT x.indisvalid"
             " AND c.relname ~ '_cc(new|old)[0-9]*$'");
    not_in_note(reindex->note, &sql);
    buf_text(&sql, " AND " BUILDER " IS NULL ORDER BY 1");
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    struct catalog_names names = {.count = (size_t)pg_row_count(&reply, CATALOG_SET)};
    names.names = memory_new(names.count, sizeof *names.names);
    for (size_t i = 0; i < names.count; i++) {
        names.names[i] = memory_text(pg_value(&reply, CATALOG_SET, (int)i, 0));
    }
    *out_names = names;
    return true;
}

void catalog_names_free(struct catalog_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->names[i]);
    }
    free(names->names);
    *names = (struct catalog_names){0};
}
