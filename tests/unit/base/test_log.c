#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "check.h"

/* Where the log goes, and what of it was read. */
static int ends[2];
static char got[65536];

static void open_log(bool json, bool colour, enum log_level least)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log_setup(ends[1], json, colour, least);
}

static const char *close_log(void)
{
    (void)close(ends[1]);
    size_t used = 0;
    for (ssize_t some = 1; some > 0; used += (size_t)some) {
        some = read(ends[0], got + used, sizeof got - 1 - used);
        assert_true(some >= 0);
    }
    got[used] = '\0';
    (void)close(ends[0]);
    return got;
}

/* One JSON line, checked for its limit; the caller frees it. */
static json_t *close_log_json(void)
{
    const char *line = close_log();
    size_t length = strlen(line);
    assert_true(length <= LOG_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    json_t *value = NULL;
    struct error err;
    assert_true(json_read(line, length, &value, &err));
    return value;
}

static void json_lines_have_their_keys(void **state)
{
    (void)state;
    open_log(true, true, LOG_INFO);
    int64_t before = clock_wall_ms();
    log_run_id("0198-run");
    log_warn("table locked", LOG_TEXT("table", "orders"), LOG_NUMBER("waited_ms", -3000),
             LOG_TEXT("none", NULL), LOG_QUIET_TEXT("quiet", "q"), LOG_QUIET_NUMBER("n", 5));
    log_run_id("");
    AUTO(json) json_t *line = close_log_json();
    int64_t time = 0;
    assert_true(clock_parse(json_text(line, "time"), &time));
    assert_true(time >= before && time <= clock_wall_ms());
    assert_string_equal(json_text(line, "level"), "warn");
    assert_string_equal(json_text(line, "msg"), "table locked");
    assert_string_equal(json_text(line, "run_id"), "0198-run");
    assert_string_equal(json_text(line, "table"), "orders");
    assert_int_equal(json_integer_value(json_object_get(line, "waited_ms")), -3000);
    assert_string_equal(json_text(line, "none"), "");
    assert_string_equal(json_text(line, "quiet"), "q");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), 5);
    assert_int_equal(json_object_size(line), 9);
}

static void levels_below_the_least_are_silent(void **state)
{
    (void)state;
    open_log(true, false, LOG_WARN);
    log_debug("no");
    log_info("no");
    log_warn("yes");
    log_error("yes");
    const char *text = close_log();
    assert_null(strstr(text, "\"no\""));
    assert_non_null(strstr(text, "\"level\":\"warn\""));
    assert_non_null(strstr(text, "\"level\":\"error\""));
    assert_null(strstr(text, "run_id"));
}

static void levels_have_names(void **state)
{
    (void)state;
    enum log_level level = LOG_DEBUG;
    assert_true(log_level_named("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_true(log_level_named("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_false(log_level_named("WARN", &level));
    assert_false(log_level_named("", &level));
    assert_false(log_level_named("warning", &level));
}

static void text_lines_are_for_people(void **state)
{
    (void)state;
    open_log(false, false, LOG_DEBUG);
    log_info("applied", LOG_TEXT("migration", "0001"), LOG_NUMBER("ms", 12), LOG_TEXT("by", ""),
             LOG_QUIET_TEXT("q", "x"), LOG_QUIET_NUMBER("n", 1));
    log_warn("slow");
    log_error("broken");
    log_debug("detail");
    assert_string_equal(close_log(),
                        "applied  migration=0001  ms=12\nwarning: slow\nerror: broken\n"
                        "debug: detail\n");
}

static void colour_is_taken_back(void **state)
{
    (void)state;
    open_log(false, true, LOG_DEBUG);
    log_error("broken");
    log_info("plain");
    assert_string_equal(close_log(), "\033[31merror: broken\033[0m\nplain\n");
}

/* NOLINTNEXTLINE(misc-misleading-bidirectional): that is the point */
static const char hostile[] = "\033]0;x\007\r\n{\"level\":\"error\"}\x7f\xc2\x9b\xe2\x80\xae\xff";

static void hostile_text_is_shown(void **state)
{
    (void)state;
    open_log(false, true, LOG_INFO);
    log_info(hostile, LOG_TEXT("k", hostile));
    const char *text = close_log();
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    for (const char *c = text; c[1]; c++) {
        assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7F);
    }
    assert_non_null(strstr(text, "  k=\\x1b]0;x\\x07\\r\\n{\"level\":\"error\"}\\x7f\\u009b\\u202e"
                                 "\\xff"));

    open_log(true, false, LOG_INFO);
    log_info(hostile, LOG_TEXT("k", hostile));
    AUTO(json) json_t *line = close_log_json();
    assert_string_equal(json_text(line, "level"), "info");
    for (const char *c = got; c[1]; c++) {
        assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7F);
    }
}

