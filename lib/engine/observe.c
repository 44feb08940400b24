/* Watching what runs: over a second connection, opened only once something takes long. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/internal.h"

enum {
    TICK_MS = 250,
    LOOK_AFTER_MS = 1000, /* a statement that is faster is in nobody's way */
    SAY_AFTER_MS = 10000,
    SAY_EVERY_MS = 30000,
    OPEN_MS = 1500,  /* the worker's answers wait meanwhile */
    SHUT_MS = 30000, /* after a pool that gave no second connection */
    CANCEL_MS = 3000,
};

static void shut(struct engine_watch *watch)
{
    pg_close(watch->pg);
    watch->pg = NULL;
    watch->shut_until_ms = clock_steady_ms() + SHUT_MS;
}

static bool open_watch(struct engine *engine, struct deadline deadline)
{
    struct engine_watch *watch = &engine->watch;
    struct error ignored;
    if (watch->pg && pg_alive(watch->pg)) {
        return true;
    }
    pg_close(watch->pg);
    watch->pg = NULL;
    if (clock_steady_ms() < watch->shut_until_ms ||
        !engine_open_another(engine, deadline, &watch->pg, &ignored)) {
        shut(watch);
        return false;
    }
    pg_watch(watch->pg, NULL);
    return true;
}

/* Whether somebody is in the way now. */
static bool look_for_blockers(struct engine *engine)
{
    struct engine_watch *watch = &engine->watch;
    struct error ignored;
    char prefix[64];
    struct catalog_blockers found;
    watch->looked_ms = clock_steady_ms();
    engine_session_prefix(engine->outcome->run_id, prefix);
    if (!open_watch(engine, deadline_in(OPEN_MS))) {
        return false;
    }
    if (!catalog_blockers(watch->pg, prefix, deadline_in(OPEN_MS), &found, &ignored)) {
        shut(watch);
        return false;
    }
    if (found.count) {
        watch->blockers = found;
    }
    return found.count > 0;
}

static void describe_blocker(const struct catalog_blocker *blocker, struct buf *out)
{
    buf_format(out, "pid %d, user ", blocker->pid);
    text_escape(out, blocker->user, strlen(blocker->user));
    buf_text(out, *blocker->application ? ", application " : "");
    text_escape(out, blocker->application, strlen(blocker->application));
    if (blocker->age_ms >= 0) {
        buf_text(out, ", in a transaction for ");
        text_show_duration(out, blocker->age_ms);
    }
}

static void log_blockers(const struct engine_watch *watch, enum log_level level)
{
    for (int i = 0; i < watch->blockers.count; i++) {
        const struct catalog_blocker *blocker = &watch->blockers.list[i];
        AUTO(buf) struct buf line = buf_make(1024);
        buf_text(&line, "in the way: ");
        describe_blocker(blocker, &line);
        log_write(level, line.data,
                  (const struct log_field[]){LOG_TEXT("query", blocker->query),
                                             LOG_QUIET_NUMBER("pid", blocker->pid),
                                             LOG_QUIET_TEXT("user", blocker->user),
                                             LOG_QUIET_TEXT("application", blocker->application),
                                             LOG_QUIET_NUMBER("age_ms", blocker->age_ms)},
                  5);
    }
}

/* What runs for long is told now and then, with how far it is where the server knows. */
static void say_how_far(struct engine *engine, bool blocked)
{
    struct engine_watch *watch = &engine->watch;
    struct error ignored;
    char prefix[64];
    int64_t now = clock_steady_ms();
    if (now - watch->since_ms < SAY_AFTER_MS || now - watch->said_ms < SAY_EVERY_MS) {
        return;
    }
    watch->said_ms = now;
    AUTO(buf) struct buf progress = buf_make(512);
    AUTO(buf) struct buf line = buf_make(1024);
    engine_session_prefix(engine->outcome->run_id, prefix);
    if (watch->pg &&
        !catalog_progress(watch->pg, prefix, deadline_in(OPEN_MS), &progress, &ignored)) {
        shut(watch);
    }
    buf_format(&line, "%s is running for ", watch->migration->id);
    text_show_duration(&line, now - watch->since_ms);
    buf_format(&line, "%s%s", progress.length ? ": " : "", progress.data);
    log_info(line.data, LOG_QUIET_TEXT("migration", watch->migration->id),
             LOG_QUIET_NUMBER("running_ms", now - watch->since_ms));
    if (blocked) {
        log_blockers(watch, LOG_WARN);
    }
}

