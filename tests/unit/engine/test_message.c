#include "engine/message.h"

#include "base/memory.h"
#include "base/text.h"
#include "sql/cases.h"

/* What the messages of one script are made from. */
struct fixture {
    struct ledger_claim claim;
    struct message_source source;
    struct sql_script *script;
};

static void set_up(struct fixture *fixture, const char *text, size_t length)
{
    struct error err;
    *fixture = (struct fixture){
        .claim = {.plan = "orders",
                  .run_id = "01a20499-42c8-7f32-8ec1-b4538aec6000",
                  .id = "0002_b",
                  .before = "0001_a",
                  .kind = "sql",
                  .checksum = "sha256:1"},
    };
    if (!sql_split(text, length, &fixture->script, &err)) {
        fail_msg("%s: %s", err.where, err.message);
    }
    fixture->source = (struct message_source){
        .claim = &fixture->claim,
        .text = text,
        .script = fixture->script,
        .schema = "public",
        .lock_timeout_ms = 3000,
        .statement_timeout_ms = 900000,
        .server_version = 150006,
    };
}

/* The whole of each message. */
static void render(const char *title, const char *text, size_t length, struct buf *out)
{
    struct fixture fixture;
    set_up(&fixture, text, length);
    fixture.claim.before = strstr(title, "first") ? NULL : fixture.claim.before;
    fixture.source.role = strstr(title, "role") ? "we\"ird" : NULL;
    fixture.source.schema = strstr(title, "role") ? "a\"b" : "public";
    fixture.source.server_version = strstr(title, "17") ? 170000 : 169999;
    struct message message;
    message_make(&fixture.source, fixture.script->first, &message);
    assert_true(message.last);
    assert_false(message.text.full);
    buf_add(out, message.text.data, message.text.length);
    for (size_t i = 0; i < message.copy_count; i++) {
        buf_text(out, "\ncopy <");
        text_escape(out, message.copies[i].data, message.copies[i].length);
        buf_text(out, ">");
    }
    message_free(&message);
    message_free(&message);
    sql_free(fixture.script);
}

static void makes_what_the_data_files_say(void **state)
{
    (void)state;
    cases_run("message", render);
}

/* Every statement once, in order, whatever the number of messages; returns that number. */
static size_t count_messages(struct fixture *fixture)
{
    size_t from = fixture->script->first;
    size_t seen = from;
    size_t count = 0;
    for (bool last = false; !last; count++) {
        struct message message;
        message_make(&fixture->source, from, &message);
        assert_false(message.text.full);
        assert_int_equal(message.lead > 0, count == 0);
        size_t whole = 0;
        for (size_t i = 0; i < message.part_count; i++) {
            const struct message_part *part = &message.parts[i];
            const struct sql_statement *statement = &fixture->script->statements[part->statement];
            assert_int_equal(part->statement, seen++);
            assert_memory_equal(message.text.data + part->at,
                                fixture->source.text + statement->offset, statement->length);
            whole += statement->length + 2;
        }
        assert_true(whole <= MESSAGE_MAX || message.part_count == 1);
        assert_int_equal(message.next, seen);
        assert_int_equal(message.last, text_ends(message.text.data, "COMMIT"));
        last = message.last;
        from = message.next;
        message_free(&message);
    }
    assert_int_equal(seen, fixture->script->end);
    return count;
}

static size_t count_of(const struct buf *text)
{
    struct fixture fixture;
    set_up(&fixture, text->data, text->length);
    size_t count = count_messages(&fixture);
    sql_free(fixture.script);
    return count;
}

static void add_statement(struct buf *text, size_t size)
{
    buf_text(text, "select '");
    for (size_t i = 0; i < size; i++) {
        buf_char(text, 'x');
    }
    buf_text(text, "';\n");
}

static void cuts_between_statements(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make(16U * 1024 * 1024);
    assert_int_equal(count_of(&text), 1);
    for (size_t i = 0; i < 4000; i++) {
        add_statement(&text, 1000);
    }
    size_t count = count_of(&text);
    assert_true(count == 4 || count == 5);
    AUTO(buf) struct buf large = buf_make(16U * 1024 * 1024);
    add_statement(&large, MESSAGE_MAX + 1);
    assert_int_equal(count_of(&large), 1);
    add_statement(&large, 1);
    add_statement(&large, 1);
    assert_int_equal(count_of(&large), 2);
    add_statement(&large, MESSAGE_MAX);
    add_statement(&large, MESSAGE_MAX);
    assert_int_equal(count_of(&large), 4);
    /* To the byte: "select '';" and the line end are eleven more. */
    AUTO(buf) struct buf exact = buf_make(16U * 1024 * 1024);
    add_statement(&exact, MESSAGE_MAX / 2 - 11);
    add_statement(&exact, MESSAGE_MAX / 2 - 11);
    assert_int_equal(count_of(&exact), 1);
    AUTO(buf) struct buf over = buf_make(16U * 1024 * 1024);
    add_statement(&over, MESSAGE_MAX / 2 - 11);
    add_statement(&over, MESSAGE_MAX / 2 - 10);
    assert_int_equal(count_of(&over), 2);
}

