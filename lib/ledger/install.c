#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ledger/ledger.h"
#include "ledger/upgrades.h"

enum { POLL_MS = 200, MESSAGE_MAX = 1024 * 1024, LOCK_SET = 6 };

/* "postlude" in ASCII, as one bigint: the lock for changing the ledger of a database. */
#define INSTALL_LOCK "8101821198535844965"

int ledger_newest_version(void)
{
    return ledger_upgrades[ledger_upgrade_count - 1].version;
}

/* exists: there is a ledger, of an older version. */
static bool explain(const struct pg_reply *reply, bool exists, struct error *err)
{
    if (strcmp(reply->failure.sqlstate, "42501") == 0) {
        err->kind = ERROR_DENIED;
        error_wrap(err, exists ? "the login may not upgrade the ledger, schema postlude"
                               : "the login may not create the ledger, schema postlude");
        return exists ? error_hint(err, "This release brings a newer ledger: run it once as the "
                                        "role that owns schema postlude, or GRANT that role TO "
                                        "the_login.")
                      : error_hint(err, "As an administrator: GRANT CREATE ON DATABASE "
                                        "the_database TO the_login; it is needed for the first "
                                        "run only.");
    }
    if (strcmp(reply->failure.sqlstate, "55P03") == 0) {
        err->kind = ERROR_BUSY;
        error_wrap(err, "the ledger is locked");
        return error_hint(err, "Somebody holds a table of schema postlude locked: pg_locks tells "
                               "who. Start the task again when it is free.");
    }
    if (err->kind == ERROR_FAILED) {
        err->kind = ERROR_INTERNAL;
        error_wrap(err, "could not create or upgrade the ledger");
    }
    return false;
}

struct lock {
    bool locked; /* false: somebody else has it */
    bool exists; /* there is a ledger */
};

/* Opens a transaction that holds the lock, and looks for a ledger: only a statement after the lock
 * sees what the last holder committed. */
static bool try_lock(struct pg *pg, struct deadline deadline, struct lock *out_lock,
                     struct error *err)
{
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!pg_query(pg,
                  "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
                  "SET LOCAL statement_timeout = 0;"
                  "SET LOCAL idle_in_transaction_session_timeout = 0;"
                  "SET LOCAL lock_timeout = '10s';"
                  "SET LOCAL search_path = pg_catalog;"
                  "SET LOCAL client_min_messages = warning;"
                  "SELECT pg_try_advisory_xact_lock(" INSTALL_LOCK ");"
                  "SELECT to_regclass('postlude.upgrade') IS NOT NULL",
                  deadline, &reply, err)) {
        return explain(&reply, false, err);
    }
    out_lock->locked = text_same(pg_value(&reply, LOCK_SET, 0, 0), "t");
    out_lock->exists = text_same(pg_value(&reply, LOCK_SET + 1, 0, 0), "t");
    return true;
}

static bool run_text(struct pg *pg, const char *sql, bool exists, struct deadline deadline,
                     struct error *err)
{
    AUTO(pg_reply) struct pg_reply reply = {0};
    return pg_query(pg, sql, deadline, &reply, err) || explain(&reply, exists, err);
}

static bool read_version(struct pg *pg, struct deadline deadline, int *out_version,
                         struct error *err)
{
    AUTO(pg_reply) struct pg_reply reply = {0};
    if (!pg_query(pg, "SELECT coalesce(max(version), 0) FROM postlude.upgrade", deadline, &reply,
                  err)) {
        return explain(&reply, true, err);
    }
    int64_t version = 0;
    const char *text = pg_value(&reply, 0, 0, 0);
    if (!text || !text_integer(text, 0, INT32_MAX, &version)) {
        return error_set(err, ERROR_INTERNAL, "the ledger has no version");
    }
    *out_version = (int)version;
    return true;
}

static bool upgrade(struct pg *pg, bool exists, struct deadline deadline, struct error *err)
{
    int version = 0;
    if (exists && !read_version(pg, deadline, &version, err)) {
        return false;
    }
    AUTO(buf) struct buf sql = buf_make(MESSAGE_MAX);
    for (size_t i = 0; i < ledger_upgrade_count; i++) {
        if (ledger_upgrades[i].version > version) {
            buf_text(&sql, ledger_upgrades[i].sql);
            buf_format(&sql,
                       "INSERT INTO postlude.upgrade (version, applied_by) VALUES (%d, '%s');\n",
                       ledger_upgrades[i].version, POSTLUDE_VERSION);
        }
    }
    buf_text(&sql, "COMMIT");
    return run_text(pg, sql.data, exists, deadline, err);
}

bool ledger_install(struct pg *pg, struct deadline deadline, const struct stop *stop,
                    struct error *err)
{
    struct lock lock = {0};
    for (;;) {
        if (!try_lock(pg, deadline, &lock, err)) {
            return false;
        }
        if (lock.locked) {
            break;
        }
        if (!run_text(pg, "ROLLBACK", false, deadline, err)) {
            return false;
        }
        if (deadline_passed(deadline)) {
            error_set(err, ERROR_BUSY, "another run is creating or upgrading the ledger");
            return error_hint(err, "Start the task again in a moment.");
        }
        if (!wait_pause(POLL_MS, deadline, stop)) {
            return error_set(err, ERROR_INTERRUPTED, "told to stop");
        }
    }
    if (upgrade(pg, lock.exists, deadline, err)) {
        return true;
    }
    struct error ignored;
    (void)(pg_alive(pg) && run_text(pg, "ROLLBACK", false, deadline, &ignored));
    return false;
}
