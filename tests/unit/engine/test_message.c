#include "engine/message.h"

#include "base/memory.h"
#include "base/text.h"
#include "sql/cases.h"

/*
 * A case is lines "! NAME VALUE", and text. "! file ID" begins a migration, of which the text that
 * follows is the file (without one there is a migration 0002_b); a line "! verify QUERY" is its
 * verify. Of the frame: schema, role, version, async. Of the batch: begun, together, opens, closes.
 * "! make" says what is made of it: step N, bare N (the statement's number), or verify; without it,
 * the whole.
 */
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

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .frame = {.schema = "public", .server_version = 150006},
        .batch = {.frame = &fixture->frame, .items = fixture->items},
    };
}

static void tear_down(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->batch.count; i++) {
        buf_free(&fixture->texts[i]);
        sql_free(fixture->scripts[i]);
    }
}

static void add_item(struct fixture *fixture, const char *id)
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
static void split_items(struct fixture *fixture)
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
static void set_up_files(struct fixture *fixture, const char *const *files, size_t count)
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

static void take_flag(struct fixture *fixture, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"async", &fixture->frame.async_commit}, {"begun", &fixture->batch.begun},
        {"together", &fixture->batch.together},  {"opens", &fixture->batch.opens},
        {"closes", &fixture->batch.closes},
    };
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (strcmp(flags[i].name, name) == 0) {
            *flags[i].flag = true;
            return;
        }
    }
    fail_msg("unknown line ! %s", name);
}

static void take_word(struct fixture *fixture, const char *name, const char *value)
{
    size_t at = fixture->batch.count - 1;
    if (strcmp(name, "file") == 0) {
        add_item(fixture, value);
    } else if (strcmp(name, "verify") == 0) {
        text_copy(fixture->verifies[at], WORD_MAX, value);
        fixture->items[at].verify = fixture->verifies[at];
    } else if (strcmp(name, "first") == 0) {
        fixture->items[at].claim.before = NULL;
    } else if (strcmp(name, "version") == 0) {
        fixture->frame.server_version = (int)strtol(value, NULL, 10);
    } else if (strcmp(name, "schema") == 0) {
        text_copy(fixture->schema, WORD_MAX, value);
        fixture->frame.schema = fixture->schema;
    } else if (strcmp(name, "role") == 0) {
        text_copy(fixture->role, WORD_MAX, value);
        fixture->frame.role = fixture->role;
    } else if (strcmp(name, "make") == 0) {
        text_copy(fixture->make, WORD_MAX, value);
    } else {
        take_flag(fixture, name);
    }
}

static void read_case(struct fixture *fixture, const char *text)
{
    set_up(fixture);
    if (!strstr(text, "! file ")) {
        add_item(fixture, "0002_b");
    }
    while (*text) {
        const char *next = text;
        size_t size = cases_line(text, &next);
        if (text_starts(text, "! ")) {
            char line[WORD_MAX];
            (void)snprintf(line, sizeof line, "%.*s", (int)size - 2, text + 2);
            char *blank = strchr(line, ' ');
            if (blank) {
                *blank++ = '\0';
            }
            take_word(fixture, line, blank ? blank : "");
        } else {
            buf_add(&fixture->texts[fixture->batch.count - 1], text, (size_t)(next - text));
        }
        text = next;
    }
    split_items(fixture);
}

static void make(const struct fixture *fixture, struct message *message)
{
    const struct sql_script *script = fixture->scripts[0];
    size_t number = (size_t)strtol(fixture->make + strcspn(fixture->make, "0123456789"), NULL, 10);
    size_t statement = script->first + number - 1;
    if (text_starts(fixture->make, "step")) {
        message_make_step(&fixture->batch, statement, "sha256:2", message);
    } else if (text_starts(fixture->make, "bare")) {
        message_make_bare(&fixture->items[0], statement, message);
    } else if (text_starts(fixture->make, "verify")) {
        message_make_verify(&fixture->batch, message);
    } else {
        message_make(&fixture->batch, script->first, message);
    }
}

/* The statements of the message are its parts, whatever their text is: what splits it as the server
 * does finds the same, in the same places. */
static void check_parts(const struct message *message)
{
    AUTO(sql) struct sql_script *script = NULL;
    struct error err;
    AUTO(buf) struct buf text = buf_make(64U * 1024 * 1024);
    for (size_t i = 0; i < message->part_count; i++) {
        size_t at = message->parts[i].at;
        size_t end = i + 1 < message->part_count ? message->parts[i + 1].at : message->text.length;
        assert_true(at < end);
        assert_memory_equal(message->text.data + end - 2, ";\n", 2);
    }
    if (message->copy_count == 0) { /* data would have to follow in the text */
        assert_true(sql_split(message->text.data, message->text.length, &script, &err));
        assert_int_equal(script->count, message->part_count);
        for (size_t i = 0; i < script->count; i++) {
            assert_int_equal(script->statements[i].offset, message->parts[i].at);
        }
    }
}

/* The whole of each message. */
static void render(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)title;
    (void)length;
    struct fixture fixture;
    read_case(&fixture, text);
    AUTO(message) struct message message;
    make(&fixture, &message);
    assert_true(message.last);
    assert_false(message.text.full);
    check_parts(&message);
    buf_add(out, message.text.data, message.text.length);
    for (size_t i = 0; i < message.copy_count; i++) {
        buf_text(out, "copy <");
        text_escape(out, message.copies[i].data, message.copies[i].length);
        buf_text(out, ">\n");
    }
    message_free(&message);
    tear_down(&fixture);
}

