#include "engine/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    FRAME_MAX = 64 * 1024, /* more than names, settings and modes of one migration come to */
    CONNECTION_CHECK_SINCE = 140000,
    TRANSACTION_TIMEOUT_SINCE = 170000,
    CONNECTION_CHECK_MS = 1000,
};

const char *const message_begin = "BEGIN;\nSET LOCAL statement_timeout = 0";

/* What a migration may have left in the session, all undone before the COMMIT, so that it reaches
 * neither the next migration nor the next client of the pool. */
static const char *const undo[] = {
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "CLOSE ALL",
    "RESET ALL",
    "UNLISTEN *",
    "DISCARD TEMP",
};

/* A message on its way, and for whom. */
struct maker {
    const struct message_batch *batch;
    struct message *message;
    size_t item;
};

static const struct message_item *item_of(const struct maker *maker)
{
    return &maker->batch->items[maker->item];
}

static struct buf *part(struct maker *maker, enum message_place place, size_t statement)
{
    struct message *message = maker->message;
    message->parts = memory_push(message->parts, message->part_count, &message->part_capacity,
                                 sizeof *message->parts);
    message->parts[message->part_count++] = (struct message_part){
        .at = message->text.length, .item = maker->item, .statement = statement, .place = place};
    return &message->text;
}

static void own(struct maker *maker, enum message_place place, const char *sql)
{
    struct buf *out = part(maker, place, 0);
    buf_text(out, sql);
    buf_text(out, ";\n");
}

static void set_ms(struct maker *maker, enum message_place place, const char *setting, int64_t ms)
{
    buf_format(part(maker, place, 0), "SET LOCAL %s = %" PRId64 ";\n", setting, ms);
}

/* A role may have other defaults; the modes of the file's own BEGIN are taken over, but for READ
 * ONLY, under which the ledger could not be written. */
static void begin(struct maker *maker)
{
    const struct message_item *item = item_of(maker);
    size_t offset = 0;
    size_t length = 0;
    sql_modes(item->script, item->text, &offset, &length);
    struct buf *out = part(maker, MESSAGE_SETTINGS, 0);
    buf_text(out, maker->batch->begun && maker->item == 0 ? "SET TRANSACTION " : "BEGIN ");
    buf_text(out, "ISOLATION LEVEL READ COMMITTED");
    buf_text(out, length ? ", " : "");
    buf_add(out, item->text + offset, length);
    buf_text(out, length ? "\n, READ WRITE;\n" : ", READ WRITE;\n");
}

/* The login's own limits must not end a transaction that the plan gives its own. */
static void lift_limits(struct maker *maker, enum message_place place)
{
    set_ms(maker, place, "idle_in_transaction_session_timeout", 0);
    if (maker->batch->frame->server_version >= TRANSACTION_TIMEOUT_SINCE) {
        set_ms(maker, place, "transaction_timeout", 0);
    }
}

/* The server then notices that we are gone, and stops, instead of going on to the end. */
static void watch_client(struct maker *maker)
{
    if (maker->batch->frame->server_version >= CONNECTION_CHECK_SINCE) {
        set_ms(maker, MESSAGE_SETTINGS, "client_connection_check_interval", CONNECTION_CHECK_MS);
    }
}

static void set_identifier(struct maker *maker, enum message_place place, const char *before,
                           const char *name)
{
    struct buf *out = part(maker, place, 0);
    buf_text(out, before);
    pg_identifier(out, name);
    buf_text(out, ";\n");
}

/* Schema and role of the migration's statements. */
static void set_names(struct maker *maker, enum message_place place)
{
    const struct message_frame *frame = maker->batch->frame;
    set_identifier(maker, place, "SET LOCAL search_path = ", frame->schema);
    if (frame->role) {
        set_identifier(maker, place, "SET LOCAL ROLE ", frame->role);
    }
}