/* Every size around the limits, of text that grows when it is escaped. */
static void long_lines_stay_valid_and_short(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "\x01", "\xff", "\xc3\xa9", "\"", "\xf0\x9f\x98\x80"};
    static char text[70000];
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (size_t length = 500; length < 60000; length = length * 5 / 4) {
            size_t used = 0;
            for (; used < length; used += strlen(pieces[i])) {
                memcpy(text + used, pieces[i], strlen(pieces[i]) + 1);
            }
            for (int json = 0; json < 2; json++) {
                open_log(json, true, LOG_INFO);
                log_error(text, LOG_TEXT("a", text), LOG_TEXT("b", text), LOG_TEXT("c", text),
                          LOG_NUMBER("d", 4));
                if (json) {
                    AUTO(json) json_t *line = close_log_json();
                    assert_non_null(json_text(line, "c"));
                    assert_int_equal(json_integer_value(json_object_get(line, "d")), 4);
                    continue;
                }
                size_t size = strlen(close_log());
                assert_true(size <= LOG_LINE_MAX);
                assert_int_equal(text_bad_utf8(got, size), size);
                assert_true(text_ends(got, "\033[0m\n"));
            }
        }
    }
}

static void a_cut_is_marked(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_log(true, false, LOG_INFO);
    log_info("m", LOG_TEXT("k", text));
    AUTO(json) json_t *line = close_log_json();
    assert_int_equal(strlen(json_text(line, "k")), 2048 + 3);
    assert_true(text_ends(json_text(line, "k"), "..."));
    text[2048] = '\0';
    open_log(true, false, LOG_INFO);
    log_info("m", LOG_TEXT("k", text));
    AUTO(json) json_t *whole = close_log_json();
    assert_string_equal(json_text(whole, "k"), text);
}

static void many_fields_lose_the_last(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static struct log_field fields[MANY];
    static char keys[MANY][16];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key_%d", i);
        fields[i] = LOG_NUMBER(keys[i], i);
    }
    open_log(true, false, LOG_INFO);
    log_write(LOG_INFO, "m", fields, MANY);
    AUTO(json) json_t *line = close_log_json();
    assert_non_null(json_object_get(line, "key_0"));
    assert_null(json_object_get(line, "key_1999"));
    assert_true(json_object_size(line) > 500);
}

