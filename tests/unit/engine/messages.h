/* Migrations to make messages of. */
#ifndef POSTLUDE_TESTS_ENGINE_MESSAGES_H
#define POSTLUDE_TESTS_ENGINE_MESSAGES_H

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/message.h"

#include "check.h"

enum { ITEMS_MAX = 8, WORD_MAX = 128 };

struct fixture {
    struct message_frame frame;
    struct message_batch batch;
    struct message_item items[ITEMS_MAX];
    struct buf texts[ITEMS_MAX];
    struct sql_script *scripts[ITEMS_MAX];
    char ids[ITEMS_MAX][WORD_MAX], verifies[ITEMS_MAX][WORD_MAX];
    char schema[WORD_MAX], role[WORD_MAX], make[WORD_MAX];
};

static inline void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .frame = {.schema = "public", .server_version = 150006},
        .batch = {.frame = &fixture->frame, .items = fixture->items},
    };
}

static inline void tear_down(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->batch.count; i++) {
        buf_free(&fixture->texts[i]);
        sql_free(fixture->scripts[i]);
    }
}

static inline void add_item(struct fixture *fixture, const char *id)
{
    size_t i = fixture->batch.count++;
    assert_true(i < ITEMS_MAX);
    text_copy(fixture->ids[i], WORD_MAX, id);
    fixture->texts[i] = buf_make(16U * 1024 * 1024);
    fixture->items[i] = (struct message_item){
        .claim = {.plan = "orders",
                  .run_id = "01a20499-42c8-7f32-8ec1-b4538aec6000",
                  .id = fixture->ids[i],
                  .before = i ? fixture->ids[i - 1] : "0001_a",
                  .kind = "sql",
                  .checksum = "sha256:1"},
        .lock_timeout_ms = 3000,
        .statement_timeout_ms = 900000,
    };
}

/* Once all texts are there. */
static inline void split_items(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->batch.count; i++) {
        struct error err;
        const struct buf *text = &fixture->texts[i];
        if (!sql_split(text->data, text->length, &fixture->scripts[i], &err)) {
            fail_msg("%s: %s", err.where, err.message);
        }
        fixture->items[i].text = text->data;
        fixture->items[i].script = fixture->scripts[i];
    }
}

/* A fixture of these files. */
static inline void set_up_files(struct fixture *fixture, const char *const *files, size_t count)
{
    set_up(fixture);
    for (size_t i = 0; i < count; i++) {
        char id[WORD_MAX];
        (void)snprintf(id, sizeof id, "000%zu_x", i + 1);
        add_item(fixture, id);
        buf_text(&fixture->texts[i], files[i]);
    }
    split_items(fixture);
}

/* How many parts of this place the message has. */
static inline size_t count_place(const struct message *message, enum message_place place)
{
    size_t count = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        count += message->parts[i].place == place;
    }
    return count;
}

static inline void add_statement(struct buf *text, size_t size)
{
    buf_text(text, "select '");
    for (size_t i = 0; i < size; i++) {
        buf_char(text, 'x');
    }
    buf_text(text, "';\n");
}

#endif