static void set_application(struct maker *maker)
{
    const struct ledger_claim *claim = &item_of(maker)->claim;
    char name[64];
    AUTO(buf) struct buf whole = buf_make(1024);
    buf_format(&whole, "postlude/%s/%s", claim->run_id, claim->id);
    text_copy(name, sizeof name, whole.data);
    struct buf *out = part(maker, MESSAGE_SETTINGS, 0);
    buf_text(out, "SET LOCAL application_name = ");
    pg_literal(out, name);
    buf_text(out, ";\n");
}

static void set_limits(struct maker *maker)
{
    const struct message_item *item = item_of(maker);
    lift_limits(maker, MESSAGE_SETTINGS);
    watch_client(maker);
    set_ms(maker, MESSAGE_SETTINGS, "lock_timeout", item->lock_timeout_ms);
    set_ms(maker, MESSAGE_SETTINGS, "statement_timeout", item->statement_timeout_ms);
}

static void open_item(struct maker *maker)
{
    const struct message_batch *batch = maker->batch;
    if (!batch->together || (batch->opens && maker->item == 0)) {
        begin(maker);
    }
    set_limits(maker);
    ledger_begin_sql(&item_of(maker)->claim, part(maker, MESSAGE_CLAIM, 0));
    set_application(maker);
    set_names(maker, MESSAGE_SETTINGS);
}

static void set_flush(struct maker *maker, bool flush)
{
    if (!flush) {
        own(maker, MESSAGE_CLOSING, "SET LOCAL synchronous_commit = off");
    } else if (maker->batch->frame->async_commit) {
        own(maker, MESSAGE_CLOSING, "SET LOCAL synchronous_commit = on");
    }
}

/* Deferred constraints are checked first, while the migration's own role is in force. */
static void settle_item(struct maker *maker)
{
    const struct message_batch *batch = maker->batch;
    if (!batch->together || (batch->closes && maker->item + 1 == batch->count)) {
        own(maker, MESSAGE_CLOSING, "SET CONSTRAINTS ALL IMMEDIATE");
    }
    const char *verify = item_of(maker)->verify;
    if (verify) {
        own(maker, MESSAGE_CLOSING, "RESET ROLE");
        set_names(maker, MESSAGE_CLOSING);
        message_verify_sql(verify, part(maker, MESSAGE_VERIFY, 0));
    }
}

static void undo_session(struct maker *maker)
{
    for (size_t i = 0; i < COUNT(undo); i++) {
        own(maker, MESSAGE_CLOSING, undo[i]);
    }
    /* RESET ALL has brought the login's own limits back. */
    set_ms(maker, MESSAGE_CLOSING, "statement_timeout", 0);
    lift_limits(maker, MESSAGE_CLOSING);
}

static void close_item(struct maker *maker)
{
    const struct message_batch *batch = maker->batch;
    const struct message_item *item = item_of(maker);
    bool last = maker->item + 1 == batch->count;
    settle_item(maker);
    undo_session(maker);
    ledger_tidy_sql(part(maker, MESSAGE_CLOSING, 0));
    ledger_finish_sql(&item->claim, item->script->end - item->script->first,
                      part(maker, MESSAGE_CLOSING, 0));
    if (!batch->together || (batch->closes && last)) {
        set_flush(maker, last);
        own(maker, MESSAGE_COMMIT, "COMMIT");
    }
}

static void add_statement(struct maker *maker, size_t index)
{
    struct message *message = maker->message;
    const struct message_item *item = item_of(maker);
    const struct sql_statement *statement = &item->script->statements[index];
    struct buf *out = part(maker, MESSAGE_STATEMENT, index);
    buf_add(out, item->text + statement->offset, statement->length);
    buf_text(out, ";\n");
    if (statement->kind == SQL_COPY_STDIN) {
        message->copies = memory_push(message->copies, message->copy_count, &message->copy_capacity,
                                      sizeof *message->copies);
        message->copies[message->copy_count++] = (struct pg_copy){
            .data = item->text + statement->data_offset, .length = statement->data_length};
    }
}

