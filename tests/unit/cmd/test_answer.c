#include "cmd/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#include "check.h"

static const char text[] =
    "the migration was rolled back: column \"total\" of relation \"orders\" does not exist, and "
    "https://an.address.that/is/longer/than/some/lines/are/wide/and/has/no/blank/to/break/it/at";

/* Words in order, lines no longer than asked unless one word is, each begun as asked. */
static void check_wrap(const char *what, size_t width, const char *first, const char *rest)
{
    AUTO(buf) struct buf out = buf_make(16384);
    answer_wrap(what, width, first, rest, &out);
    AUTO(buf) struct buf words = buf_make(16384);
    const char *lead = first;
    for (const char *at = out.data; *at; lead = rest) {
        size_t size = strcspn(at, "\n");
        assert_int_equal(at[size], '\n');
        assert_true(text_starts(at, lead));
        const char *body = at + strlen(lead);
        size_t length = size - strlen(lead);
        assert_true(size <= width || !memchr(body, ' ', length));
        buf_text(&words, words.length && length ? " " : "");
        buf_add(&words, body, length);
        at += size + 1;
    }
    assert_string_equal(words.data, what);
}

static void wraps_at_every_width(void **state)
{
    (void)state;
    static const size_t widths[] = {0, 1, 20, 40, 80, 120, 10000};
    for (size_t i = 0; i < COUNT(widths); i++) {
        check_wrap(text, widths[i], "postlude: ", "          ");
        check_wrap(text, widths[i], "", "    ");
        check_wrap("", widths[i], "a", "b");
        check_wrap("word", widths[i], "", "");
    }
}

static void fills_the_width(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(256);
    answer_wrap("aaa bbb ccc ddd", 9, "1 ", "2 ", &out);
    assert_string_equal(out.data, "1 aaa bbb\n2 ccc ddd\n");
    buf_truncate(&out, 0);
    answer_wrap("aaa bbb", 8, "1 ", "2 ", &out);
    assert_string_equal(out.data, "1 aaa\n2 bbb\n");
}

/* Columns are what people see, not bytes. */
static void counts_characters(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(256);
    answer_wrap("äää öööö üü", 11, "", "", &out);
    assert_string_equal(out.data, "äää öööö üü\n");
}

static void shows_control_characters(void **state)
{
    (void)state;
    AUTO(buf) struct buf out = buf_make(256);
    answer_wrap("a\x1b[31m\nb", 80, "", "", &out);
    assert_string_equal(out.data, "a\\x1b[31m\\nb\n");
}

static void describes_an_error(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_INVALID, "unknown key \"%s\"", "plam");
    AUTO(buf) struct buf out = buf_make(1024);
    answer_describe(&err, 80, &out);
    assert_string_equal(out.data, "postlude: unknown key \"plam\"\n");
    error_where(&err, "plan.yaml:1:2");
    error_hint(&err, "Did you mean \"plan\"?");
    buf_truncate(&out, 0);
    answer_describe(&err, 80, &out);
    assert_string_equal(out.data, "postlude: plan.yaml:1:2: unknown key \"plam\"\n"
                                  "    hint: Did you mean \"plan\"?\n");
}

static void makes_an_object_of_an_error(void **state)
{
    (void)state;
    struct error err = {0};
    AUTO(json) json_t *none = answer_error_object(&err);
    assert_true(json_is_null(none));
    error_set(&err, ERROR_BUSY, "bad \xff byte");
    AUTO(json) json_t *object = answer_error_object(&err);
    assert_string_equal(json_text(object, "kind"), "busy");
    assert_non_null(strstr(json_text(object, "message"), "\\xff"));
    assert_true(json_is_null(json_object_get(object, "hint")));
}

/* Standard output is a pipe that nobody reads, and full but for a page. */
static void answer_to_nobody(int ends[2], int *out_kept)
{
    static char page[4096];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    while (write(ends[1], page, sizeof page) > 0) {
    }
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(read(ends[0], page, sizeof page), sizeof page);
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    *out_kept = dup(STDOUT_FILENO);
    assert_true(*out_kept >= 0 && fflush(stdout) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0);
}

static void an_answer_that_nobody_reads_is_given_up(void **state)
{
    (void)state;
    int ends[2];
    int kept = -1;
    static char long_text[20000];
    memset(long_text, 'x', sizeof long_text - 1);
    AUTO(json) json_t *small = json_pack("{s:s}", "a", "b");
    AUTO(json) json_t *large = json_pack("{s:s}", "a", long_text);
    answer_to_nobody(ends, &kept);
    int64_t before = clock_steady_ms();
    int said = answer_json_within(small, 100);
    int given_up = answer_json_within(large, 100);
    int64_t took = clock_steady_ms() - before;
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    assert_int_equal(said, 0);
    assert_int_equal(given_up, 10);
    assert_true(took >= 95 && took < 5000);
    (void)close(kept);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_at_every_width),
        cmocka_unit_test(fills_the_width),
        cmocka_unit_test(counts_characters),
        cmocka_unit_test(shows_control_characters),
        cmocka_unit_test(describes_an_error),
        cmocka_unit_test(makes_an_object_of_an_error),
        cmocka_unit_test(an_answer_that_nobody_reads_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
