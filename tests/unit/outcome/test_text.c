#include "check.h"
#include "outcome/golden.h"
#include "outcome/samples.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

static void add_section(const struct outcome *outcome, enum outcome_detail detail, size_t width,
                        struct buf *out)
{
    buf_format(out, "---- %zu columns%s\n", width, detail == OUTCOME_GUARDED ? ", guarded" : "");
    outcome_text(outcome, detail, width, out);
}

static void renders_each_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        buf_text(&text, "---- summary\n");
        outcome_summary(outcome, &text);
        buf_char(&text, '\n');
        add_section(outcome, OUTCOME_WHOLE, 80, &text);
        add_section(outcome, OUTCOME_WHOLE, 120, &text);
        add_section(outcome, OUTCOME_GUARDED, 80, &text);
        assert_false(text.full);
        golden_check(samples[i].name, "txt", &text);
    }
}

/* Only a single word may be longer than the width, and a command to be copied. */
static void keeps_the_width(void **state)
{
    (void)state;
    static const size_t widths[] = {60, 72, 80, 100, 120, 200};
    for (size_t i = 0; i < COUNT(samples) * COUNT(widths); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i % COUNT(samples)].make();
        size_t width = widths[i / COUNT(samples)];
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        free(outcome->rerun);
        outcome->rerun = NULL;
        outcome_text(outcome, OUTCOME_WHOLE, width, &text);
        char *rest = NULL;
        for (char *line = strtok_r(text.data, "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
            const char *last = strrchr(line, ' ');
            if (strlen(line) > width && (!last || strlen(last) < width / 2)) {
                fail_msg("%s, %zu columns: \"%s\"", samples[i % COUNT(samples)].name, width, line);
            }
        }
    }
}

/* Nothing but printable text and our own line ends; and no line that an outsider began. */
static void escapes_what_a_terminal_obeys(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_hostile();
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    for (int left = OUTCOME_LEFT_NOTHING; left <= OUTCOME_LEFT_ALL; left++) {
        outcome->failure.left = (enum outcome_left)left;
        outcome_text(outcome, OUTCOME_WHOLE, 80, &text);
        outcome_summary(outcome, &text);
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        assert_true(c == '\n' || (c >= 0x20 && c < 0x7F));
    }
    assert_null(strstr(text.data, "\nWhat to do: curl"));
}

static void guards_rows_and_literals(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *data = sample_failed_on_data();
    AUTO(outcome) struct outcome *busy = sample_busy_table();
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    outcome_text(data, OUTCOME_GUARDED, 120, &text);
    outcome_text(busy, OUTCOME_GUARDED, 120, &text);
    assert_null(strstr(text.data, "ana@example.org"));
    assert_null(strstr(text.data, "UPDATE"));
    outcome_text(busy, OUTCOME_WHOLE, 120, &text);
    assert_null(strstr(text.data, "hunter2"));
    assert_non_null(strstr(text.data, "UPDATE orders SET total = 5"));
}

static void shortens_long_lists(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_failed();
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    char id[101];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    for (int i = 0; i < 20000; i++) {
        outcome_add_pending(outcome, id);
    }
    outcome_text(outcome, OUTCOME_WHOLE, 80, &text);
    assert_false(text.full);
    assert_true(text.length < 8192);
    assert_non_null(strstr(text.data, "and 19982 more"));
}

static void bears_any_width(void **state)
{
    (void)state;
    AUTO(outcome) struct outcome *outcome = sample_failed();
    for (size_t width = 0; width < 60; width++) {
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        outcome_text(outcome, OUTCOME_WHOLE, width, &text);
        assert_true(text.length > 100);
    }
    AUTO(outcome) struct outcome *empty = outcome_new();
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    outcome_text(empty, OUTCOME_WHOLE, 80, &text);
    assert_true(text.length > 0);
}

/* A text promises a rollback only where there was one, and resolve only where it is needed. */
static void promises_only_what_is_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        AUTO(outcome) struct outcome *outcome = samples[i].make();
        AUTO(json) json_t *error = outcome_error_json(outcome, OUTCOME_WHOLE);
        const char *left = json_text(error, "left");
        AUTO(buf) struct buf text = buf_make(TEXT_MAX);
        outcome_text(outcome, OUTCOME_WHOLE, 1000, &text);
        outcome_summary(outcome, &text);
        bool rolled_back = text_same(left, "nothing") || text_same(left, "all");
        assert_true(rolled_back || !strstr(text.data, "rolled back"));
        bool resolve = strstr(text.data, "postlude resolve") != NULL;
        assert_int_equal(resolve, text_same(left, "unknown"));
        assert_true(!text_same(left, "all") || !strstr(text.data, "applied before it"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_each_kind),
        cmocka_unit_test(keeps_the_width),
        cmocka_unit_test(escapes_what_a_terminal_obeys),
        cmocka_unit_test(guards_rows_and_literals),
        cmocka_unit_test(shortens_long_lists),
        cmocka_unit_test(bears_any_width),
        cmocka_unit_test(promises_only_what_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