/* The statement behind the last that fits into a message which begins with `from`. */
static size_t fitting(const struct sql_script *script, size_t from)
{
    size_t whole = 0;
    size_t end = from;
    while (end < script->end) {
        size_t length = script->statements[end].length + 2;
        if (end > from && whole + length > MESSAGE_MAX) {
            break;
        }
        whole += length;
        end++;
    }
    return end;
}

static size_t size_of(const struct message_batch *batch)
{
    size_t size = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct sql_script *script = batch->items[i].script;
        size += FRAME_MAX;
        for (size_t j = 0; j < script->count; j++) {
            size += script->statements[j].length + 2;
        }
        size += batch->items[i].verify ? 16 * strlen(batch->items[i].verify) + 256 : 0;
    }
    return size;
}

void message_make(const struct message_batch *batch, size_t from, struct message *out_message)
{
    *out_message = (struct message){.text = buf_make(size_of(batch)), .last = true};
    struct maker maker = {.batch = batch, .message = out_message};
    for (; maker.item < batch->count; maker.item++) {
        const struct sql_script *script = item_of(&maker)->script;
        size_t first = maker.item == 0 ? from : script->first;
        size_t end = batch->count > 1 ? script->end : fitting(script, first);
        if (first == script->first) {
            open_item(&maker);
        }
        for (size_t i = first; i < end; i++) {
            add_statement(&maker, i);
        }
        out_message->next = end;
        out_message->last = end == script->end;
        if (out_message->last) {
            close_item(&maker);
        }
    }
}

void message_make_step(const struct message_batch *batch, size_t statement,
                       const char *done_checksum, struct message *out_message)
{
    const struct message_item *item = &batch->items[0];
    *out_message = (struct message){.text = buf_make(size_of(batch)), .last = true};
    struct maker maker = {.batch = batch, .message = out_message};
    begin(&maker);
    set_limits(&maker);
    set_application(&maker);
    set_names(&maker, MESSAGE_SETTINGS);
    add_statement(&maker, statement);
    own(&maker, MESSAGE_CLOSING, "SET CONSTRAINTS ALL IMMEDIATE");
    undo_session(&maker);
    ledger_tidy_sql(part(&maker, MESSAGE_CLOSING, 0));
    ledger_step_done_sql(&item->claim, statement - item->script->first + 1, done_checksum,
                         part(&maker, MESSAGE_CLOSING, 0));
    set_flush(&maker, true);
    own(&maker, MESSAGE_COMMIT, "COMMIT");
}

void message_make_bare(const struct message_item *item, size_t statement,
                       struct message *out_message)
{
    const struct message_batch batch = {.items = item, .count = 1};
    *out_message = (struct message){.text = buf_make(size_of(&batch)), .last = true};
    struct maker maker = {.batch = &batch, .message = out_message};
    add_statement(&maker, statement);
}

void message_make_verify(const struct message_batch *batch, struct message *out_message)
{
    *out_message = (struct message){
        .text = buf_make(FRAME_MAX + 16 * strlen(batch->items[0].verify)), .last = true};
    struct maker maker = {.batch = batch, .message = out_message};
    own(&maker, MESSAGE_SETTINGS, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY");
    set_limits(&maker);
    set_application(&maker);
    set_names(&maker, MESSAGE_SETTINGS);
    message_verify_sql(batch->items[0].verify, part(&maker, MESSAGE_VERIFY, 0));
    /* What a function of the query did to the session: some of it outlasts the ROLLBACK. */
    own(&maker, MESSAGE_CLOSING, "RESET ROLE");
    ledger_tidy_sql(part(&maker, MESSAGE_CLOSING, 0));
    own(&maker, MESSAGE_COMMIT, "ROLLBACK");
}

void message_free(struct message *message)
{
    buf_free(&message->text);
    free(message->parts);
    free(message->copies);
    *message = (struct message){0};
}