static const char script_text[] = "begin;\n"
                                  "select 'äöü€𝄞' as \"ñ\", 'ß' || nosuch;\n"
                                  "/* ü */ select 2; -- tail\n"
                                  "select 3;\n"
                                  "commit;\n";

/* Characters of the message before `at`, and one. */
static int position_of(const struct message *message, size_t at)
{
    int position = 1;
    for (size_t i = 0; i < at; i++) {
        position += ((unsigned char)message->text.data[i] & 0xC0) != 0x80;
    }
    return position;
}

static size_t offset_in(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    assert_non_null(found);
    return (size_t)(found - text);
}

static void finds_the_place_of_a_position(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, script_text, strlen(script_text));
    struct message message;
    message_make(&fixture.source, fixture.script->first, &message);
    static const char *const words[] = {"select 'ä", "nosuch", "select 2", "2; --", "select 3"};
    static const size_t statements[] = {1, 1, 2, 2, 3};
    for (size_t i = 0; i < COUNT(words); i++) {
        /* The whole message is read before it runs, so that nothing may be done yet. */
        const char *word = i == 3 ? "2;\n" : words[i];
        size_t at = offset_in(message.text.data, word);
        struct message_spot spot =
            message_locate(&message, &fixture.source, i % 2 ? 0 : 3, position_of(&message, at));
        assert_int_equal(spot.place, MESSAGE_STATEMENT);
        assert_int_equal(spot.statement, statements[i]);
        assert_int_equal(spot.offset, offset_in(script_text, words[i]));
    }
    /* At the semicolon that we put behind it: the end of the statement. */
    const struct message_part *part = &message.parts[1];
    size_t length = fixture.script->statements[part->statement].length;
    struct message_spot spot =
        message_locate(&message, &fixture.source, 0, position_of(&message, part->at + length));
    assert_int_equal(spot.statement, part->statement);
    assert_int_equal(spot.offset, offset_in(script_text, "; -- tail"));
    message_free(&message);
    sql_free(fixture.script);
}

static void finds_the_place_of_a_count(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, script_text, strlen(script_text));
    fixture.source.role = "owner";
    struct message message;
    message_make(&fixture.source, fixture.script->first, &message);
    size_t lines = 0;
    size_t claim = 0;
    for (const char *at = message.text.data; !text_starts(at, "select '"); lines++) {
        claim = text_starts(at, "SELECT postlude.begin(") ? lines : claim;
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(message.lead, lines);
    assert_int_equal(message.claim, claim);
    for (size_t done = 0; done < message.lead + 8; done++) {
        /* Zero: none; the others point into our own text, or behind everything. */
        const int positions[] = {0, 1, -1, 60, INT32_MAX};
        for (size_t i = 0; i < COUNT(positions); i++) {
            struct message_spot spot =
                message_locate(&message, &fixture.source, done, positions[i]);
            enum message_place expected = done == claim              ? MESSAGE_CLAIM
                                          : done < message.lead      ? MESSAGE_SETTINGS
                                          : done < message.lead + 3u ? MESSAGE_STATEMENT
                                                                     : MESSAGE_CLOSING;
            assert_int_equal(spot.place, expected);
            if (expected == MESSAGE_STATEMENT) {
                assert_int_equal(spot.statement, 1 + done - message.lead);
                assert_int_equal(spot.offset, fixture.script->statements[spot.statement].offset);
            }
        }
    }
    message_free(&message);
    sql_free(fixture.script);
}

static void counts_from_its_own_start_in_a_later_message(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make(16U * 1024 * 1024);
    add_statement(&text, MESSAGE_MAX);
    buf_text(&text, "select 'ü', nosuch;\nselect 4;\n");
    struct fixture fixture;
    set_up(&fixture, text.data, text.length);
    struct message message;
    message_make(&fixture.source, 1, &message);
    assert_int_equal(message.lead, 0);
    struct message_spot spot = message_locate(&message, &fixture.source, 0, 13);
    assert_int_equal(spot.place, MESSAGE_STATEMENT);
    assert_int_equal(spot.statement, 1);
    assert_int_equal(spot.offset, offset_in(text.data, "nosuch"));
    spot = message_locate(&message, &fixture.source, 1, 0);
    assert_int_equal(spot.statement, 2);
    spot = message_locate(&message, &fixture.source, 2, 0);
    assert_int_equal(spot.place, MESSAGE_CLOSING);
    message_free(&message);
    sql_free(fixture.script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_what_the_data_files_say),
        cmocka_unit_test(cuts_between_statements),
        cmocka_unit_test(finds_the_place_of_a_position),
        cmocka_unit_test(finds_the_place_of_a_count),
        cmocka_unit_test(counts_from_its_own_start_in_a_later_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
