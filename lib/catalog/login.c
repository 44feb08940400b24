#include "base/text.h"
#include "catalog/internal.h"

/* Of the session as it is, so without CATALOG_LEAD, which changes one of them. */
#define MS(setting)                                                                                \
    "coalesce((extract(epoch FROM pg_catalog.current_setting('" setting                            \
    "', true)::interval) * 1000)::bigint, 0)"
enum { LOGIN_SET = 1 };

static void login_sql(const char *schema, const char *role, struct buf *sql)
{
    buf_text(sql, CATALOG_LEVEL "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname ="
                                " ");
    pg_literal(sql, schema);
    buf_text(sql, "), pg_catalog.current_schema() IS NOT DISTINCT FROM ");
    pg_literal(sql, schema);
    buf_text(sql, "::name, pg_catalog.current_schema(), current_user, " MS("lock_timeout"));
    buf_text(sql, ", " MS("statement_timeout") ", " MS("transaction_timeout"));
    buf_text(sql, ", (SELECT pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')"
                  " FROM pg_catalog.pg_roles r WHERE r.rolname = ");
    pg_literal(sql, role);
    buf_text(sql, ")");
}

static bool limit(const struct pg_reply *reply, int column, int64_t *out_ms)
{
    const char *text = pg_value(reply, LOGIN_SET, 0, column);
    return text && text_integer(text, 0, INT64_MAX, out_ms);
}

bool catalog_login(struct pg *pg, const char *schema, const char *role, struct deadline deadline,
                   struct catalog_login *out_login, struct error *err)
{
    AUTO(buf) struct buf sql = buf_make(CATALOG_SQL_MAX);
    login_sql(schema, role, &sql);
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!catalog_ask(pg, &sql, deadline, &reply, err)) {
        return false;
    }
    const char *may_act = pg_value(&reply, LOGIN_SET, 0, 7);
    struct catalog_login login = {
        .schema_exists = text_same(pg_value(&reply, LOGIN_SET, 0, 0), "t"),
        .schema_is_current = text_same(pg_value(&reply, LOGIN_SET, 0, 1), "t"),
        .role_exists = !role || may_act,
        .may_act = !role || text_same(may_act, "t"),
    };
    text_copy(login.current_schema, sizeof login.current_schema, pg_value(&reply, LOGIN_SET, 0, 2));
    text_copy(login.user, sizeof login.user, pg_value(&reply, LOGIN_SET, 0, 3));
    if (!limit(&reply, 4, &login.lock_timeout_ms) ||
        !limit(&reply, 5, &login.statement_timeout_ms) ||
        !limit(&reply, 6, &login.transaction_timeout_ms)) {
        return error_set(err, ERROR_INTERNAL, "the server did not say what its limits are");
    }
    *out_login = login;
    return true;
}
