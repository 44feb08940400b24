/* Transactional migrations: as many in a message as fit, each in its transaction (or all in one).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/internal.h"

enum {
    UNDO_MS = 5000,
    SAY_EVERY_MS = 1000,
    /* A login's own statement_timeout shorter than this may cut the parsing of a large message. */
    PARSING_MS = 10000,
};

/* The steps on their way. */
struct flight {
    struct engine *engine;
    const size_t *steps;
    size_t count;
    bool together;
    size_t applied;   /* steps that are done and flushed */
    size_t first;     /* of the batch at hand */
    size_t alone;     /* a step that the server could not parse: it goes in a message of its own */
    int64_t attempts; /* failed tries of the step `applied` */
    struct message_item *items;
    size_t item_count;
    int64_t *began_ms; /* steady clock, one a step: when the server said that it had begun */
    size_t begun;      /* items of the batch that were begun */
    int64_t said_ms;   /* steady clock: when the log last heard where it is */
};

static const struct plan_migration *migration_at(const struct flight *flight, size_t step)
{
    return &flight->engine->request.plan->migrations[flight->steps[step]];
}

/* Whether it is the claim of the next migration that says so, and not a file that raises the same.
 */
static bool says_begun(const struct flight *flight, const struct pg_notice *notice)
{
    if (strcmp(notice->sqlstate, LEDGER_BEGUN) != 0 || flight->begun == flight->item_count) {
        return false;
    }
    AUTO(buf) struct buf expected = buf_make(1024);
    buf_format(&expected, "postlude: %s", migration_at(flight, flight->first + flight->begun)->id);
    return strcmp(notice->message, expected.data) == 0;
}

/* Live, but no more than a line a second: "applied" is said once it is flushed. */
static void say_begun(struct flight *flight, const struct plan_migration *migration)
{
    int64_t now = clock_steady_ms();
    size_t number = flight->first + flight->begun;
    AUTO(buf) struct buf line = buf_make(512);
    buf_format(&line, "at %s, %zu of %zu", migration->id, number, flight->count);
    bool due = flight->count > 1 && now - flight->said_ms >= SAY_EVERY_MS;
    log_write(due ? LOG_INFO : LOG_DEBUG, line.data,
              (const struct log_field[]){LOG_QUIET_TEXT("migration", migration->id)}, 1);
    flight->said_ms = due ? now : flight->said_ms;
}

/* The claim's INFO says that the next migration has begun; everything else is for the log. */
static void on_notice(void *context, const struct pg_notice *notice)
{
    struct flight *flight = context;
    if (says_begun(flight, notice)) {
        const struct plan_migration *migration =
            migration_at(flight, flight->first + flight->begun);
        flight->began_ms[flight->first + flight->begun++] = clock_steady_ms();
        engine_watch(flight->engine, migration);
        say_begun(flight, migration);
        return;
    }
    size_t at = flight->first + (flight->begun ? flight->begun - 1 : 0);
    engine_log_notice(migration_at(flight, at)->id, notice);
}

/* Fills the items of the batch that begins with the step `first`. */
static bool gather(struct flight *flight, struct error *err)
{
    struct engine *engine = flight->engine;
    size_t size = 0;
    flight->item_count = 0;
    flight->begun = 0;
    for (size_t i = flight->first; i < flight->count; i++) {
        bool lonely = i == flight->alone && !flight->together;
        if (lonely && i > flight->first) {
            break;
        }
        if (!engine_load(engine, flight->steps[i], err)) {
            return false;
        }
        size += engine->files[flight->steps[i]].length + MESSAGE_FRAME_SIZE;
        if (size > MESSAGE_MAX && i > flight->first) {
            break;
        }
        flight->items[flight->item_count++] = engine_item(engine, flight->steps[i]);
        if (lonely) {
            break;
        }
    }
    return true;
}

static void unload(struct flight *flight)
{
    for (size_t i = 0; i < flight->item_count; i++) {
        engine_unload(flight->engine, flight->steps[flight->first + i]);
    }
}

