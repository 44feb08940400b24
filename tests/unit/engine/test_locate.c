#include "engine/messages.h"

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

/* The index of the first part of this place and item. */
static size_t part_of(const struct message *message, size_t item, enum message_place place)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].item == item && message->parts[i].place == place) {
            return i;
        }
    }
    fail_msg("item %zu has no part of place %d", item, (int)place);
    return 0;
}

static void finds_the_place_of_a_position(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_files(&fixture, (const char *const[]){script_text}, 1);
    AUTO(message) struct message message;
    message_make(&fixture.batch, fixture.scripts[0]->first, &message);
    static const char *const words[] = {"select 'ä", "nosuch", "select 2", "2; --", "select 3"};
    static const size_t statements[] = {1, 1, 2, 2, 3};
    for (size_t i = 0; i < COUNT(words); i++) {
        /* The whole message is read before it runs, so that nothing may be done yet. */
        const char *word = i == 3 ? "2;\n" : words[i];
        size_t at = offset_in(message.text.data, word);
        struct message_spot spot =
            message_locate(&message, &fixture.batch, i % 2 ? 0 : 3, position_of(&message, at));
        assert_int_equal(spot.place, MESSAGE_STATEMENT);
        assert_int_equal(spot.item, 0);
        assert_int_equal(spot.statement, statements[i]);
        assert_int_equal(spot.offset, offset_in(script_text, words[i]));
    }
    /* At the semicolon and the line end that we put behind it: the end of the statement. */
    const struct message_part *part = &message.parts[part_of(&message, 0, MESSAGE_STATEMENT) + 1];
    size_t length = fixture.scripts[0]->statements[part->statement].length;
    for (size_t i = 0; i < 2; i++) {
        int position = position_of(&message, part->at + length + i);
        struct message_spot spot = message_locate(&message, &fixture.batch, 0, position);
        assert_int_equal(spot.statement, part->statement);
        assert_int_equal(spot.offset, offset_in(script_text, "; -- tail"));
    }
    tear_down(&fixture);
}

/* Three migrations, the last of them with the outer BEGIN and COMMIT. */
static void set_up_three(struct fixture *fixture)
{
    set_up_files(fixture,
                 (const char *const[]){"select 'é';\nselect 'ü';\n", "select '€';", script_text},
                 3);
    fixture->items[1].verify = "select true";
}

static void finds_a_position_in_the_third_migration(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_three(&fixture);
    AUTO(message) struct message message;
    message_make(&fixture.batch, fixture.scripts[0]->first, &message);
    int position = position_of(&message, offset_in(message.text.data, "nosuch"));
    const size_t done[] = {0, 5, message.part_count};
    for (size_t i = 0; i < COUNT(done); i++) {
        struct message_spot spot = message_locate(&message, &fixture.batch, done[i], position);
        assert_int_equal(spot.place, MESSAGE_STATEMENT);
        assert_int_equal(spot.item, 2);
        assert_int_equal(spot.statement, 1);
        assert_int_equal(spot.offset, offset_in(script_text, "nosuch"));
    }
    tear_down(&fixture);
}

/* Without a position, or with one in our own text, or behind everything, the count says where. */
static void finds_the_place_of_a_count(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_three(&fixture);
    AUTO(message) struct message message;
    message_make(&fixture.batch, fixture.scripts[0]->first, &message);
    for (size_t done = 0; done < message.part_count + 3; done++) {
        const struct message_part *part =
            &message.parts[done < message.part_count ? done : message.part_count - 1];
        const int positions[] = {0, 1, -1, 60, INT32_MAX};
        for (size_t i = 0; i < COUNT(positions); i++) {
            struct message_spot spot = message_locate(&message, &fixture.batch, done, positions[i]);
            assert_int_equal(spot.place, part->place);
            assert_int_equal(spot.item, part->item);
            if (part->place == MESSAGE_STATEMENT) {
                assert_int_equal(spot.statement, part->statement);
                assert_int_equal(spot.offset,
                                 fixture.scripts[part->item]->statements[part->statement].offset);
            }
        }
    }
    tear_down(&fixture);
}