bool engine_look(struct engine *engine)
{
    struct engine_watch *watch = &engine->watch;
    if (!engine_keep_guard(engine)) {
        return false;
    }
    if (!watch->migration) {
        return true;
    }
    int64_t now = clock_steady_ms();
    int64_t lock_ms = watch->migration->lock_timeout_ms;
    /* At least twice before a short lock_timeout ends the wait. */
    int64_t patience = lock_ms > 0 && lock_ms / 3 < LOOK_AFTER_MS ? lock_ms / 3 : LOOK_AFTER_MS;
    if (now - watch->since_ms >= patience && now - watch->looked_ms >= patience) {
        say_how_far(engine, look_for_blockers(engine));
    }
    return true;
}

static bool on_tick(void *context)
{
    return engine_look(context);
}

/* A proxy may ignore the request to cancel; the server does not ignore a colleague. */
static void on_cancel(void *context)
{
    struct engine *engine = context;
    struct error err;
    char prefix[64];
    int cancelled = 0;
    const struct engine_request request = engine->request;
    engine_session_prefix(engine->outcome->run_id, prefix);
    engine->watch.shut_until_ms = 0;
    /* What ends the run must not end this. */
    engine->request.stop = NULL;
    engine->request.deadline = deadline_in(CANCEL_MS);
    if (open_watch(engine, deadline_in(CANCEL_MS)) &&
        !catalog_cancel(engine->watch.pg, prefix, deadline_in(CANCEL_MS), &cancelled, &err)) {
        shut(&engine->watch);
    }
    engine->request = request;
}

void engine_watch(struct engine *engine, const struct plan_migration *migration)
{
    struct engine_watch *watch = &engine->watch;
    int64_t now = clock_steady_ms();
    bool same = watch->migration == migration;
    watch->migration = migration;
    watch->since_ms = now;
    watch->said_ms = same ? watch->said_ms : 0;
    watch->looked_ms = now;
    watch->blockers.count = same ? watch->blockers.count : 0;
    int64_t lock_ms = migration->lock_timeout_ms;
    int64_t tick = lock_ms > 0 && lock_ms / 4 < TICK_MS ? lock_ms / 4 + 1 : TICK_MS;
    pg_on_wait(engine->pg, tick, on_tick, engine);
    pg_on_cancel(engine->pg, on_cancel, engine);
}

void engine_unwatch(struct engine *engine)
{
    if (engine->pg) {
        pg_on_wait(engine->pg, 0, NULL, NULL);
        pg_on_cancel(engine->pg, NULL, NULL);
    }
    engine->watch.migration = NULL;
}

void engine_name_blockers(struct engine *engine, struct outcome_failure *failure)
{
    const struct engine_watch *watch = &engine->watch;
    log_blockers(watch, LOG_WARN);
    failure->blocker_count = 0;
    for (int i = 0; i < watch->blockers.count && i < OUTCOME_BLOCKERS_MAX; i++) {
        const struct catalog_blocker *from = &watch->blockers.list[i];
        struct outcome_blocker *to = &failure->blockers[failure->blocker_count++];
        to->pid = from->pid;
        to->age_ms = from->age_ms;
        text_copy(to->user, sizeof to->user, from->user);
        text_copy(to->application, sizeof to->application, from->application);
        text_copy(to->query, sizeof to->query, from->query);
    }
}