/* Adds the first `count` steps of the batch to the outcome; they are flushed. */
static void count_applied(struct flight *flight, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        const struct plan_migration *migration = migration_at(flight, i);
        bool followed = i + 1 < flight->first + flight->begun;
        int64_t end = followed ? flight->began_ms[i + 1] : clock_steady_ms();
        int64_t duration = flight->began_ms[i] ? end - flight->began_ms[i] : 0;
        outcome_add_applied(flight->engine->outcome, migration->id, duration);
        engine_log_applied(migration->id, duration);
    }
    flight->applied = first + count;
    flight->attempts = 0;
    /* What was said of a try that failed is not said of the next migration. */
    flight->engine->outcome->failure = (struct outcome_failure){0};
}

/* What was committed so far waits for no flush; this does, and flushes it. */
static bool flush(struct flight *flight, struct error *err)
{
    const struct engine *engine = flight->engine;
    return ledger_flush(engine->pg, engine->request.plan->name, engine->outcome->run_id,
                        deadline_in(UNDO_MS), err);
}

static void record_failure(struct flight *flight, const struct message_item *item,
                           const struct error *err)
{
    struct engine *engine = flight->engine;
    struct error trouble;
    if (err->kind != ERROR_FAILED || !pg_alive(engine->pg)) {
        return;
    }
    pg_watch(engine->pg, NULL);
    AUTO(json) json_t *error = engine_failure_json(engine, err);
    if (!ledger_fail(engine->pg, &item->claim, error, deadline_in(UNDO_MS), &trouble)) {
        log_trouble(LOG_WARN, "could not record the failure in the ledger", &trouble);
    }
    pg_watch(engine->pg, engine->request.stop);
}

/* Rolls back, and counts what of the batch was committed before it stopped. */
static bool settle_batch(struct flight *flight, size_t committed, struct error *err)
{
    engine_roll_back(flight->engine, UNDO_MS);
    if (committed == 0) {
        return true;
    }
    pg_watch(flight->engine->pg, NULL);
    bool ok = flush(flight, err);
    pg_watch(flight->engine->pg, flight->engine->request.stop);
    if (ok) {
        count_applied(flight, flight->first, committed);
    }
    return ok;
}

/* Waits before the transaction is tried again. */
static bool back_off(struct flight *flight, const struct plan_migration *migration,
                     const struct error *why, struct error *err)
{
    AUTO(buf) struct buf what = buf_make(512);
    struct error said = *why;
    said.hint[0] = '\0'; /* it is for the case that no retry helps */
    buf_format(&what, "%s is rolled back and", migration->id);
    return engine_back_off(flight->engine, what.data, migration->retries, &flight->attempts, &said,
                           err);
}

/* The server refused a statement. True: go on with what is left. */
static bool failed(struct flight *flight, const struct message_batch *batch,
                   const struct message *message, const struct pg_reply *reply, struct error *err)
{
    struct engine *engine = flight->engine;
    struct error why = *err;
    size_t committed = flight->together ? 0 : message_committed(message, reply->done);
    struct message_spot spot = message_locate(message, batch, reply->done, reply->failure.position);
    const struct message_item *item = &batch->items[spot.item];
    const struct plan_migration *migration = migration_at(flight, flight->first + spot.item);
    if (!settle_batch(flight, committed, err)) {
        return false;
    }
    if (reply->done == 0 && batch->count > 1 && !flight->together) {
        flight->alone = flight->first + spot.item; /* nothing of the message was run */
        return true;
    }
    engine_describe(engine, batch, message, reply, &why);
    if (engine_may_retry(&why) && flight->attempts < migration->retries) {
        return back_off(flight, migration, &why, err);
    }
    if (engine_may_retry(&why)) {
        engine_name_blockers(engine, &engine->outcome->failure);
    }
    engine->outcome->failure.left = flight->together ? OUTCOME_LEFT_ALL : OUTCOME_LEFT_NOTHING;
    record_failure(flight, item, &why);
    *err = why;
    return false;
}

static bool interrupted(struct flight *flight, const struct message_batch *batch,
                        const struct message *message, const struct pg_reply *reply,
                        struct error *err)
{
    struct error why = *err;
    size_t committed = flight->together ? 0 : message_committed(message, reply->done);
    struct message_spot spot = message_locate(message, batch, reply->done, 0);
    if (!settle_batch(flight, committed, err)) {
        return false;
    }
    flight->engine->outcome->failure = (struct outcome_failure){0};
    engine_name_interrupted(flight->engine, migration_at(flight, flight->first + spot.item),
                            "it was cancelled and rolled back", &why);
    flight->engine->outcome->failure.left =
        flight->together ? OUTCOME_LEFT_ALL : OUTCOME_LEFT_NOTHING;
    *err = why;
    return false;
}