/* Fills the pipe up to one page, so that a write of more than a page would block for ever. */
static void leave_one_page(void)
{
    char page[4096];
    memset(page, 'x', sizeof page);
    assert_true(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    ssize_t wrote = 0;
    while (wrote >= 0) {
        wrote = write(ends[1], page, sizeof page);
    }
    assert_int_equal(errno, EAGAIN);
    assert_true(fcntl(ends[1], F_SETFL, 0) == 0);
    assert_int_equal(read(ends[0], page, sizeof page), sizeof page);
}

static void a_stalled_reader_costs_five_seconds_once(void **state)
{
    (void)state;
    char text[12000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_log(false, false, LOG_INFO);
    leave_one_page();
    int64_t before = clock_steady_ms();
    log_info(text);
    int64_t first = clock_steady_ms() - before;
    assert_true(first >= 4990 && first < 9000);
    for (int i = 0; i < 100; i++) {
        log_info("dropped");
    }
    assert_true(clock_steady_ms() - before < first + 1000);

    /* The reader is back: the torn line is ended before the next one begins. */
    static char drained[65536];
    assert_int_equal(read(ends[0], drained, sizeof drained), 65536);
    log_info("back again");
    const char *rest = close_log();
    assert_string_equal(rest, "\nwarning: 101 log lines were dropped: nobody read the log in time\n"
                              "back again\n");
    assert_true(drained[65535] == 'a');
}

/* Reads a page of the log every 50 ms: a tenth of what is written. */
static pid_t read_slowly(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static char page[4096];
        (void)close(ends[1]);
        while (read(ends[0], page, sizeof page) > 0) {
            (void)poll(NULL, 0, 50);
        }
        _exit(0);
    }
    return pid;
}

static void assert_dropped(const char *rest)
{
    static const char mark[] = "nobody read";
    size_t at = strlen(rest);
    while (at > 0 && !text_starts(rest + at, mark)) {
        at--;
    }
    assert_true(at > 0);
    while (at > 0 && rest[at - 1] != '\n') {
        at--;
    }
    const char *line = rest + at;
    const char *end = line + strcspn(line, "\n");
    json_t *said = NULL;
    struct error err;
    assert_true(json_read(line, (size_t)(end - line), &said, &err));
    assert_string_equal(json_text(said, "level"), "warn");
    assert_string_equal(json_text(said, "run_id"), "0198-run");
    assert_true(json_integer_value(json_object_get(said, "dropped")) >= 1);
    assert_non_null(strstr(end, "back again"));
    json_decref(said);
}

static void a_slow_reader_costs_five_seconds_too(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    open_log(true, false, LOG_INFO);
    pid_t reader = read_slowly();
    int64_t before = clock_steady_ms();
    for (int i = 0; i < 1500; i++) {
        log_info(text, LOG_TEXT("a", text), LOG_TEXT("b", text), LOG_TEXT("c", text));
    }
    int64_t took = clock_steady_ms() - before;
    assert_true(took >= 4900 && took < 9000);
    assert_int_equal(kill(reader, SIGKILL), 0);
    assert_int_equal(waitpid(reader, NULL, 0), reader);

    /* Who reads the rest is told what is missing. */
    static char drained[65536];
    assert_true(read(ends[0], drained, sizeof drained) > 0);
    log_run_id("0198-run");
    log_info("back again");
    log_run_id("");
    assert_dropped(close_log());
}

static void an_object_is_a_line_of_its_own(void **state)
{
    (void)state;
    AUTO(json) json_t *members = json_pack("{s:[{s:i}], s:s}", "list", "a", 1, "msg", "mine");
    open_log(true, false, LOG_ERROR);
    assert_true(log_object(LOG_INFO, "metrics", members));
    AUTO(json) json_t *line = close_log_json();
    assert_string_equal(json_text(line, "msg"), "metrics");
    assert_string_equal(json_text(line, "level"), "info");
    assert_int_equal(json_array_size(json_object_get(line, "list")), 1);
    open_log(false, false, LOG_DEBUG);
    assert_true(log_object(LOG_INFO, "metrics", members));
    assert_string_equal(close_log(), "");
}

static void an_object_that_is_too_long_is_not_written(void **state)
{
    (void)state;
    static char text[LOG_LINE_MAX];
    memset(text, 'a', sizeof text - 1);
    AUTO(json) json_t *members = json_pack("{s:s}", "long", text);
    open_log(true, false, LOG_DEBUG);
    assert_false(log_object(LOG_INFO, "metrics", members));
    assert_string_equal(close_log(), "");
}

static void a_reader_that_left_is_no_trouble(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    open_log(true, false, LOG_INFO);
    (void)close(ends[0]);
    log_info("nobody hears");
    (void)close(ends[1]);
    log_info("nobody can");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines_have_their_keys),
        cmocka_unit_test(levels_below_the_least_are_silent),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(text_lines_are_for_people),
        cmocka_unit_test(colour_is_taken_back),
        cmocka_unit_test(hostile_text_is_shown),
        cmocka_unit_test(long_lines_stay_valid_and_short),
        cmocka_unit_test(a_cut_is_marked),
        cmocka_unit_test(many_fields_lose_the_last),
        cmocka_unit_test(a_stalled_reader_costs_five_seconds_once),
        cmocka_unit_test(a_slow_reader_costs_five_seconds_too),
        cmocka_unit_test(an_object_is_a_line_of_its_own),
        cmocka_unit_test(an_object_that_is_too_long_is_not_written),
        cmocka_unit_test(a_reader_that_left_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