/* What each statement of the message is to the one who reads an error. */
static void knows_what_each_statement_is(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_three(&fixture);
    AUTO(message) struct message message;
    message_make(&fixture.batch, fixture.scripts[0]->first, &message);
    const struct {
        const char *start;
        enum message_place place;
    } rows[] = {
        {"BEGIN", MESSAGE_SETTINGS},
        {"SELECT postlude.begin(", MESSAGE_CLAIM},
        {"SET LOCAL lock_timeout", MESSAGE_SETTINGS},
        {"SET LOCAL application_name", MESSAGE_SETTINGS},
        {"select", MESSAGE_STATEMENT},
        {"SET CONSTRAINTS", MESSAGE_CLOSING},
        {"DO LANGUAGE plpgsql", MESSAGE_VERIFY},
        {"SELECT postlude.tidy(", MESSAGE_CLOSING},
        {"SELECT postlude.finish(", MESSAGE_CLOSING},
        {"COMMIT", MESSAGE_COMMIT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t found = 0;
        for (size_t j = 0; j < message.part_count; j++) {
            if (text_starts(message.text.data + message.parts[j].at, rows[i].start)) {
                assert_int_equal(message.parts[j].place, rows[i].place);
                found++;
            }
        }
        size_t expected = rows[i].place == MESSAGE_VERIFY      ? 1
                          : rows[i].place == MESSAGE_STATEMENT ? 6
                                                               : 3;
        assert_int_equal(found, expected);
    }
    tear_down(&fixture);
}

static void counts_what_was_committed(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_three(&fixture);
    AUTO(message) struct message message;
    message_make(&fixture.batch, fixture.scripts[0]->first, &message);
    assert_int_equal(message_committed(&message, 0), 0);
    for (size_t i = 0; i < 3; i++) {
        size_t commit = part_of(&message, i, MESSAGE_COMMIT);
        assert_int_equal(message_committed(&message, commit), i);
        assert_int_equal(message_committed(&message, commit + 1), i + 1);
    }
    assert_int_equal(message_committed(&message, message.part_count + 7), 3);
    /* All in one: nothing before the one COMMIT. */
    AUTO(message) struct message whole;
    fixture.batch.together = fixture.batch.opens = fixture.batch.closes = true;
    message_make(&fixture.batch, fixture.scripts[0]->first, &whole);
    assert_int_equal(count_place(&whole, MESSAGE_COMMIT), 1);
    assert_int_equal(message_committed(&whole, whole.part_count - 1), 0);
    assert_int_equal(message_committed(&whole, whole.part_count), 3);
    tear_down(&fixture);
}

static void counts_from_its_own_start_in_a_later_message(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make(16U * 1024 * 1024);
    add_statement(&text, MESSAGE_MAX);
    buf_text(&text, "select 'ü', nosuch;\nselect 4;\n");
    struct fixture fixture;
    set_up_files(&fixture, (const char *const[]){text.data}, 1);
    AUTO(message) struct message message;
    message_make(&fixture.batch, 1, &message);
    struct message_spot spot = message_locate(&message, &fixture.batch, 0, 13);
    assert_int_equal(spot.place, MESSAGE_STATEMENT);
    assert_int_equal(spot.statement, 1);
    assert_int_equal(spot.offset, offset_in(text.data, "nosuch"));
    spot = message_locate(&message, &fixture.batch, 1, 0);
    assert_int_equal(spot.statement, 2);
    spot = message_locate(&message, &fixture.batch, 2, 0);
    assert_int_equal(spot.place, MESSAGE_CLOSING);
    tear_down(&fixture);
}

static void finds_the_place_in_a_bare_statement(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_files(&fixture, (const char *const[]){script_text}, 1);
    AUTO(message) struct message message;
    message_make_bare(&fixture.items[0], 2, &message);
    assert_string_equal(message.text.data, "select 2;\n");
    struct message_spot spot = message_locate(&message, &fixture.batch, 0, 8);
    assert_int_equal(spot.place, MESSAGE_STATEMENT);
    assert_int_equal(spot.statement, 2);
    assert_int_equal(spot.offset, offset_in(script_text, "2; --"));
    assert_int_equal(message_committed(&message, 1), 0);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_place_of_a_position),
        cmocka_unit_test(finds_a_position_in_the_third_migration),
        cmocka_unit_test(finds_the_place_of_a_count),
        cmocka_unit_test(knows_what_each_statement_is),
        cmocka_unit_test(counts_what_was_committed),
        cmocka_unit_test(counts_from_its_own_start_in_a_later_message),
        cmocka_unit_test(finds_the_place_in_a_bare_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
