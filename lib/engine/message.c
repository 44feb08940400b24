#include "engine/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    FRAME_MAX = 2 * MESSAGE_MAX, /* more than names, settings and modes can come to */
    TRANSACTION_TIMEOUT_SINCE = 170000,
};

/* What a migration may have left in the session, all undone before the COMMIT, so that it reaches
 * neither the next migration nor the next client of the pool. Deferred constraints are checked
 * first, while the migration's own role is in force. */
static const char undo[] = "SET CONSTRAINTS ALL IMMEDIATE;\n"
                           "RESET SESSION AUTHORIZATION;\n"
                           "RESET ROLE;\n"
                           "CLOSE ALL;\n"
                           "RESET ALL;\n"
                           "UNLISTEN *;\n"
                           "DISCARD TEMP;\n";

/* A role may have other defaults; the modes of the file's own BEGIN are taken over, but for READ
 * ONLY, under which the ledger could not be written. */
static void begin(const struct message_source *source, struct buf *out)
{
    size_t offset = 0;
    size_t length = 0;
    sql_modes(source->script, source->text, &offset, &length);
    buf_text(out, "BEGIN ISOLATION LEVEL READ COMMITTED");
    buf_text(out, length ? ", " : "");
    buf_add(out, source->text + offset, length);
    buf_text(out, length ? "\n, READ WRITE;\n" : ", READ WRITE;\n");
}

/* One SET LOCAL more; returns 1, to be counted. */
static size_t set_ms(struct buf *out, const char *setting, int64_t ms)
{
    buf_format(out, "SET LOCAL %s = %" PRId64 ";\n", setting, ms);
    return 1;
}

/* The login's own limits must not end a transaction that the plan gives its own. */
static size_t lift_limits(const struct message_source *source, struct buf *out)
{
    return set_ms(out, "idle_in_transaction_session_timeout", 0) +
           (source->server_version >= TRANSACTION_TIMEOUT_SINCE
                ? set_ms(out, "transaction_timeout", 0)
                : 0);
}

static size_t set_names(const struct message_source *source, struct buf *out)
{
    char name[64];
    AUTO(buf) struct buf whole = buf_make(1024);
    buf_format(&whole, "postlude/%s/%s", source->claim->run_id, source->claim->id);
    text_copy(name, sizeof name, whole.data);
    buf_text(out, "SET LOCAL application_name = ");
    pg_literal(out, name);
    buf_text(out, ";\nSET LOCAL search_path = ");
    pg_identifier(out, source->schema);
    buf_text(out, ";\n");
    if (!source->role) {
        return 2;
    }
    buf_text(out, "SET LOCAL ROLE ");
    pg_identifier(out, source->role);
    buf_text(out, ";\n");
    return 3;
}

static void open_transaction(const struct message_source *source, struct message *message)
{
    struct buf *out = &message->text;
    begin(source, out);
    message->claim = 1 + lift_limits(source, out);
    message->claim += set_ms(out, "lock_timeout", source->lock_timeout_ms);
    message->claim += set_ms(out, "statement_timeout", source->statement_timeout_ms);
    ledger_begin_sql(source->claim, out);
    message->lead = message->claim + 1 + set_names(source, out);
}

static void close_transaction(const struct message_source *source, struct buf *out)
{
    buf_text(out, undo);
    /* RESET ALL has brought the login's own limits back. */
    (void)set_ms(out, "statement_timeout", 0);
    (void)lift_limits(source, out);
    ledger_finish_sql(source->claim, source->script->end - source->script->first, out);
    buf_text(out, "COMMIT");
}

static void add_statement(const struct message_source *source, size_t index,
                          struct message *message)
{
    const struct sql_statement *statement = &source->script->statements[index];
    message->parts = memory_push(message->parts, message->part_count, &message->part_capacity,
                                 sizeof *message->parts);
    message->parts[message->part_count++] =
        (struct message_part){.at = message->text.length, .statement = index};
    buf_add(&message->text, source->text + statement->offset, statement->length);
    buf_text(&message->text, ";\n");
    if (statement->kind == SQL_COPY_STDIN) {
        message->copies = memory_push(message->copies, message->copy_count, &message->copy_capacity,
                                      sizeof *message->copies);
        message->copies[message->copy_count++] = (struct pg_copy){
            .data = source->text + statement->data_offset, .length = statement->data_length};
    }
}

void message_make(const struct message_source *source, size_t from, struct message *out_message)
{
    const struct sql_script *script = source->script;
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
    size_t own_begin = script->first ? script->statements[0].length : 0;
    struct message message = {.text = buf_make(whole + own_begin + FRAME_MAX), .next = end};
    if (from == script->first) {
        open_transaction(source, &message);
    }
    for (size_t i = from; i < end; i++) {
        add_statement(source, i, &message);
    }
    if (end == script->end) {
        message.last = true;
        close_transaction(source, &message.text);
    }
    *out_message = message;
}

void message_free(struct message *message)
{
    buf_free(&message->text);
    free(message->parts);
    free(message->copies);
    *message = (struct message){0};
}

static size_t byte_offset(const struct buf *text, int position)
{
    size_t at = 0;
    for (int i = 1; i < position && at < text->length; i++) {
        size_t size = text_sequence(text->data + at, text->length - at);
        at += size ? size : 1;
    }
    return at;
}

static struct message_spot in_statement(const struct message *message,
                                        const struct message_source *source, size_t part, size_t at)
{
    const struct message_part *found = &message->parts[part];
    const struct sql_statement *statement = &source->script->statements[found->statement];
    /* A syntax error "at end of input" points behind the statement. */
    size_t within = at < statement->length ? at : statement->length;
    return (struct message_spot){.place = MESSAGE_STATEMENT,
                                 .statement = found->statement,
                                 .offset = statement->offset + within};
}

/* The part that holds this offset of the message; part_count when none does. */
static size_t part_at(const struct message *message, const struct message_source *source, size_t at)
{
    for (size_t i = message->part_count; i > 0; i--) {
        const struct message_part *part = &message->parts[i - 1];
        size_t length = source->script->statements[part->statement].length;
        if (at >= part->at) {
            return at <= part->at + length ? i - 1 : message->part_count;
        }
    }
    return message->part_count;
}

struct message_spot message_locate(const struct message *message,
                                   const struct message_source *source, size_t done, int position)
{
    if (position > 0) {
        size_t at = byte_offset(&message->text, position);
        size_t part = part_at(message, source, at);
        if (part < message->part_count) {
            return in_statement(message, source, part, at - message->parts[part].at);
        }
    }
    if (done < message->lead) {
        return (struct message_spot){.place =
                                         done == message->claim ? MESSAGE_CLAIM : MESSAGE_SETTINGS};
    }
    if (done - message->lead < message->part_count) {
        return in_statement(message, source, done - message->lead, 0);
    }
    return (struct message_spot){.place = MESSAGE_CLOSING};
}
