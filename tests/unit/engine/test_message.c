#include "engine/messages.h"
#include "sql/cases.h"

/*
 * A case is lines "! NAME VALUE", and text. "! file ID" begins a migration, of which the text that
 * follows is the file (without one there is a migration 0002_b); a line "! verify QUERY" is its
 * verify. Of the frame: schema, role, version, async. Of the batch: begun, together, opens, closes.
 * "! make" says what is made of it: step N, bare N (the statement's number), or verify; without it,
 * the whole.
 */
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
        cmocka_unit_test(goes_together_over_several_messages),
        cmocka_unit_test(takes_what_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
