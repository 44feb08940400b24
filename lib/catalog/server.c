#include <string.h>

#include "base/text.h"
#include "catalog/catalog.h"

enum { OLDEST_VERSION = 130000 };

const char *const catalog_server_sql =
    "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num'),"
    " pg_catalog.current_setting('server_version'), pg_catalog.pg_is_in_recovery(),"
    " pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),"
    " pg_catalog.current_setting('standard_conforming_strings'),"
    " (extract(epoch FROM pg_catalog.current_setting('statement_timeout')::interval) * 1000)"
    "::bigint, pg_catalog.current_setting('synchronous_commit');\n";

bool catalog_server_read(const struct pg *pg, const struct pg_reply *reply, size_t set,
                         struct catalog_server *out_server, struct error *err)
{
    int64_t pid = 0;
    int64_t version = 0;
    const char *pid_text = pg_value(reply, set, 0, 0);
    const char *number = pg_value(reply, set, 0, 1);
    if (!pid_text || !number || !text_integer(pid_text, 0, INT32_MAX, &pid) ||
        !text_integer(number, 0, INT32_MAX, &version)) {
        return error_set(err, ERROR_INTERNAL, "the server did not say what it is");
    }
    struct catalog_server server = {
        .version_num = (int)version,
        .recovering = text_same(pg_value(reply, set, 0, 3), "t"),
        .pooled = pg_told_pid(pg) != (int)pid,
        .may_create = text_same(pg_value(reply, set, 0, 4), "t"),
        .old_strings = text_same(pg_value(reply, set, 0, 5), "off"),
        .async_commit = text_same(pg_value(reply, set, 0, 7), "off"),
    };
    text_copy(server.version, sizeof server.version, pg_value(reply, set, 0, 2));
    /* "15.20 (Debian 15.20-0+deb12u1)": the first word is what people call it. */
    server.version[strcspn(server.version, " ")] = '\0';
    const char *limit = pg_value(reply, set, 0, 6);
    if (!limit || !text_integer(limit, 0, INT64_MAX, &server.login_statement_timeout_ms)) {
        return error_set(err, ERROR_INTERNAL, "the server did not say what its limits are");
    }
    *out_server = server;
    return true;
}

bool catalog_server_check(const struct catalog_server *server, struct error *err)
{
    if (server->version_num < OLDEST_VERSION) {
        error_set(err, ERROR_DENIED, "the server is PostgreSQL %s, and postlude needs 13 or newer",
                  server->version);
        return error_hint(err, "Upgrade the database, or keep to your present tool until then.");
    }
    if (server->recovering) {
        error_set(err, ERROR_DENIED, "the server is a standby: nothing can be written there");
        return error_hint(err, "database.host must be the proxy's read/write endpoint, or the "
                               "cluster's writer; this one is a reader.");
    }
    if (server->old_strings) {
        error_set(err, ERROR_INVALID,
                  "standard_conforming_strings is off for this login: the server would take a "
                  "backslash in a migration's strings for an escape");
        return error_hint(err, "ALTER ROLE the_login SET standard_conforming_strings = on; and the "
                               "same with IN DATABASE where it was set so.");
    }
    return true;
}