static void makes_what_the_data_files_say(void **state)
{
    (void)state;
    cases_run("message", render);
}

/* How many parts of this place the message has. */
static size_t count_place(const struct message *message, enum message_place place)
{
    size_t count = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        count += message->parts[i].place == place;
    }
    return count;
}

/* The statements of the message are the script's, in order and in full; returns how long they are.
 */
static size_t check_statements(const struct fixture *fixture, const struct message *message,
                               size_t seen)
{
    size_t whole = 0;
    for (size_t i = 0; i < message->part_count; i++) {
        const struct message_part *part = &message->parts[i];
        if (part->place == MESSAGE_STATEMENT) {
            const struct sql_statement *statement =
                &fixture->scripts[0]->statements[part->statement];
            assert_int_equal(part->statement, seen++);
            assert_memory_equal(message->text.data + part->at,
                                fixture->texts[0].data + statement->offset, statement->length);
            whole += statement->length + 2;
        }
    }
    assert_int_equal(message->next, seen);
    return whole;
}

/* Every statement once, in order, whatever the number of messages; returns that number. */
static size_t count_messages(const struct fixture *fixture)
{
    size_t from = fixture->scripts[0]->first;
    size_t count = 0;
    for (bool last = false; !last; count++) {
        AUTO(message) struct message message;
        message_make(&fixture->batch, from, &message);
        assert_false(message.text.full);
        assert_int_equal(count_place(&message, MESSAGE_CLAIM), count == 0);
        assert_int_equal(count_place(&message, MESSAGE_COMMIT), message.last);
        size_t whole = check_statements(fixture, &message, from);
        assert_true(whole <= MESSAGE_MAX || count_place(&message, MESSAGE_STATEMENT) == 1);
        last = message.last;
        assert_true(last || message.next > from);
        from = message.next;
    }
    assert_int_equal(from, fixture->scripts[0]->end);
    return count;
}

static size_t count_of(const struct buf *text)
{
    struct fixture fixture;
    set_up_files(&fixture, (const char *const[]){text->data}, 1);
    size_t count = count_messages(&fixture);
    tear_down(&fixture);
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
    /* At the semicolon that we put behind it: the end of the statement. */
    const struct message_part *part = &message.parts[part_of(&message, 0, MESSAGE_STATEMENT) + 1];
    size_t length = fixture.scripts[0]->statements[part->statement].length;
    struct message_spot spot =
        message_locate(&message, &fixture.batch, 0, position_of(&message, part->at + length));
    assert_int_equal(spot.statement, part->statement);
    assert_int_equal(spot.offset, offset_in(script_text, "; -- tail"));
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

/* A long file of one transaction with others is sent in several messages of its own batch. */
static void goes_together_over_several_messages(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = buf_make(16U * 1024 * 1024);
    add_statement(&text, MESSAGE_MAX);
    add_statement(&text, 1);
    struct fixture fixture;
    set_up_files(&fixture, (const char *const[]){text.data}, 1);
    fixture.batch.together = true;
    for (int way = 0; way < 4; way++) {
        fixture.batch.opens = way & 1;
        fixture.batch.closes = way & 2;
        AUTO(message) struct message first;
        AUTO(message) struct message second;
        message_make(&fixture.batch, 0, &first);
        assert_false(first.last);
        assert_int_equal(text_starts(first.text.data, "BEGIN "), fixture.batch.opens);
        assert_int_equal(count_place(&first, MESSAGE_CLAIM), 1);
        assert_int_equal(count_place(&first, MESSAGE_CLOSING), 0);
        message_make(&fixture.batch, first.next, &second);
        assert_true(second.last);
        assert_int_equal(count_place(&second, MESSAGE_CLAIM), 0);
        assert_int_equal(count_place(&second, MESSAGE_COMMIT), fixture.batch.closes);
        assert_int_equal(strstr(second.text.data, "SET CONSTRAINTS") != NULL, fixture.batch.closes);
    }
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

/* Names of any length and a query of nothing but quotes and backslashes fit. */
static void takes_what_doubles(void **state)
{
    (void)state;
    AUTO(buf) struct buf query = buf_make(1024 * 1024);
    buf_text(&query, "select '");
    for (size_t i = 0; i < 100000; i++) {
        buf_text(&query, "''\\");
    }
    buf_text(&query, "' = ''");
    struct fixture fixture;
    set_up_files(&fixture, (const char *const[]){"select 1"}, 1);
    fixture.items[0].verify = query.data;
    AUTO(message) struct message whole;
    AUTO(message) struct message alone;
    message_make(&fixture.batch, 0, &whole);
    message_make_verify(&fixture.batch, &alone);
    assert_false(whole.text.full || alone.text.full);
    check_parts(&whole);
    check_parts(&alone);
    assert_true(text_ends(whole.text.data, "COMMIT;\n"));
    assert_true(text_ends(alone.text.data, "ROLLBACK;\n"));
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_what_the_data_files_say),
        cmocka_unit_test(cuts_between_statements),
        cmocka_unit_test(finds_the_place_of_a_position),
        cmocka_unit_test(finds_a_position_in_the_third_migration),
        cmocka_unit_test(finds_the_place_of_a_count),
        cmocka_unit_test(knows_what_each_statement_is),
        cmocka_unit_test(counts_what_was_committed),
        cmocka_unit_test(goes_together_over_several_messages),
        cmocka_unit_test(counts_from_its_own_start_in_a_later_message),
        cmocka_unit_test(finds_the_place_in_a_bare_statement),
        cmocka_unit_test(takes_what_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