static bool begin_apart(const struct engine *engine, const struct message_batch *batch,
                        bool *out_begun, struct error *err)
{
    int64_t limit = engine->server.login_statement_timeout_ms;
    *out_begun = limit > 0 && limit < PARSING_MS && (!batch->together || batch->opens);
    AUTO(pg_reply) struct pg_reply reply = {0};
    return !*out_begun ||
           pg_query(engine->pg, message_begin, engine->request.deadline, &reply, err);
}

/* Sends the batch. True with *out_sent false: something of it is to be sent again. */
static bool send_batch(struct flight *flight, struct message_batch *batch, bool *out_sent,
                       struct error *err)
{
    struct engine *engine = flight->engine;
    size_t from = batch->items[0].script->first;
    *out_sent = false;
    engine_watch(engine, migration_at(flight, flight->first));
    pg_on_notice(engine->pg, on_notice, flight);
    if (!begin_apart(engine, batch, &batch->begun, err)) {
        engine_roll_back(flight->engine, UNDO_MS);
        return false;
    }
    for (bool last = false; !last;) {
        AUTO(message) struct message message;
        message_make(batch, from, &message);
        const struct pg_message sent = {
            .sql = message.text.data, .copies = message.copies, .copy_count = message.copy_count};
        AUTO(pg_reply) struct pg_reply reply = {0};
        if (!pg_send(engine->pg, &sent, engine->request.deadline, &reply, err)) {
            return err->kind == ERROR_FAILED
                       ? failed(flight, batch, &message, &reply, err)
                       : err->kind == ERROR_INTERRUPTED &&
                             interrupted(flight, batch, &message, &reply, err);
        }
        last = message.last;
        from = message.next;
    }
    *out_sent = true;
    return true;
}

/* Gathers the next batch, if there may be one. Between batches that are one transaction it is open,
 * and whoever writes to the ledger next would commit it. */
static bool prepare(struct flight *flight, struct error *err)
{
    if (engine_may_begin(flight->engine, migration_at(flight, flight->first), err) &&
        gather(flight, err)) {
        return true;
    }
    if (flight->together && flight->first > 0) {
        engine_roll_back(flight->engine, UNDO_MS);
        if (err->kind == ERROR_INTERRUPTED) {
            flight->engine->outcome->failure = (struct outcome_failure){.left = OUTCOME_LEFT_ALL};
            engine_name_failed(flight->engine, migration_at(flight, flight->first), err);
        }
    }
    return false;
}

static bool fly_one(struct flight *flight, struct error *err)
{
    bool sent = false;
    if (!prepare(flight, err)) {
        return false;
    }
    const struct message_frame frame = engine_frame(flight->engine);
    bool whole = flight->first + flight->item_count == flight->count;
    struct message_batch batch = {
        .frame = &frame,
        .items = flight->items,
        .count = flight->item_count,
        .together = flight->together,
        .opens = flight->first == 0,
        .closes = whole,
    };
    bool ok = send_batch(flight, &batch, &sent, err);
    pg_on_notice(flight->engine->pg, NULL, NULL);
    engine_unwatch(flight->engine);
    if (!ok || !sent) {
        flight->first = flight->together ? 0 : flight->applied;
        return ok;
    }
    unload(flight);
    if (flight->together && !whole) {
        flight->first += flight->item_count;
        return true;
    }
    count_applied(flight, flight->together ? 0 : flight->first,
                  flight->together ? flight->count : flight->item_count);
    flight->first = flight->applied;
    return true;
}

bool engine_apply(struct engine *engine, const size_t *steps, size_t count, struct error *err)
{
    struct flight flight = {
        .engine = engine,
        .steps = steps,
        .count = count,
        .together = engine->request.plan->run.transaction == PLAN_SCOPE_ALL,
        .alone = count,
        .said_ms = clock_steady_ms(),
        .items = memory_new(count, sizeof *flight.items),
        .began_ms = memory_new(count, sizeof *flight.began_ms),
    };
    bool ok = true;
    while (ok && flight.applied < count) {
        ok = fly_one(&flight, err);
    }
    free(flight.items);
    free(flight.began_ms);
    return ok;
}
