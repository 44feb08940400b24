#include "base/text.h"

#include <inttypes.h>

#include "lines.h"

/* Table 3-7 of the Unicode Standard, as the oracle. */
static const struct {
    unsigned char low[4];
    unsigned char high[4];
    size_t size;
} well_formed[] = {
    {{0x00}, {0x7F}, 1},
    {{0xC2, 0x80}, {0xDF, 0xBF}, 2},
    {{0xE0, 0xA0, 0x80}, {0xE0, 0xBF, 0xBF}, 3},
    {{0xE1, 0x80, 0x80}, {0xEC, 0xBF, 0xBF}, 3},
    {{0xED, 0x80, 0x80}, {0xED, 0x9F, 0xBF}, 3},
    {{0xEE, 0x80, 0x80}, {0xEF, 0xBF, 0xBF}, 3},
    {{0xF0, 0x90, 0x80, 0x80}, {0xF0, 0xBF, 0xBF, 0xBF}, 4},
    {{0xF1, 0x80, 0x80, 0x80}, {0xF3, 0xBF, 0xBF, 0xBF}, 4},
    {{0xF4, 0x80, 0x80, 0x80}, {0xF4, 0x8F, 0xBF, 0xBF}, 4},
};

/* Size of the sequence at s, 0 for none; *out_cut: it is one as far as it goes, but ends early. */
static size_t oracle(const char *s, size_t length, bool *out_cut)
{
    *out_cut = false;
    for (size_t row = 0; row < COUNT(well_formed); row++) {
        size_t fits = 0;
        while (fits < length && fits < well_formed[row].size &&
               (unsigned char)s[fits] >= well_formed[row].low[fits] &&
               (unsigned char)s[fits] <= well_formed[row].high[fits]) {
            fits++;
        }
        if (fits == well_formed[row].size) {
            return fits;
        }
        *out_cut = *out_cut || (fits == length && fits > 0);
    }
    return 0;
}

static size_t disagreements(const char *s, size_t length)
{
    bool cut = false;
    return text_sequence(s, length) != oracle(s, length, &cut);
}

static void sequences_are_those_of_unicode(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (unsigned long value = 0; value < 1UL << 24; value++) {
        const char s[3] = {(char)(value >> 16), (char)(value >> 8 & 255), (char)(value & 255)};
        wrong += disagreements(s, 3);
        wrong += (value & 0xFF) == 0 && disagreements(s, 2);
        wrong += (value & 0xFFFF) == 0 && disagreements(s, 1);
    }
    static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x81, 0xBF, 0xC0, 0xE2, 0xFF};
    for (unsigned head = 0xE000; head < 0x10000; head++) {
        for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
            const char s[4] = {(char)(head >> 8), (char)(head & 255), (char)edges[i % COUNT(edges)],
                               (char)edges[i / COUNT(edges)]};
            wrong += disagreements(s, 4);
        }
    }
    assert_int_equal(wrong, 0);
}

/* A repeatable stream of numbers. */
static unsigned next_number(void)
{
    static uint32_t seed = 20310314;
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* Valid characters, cut ones and stray bytes, in any order. */
static size_t random_text(char s[32])
{
    static const char *const pieces[] = {
        "a",    "\xc3\xa9", "\xe2\x82\xac",     "\xf0\x9f\x98\x80", "\x80\x80",     "\xe2\x82",
        "\xc3", "\xf0\x9f", "\xc0\xaf",         "\xed\xa0\x80",     "\xf0\x80\x80", "\xff",
        "b",    "\xef\xbb", "\xf4\x8f\xbf\xbf",
    };
    size_t length = 0;
    size_t wanted = next_number() % 9;
    for (size_t i = 0; i < wanted; i++) {
        const char *piece = pieces[next_number() % COUNT(pieces)];
        size_t size = strlen(piece);
        if (length + size < 32) {
            memcpy(s + length, piece, size); /* NOLINT: s is no string */
            length += size;
        }
    }
    return length;
}

static void invalid_utf8_is_found_at_its_first_byte(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char s[32] = "";
        size_t length = random_text(s);
        size_t at = 0;
        bool cut = false;
        while (at < length && oracle(s + at, length - at, &cut)) {
            at += oracle(s + at, length - at, &cut);
        }
        assert_int_equal(text_bad_utf8(s, length), at);
    }
}

static size_t cut_oracle(const char *s, size_t length, size_t max)
{
    size_t at = 0;
    while (at < length && at < max) {
        bool cut = false;
        size_t size = oracle(s + at, length - at, &cut);
        if (cut || at + size > max) {
            return at;
        }
        at += size ? size : 1;
    }
    return at;
}

static void cuts_are_the_largest_between_characters(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char s[32] = "";
        size_t length = random_text(s);
        size_t max = next_number() % 40;
        assert_int_equal(text_cut(s, length, max), cut_oracle(s, length, max));
    }
}

static void copies_end_between_characters(void **state)
{
    (void)state;
    char target[6];
    text_copy(target, sizeof target, "abcd\xc3\xa9");
    assert_string_equal(target, "abcd");
    text_copy(target, sizeof target, "abc\xc3\xa9");
    assert_string_equal(target, "abc\xc3\xa9");
    text_copy(target, sizeof target, NULL);
    assert_string_equal(target, "");
    text_copy(target, 1, "abc");
    assert_string_equal(target, "");
}

static void escape_line(const char *input, size_t length, const char *expected, const char *place)
{
    AUTO(buf) struct buf out = buf_make(1000);
    text_escape(&out, input, length);
    lines_same(out.data, expected, place);
}

static void escapes_what_a_terminal_obeys(void **state)
{
    (void)state;
    lines_run("escape.txt", escape_line);
    AUTO(buf) struct buf out = buf_make(100);
    text_escape(&out, "a\0b", 3);
    assert_string_equal(out.data, "a\\x00b");
}

static void cuts_before_it_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t max;
        const char *expected;
    } cases[] = {
        {NULL, 5, ""},
        {"", 5, ""},
        {"abcde", 5, "abcde"},
        {"abcdef", 5, "abcde..."},
        {"abcd\xc3\xa9", 5, "abcd..."},
        {"\n\n\n", 2, "\\n\\n..."},
        {"abc", 0, "..."},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(buf) struct buf out = buf_make(100);
        text_escape_cut(&out, cases[i].text, cases[i].max);
        assert_string_equal(out.data, cases[i].expected);
    }
}

static void escapes_json_without_changing_it(void **state)
{
    (void)state;
    /* NOLINTNEXTLINE(misc-misleading-bidirectional): that is the point */
    static const char given[] = "\"\x7f|\xc2\x9b|\xe2\x80\xae|\xc3\xa9|\\n|\\u0001\"";
    AUTO(buf) struct buf out = buf_make(100);
    text_escape_json(&out, given, sizeof given - 1);
    assert_string_equal(out.data, "\"\\u007f|\\u009b|\\u202e|\xc3\xa9|\\n|\\u0001\"");
    buf_truncate(&out, 0);
    text_escape_json(&out, "{\n\t\"a\": 1\n}\xff", 13);
    assert_string_equal(out.data, "{\n\t\"a\": 1\n}\xff");
}

static void nearest_line(const char *input, size_t length, const char *expected, const char *place)
{
    (void)length;
    static const char *const words[] = {"run",    "status",    "check",       "validate",
                                        "doctor", "history",   "resolve",     "adopt",
                                        "new",    "lock_wait", "lock_timeout"};
    const char *got = text_nearest(input, words, COUNT(words));
    lines_same(got ? got : "none", expected, place);
}

static void suggests_the_nearest_word(void **state)
{
    (void)state;
    lines_run("nearest.txt", nearest_line);
    static const char *const words[] = {"abcd", "abce"};
    static const char *const two_letters[] = {"ab"};
    assert_ptr_equal(text_nearest("ba", two_letters, 1), two_letters[0]);
    assert_null(text_nearest("cd", two_letters, 1));
    assert_null(text_nearest("", words, 2));
    assert_null(text_nearest("abc", words, 0));
    assert_ptr_equal(text_nearest("abcf", words, 2), words[0]);
    char long_word[66];
    memset(long_word, 'a', sizeof long_word);
    long_word[65] = '\0';
    const char *one[] = {long_word};
    assert_null(text_nearest("aaaa", one, 1));
    long_word[64] = '\0';
    assert_ptr_equal(text_nearest(long_word, one, 1), long_word);
}

static void show_number(bool ok, int64_t value, const char *expected, const char *place)
{
    char got[32] = "no";
    if (ok) {
        (void)snprintf(got, sizeof got, "%" PRId64, value);
    } else if (value != 42) {
        fail_msg("%s: written although it failed", place);
    }
    lines_same(got, expected, place);
}

static void integer_line(const char *input, size_t length, const char *expected, const char *place)
{
    (void)length;
    int64_t value = 42;
    bool ok = text_integer(input, -1000, 1000, &value);
    show_number(ok, value, expected, place);
}

static void reads_integers(void **state)
{
    (void)state;
    lines_run("integer.txt", integer_line);
    int64_t value = 42;
    assert_false(text_integer("", 0, 9, &value));
    assert_true(text_integer("9223372036854775807", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MAX);
    assert_true(text_integer("-9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MIN);
    assert_false(text_integer("9223372036854775808", INT64_MIN, INT64_MAX, &value));
}

static void duration_line(const char *input, size_t length, const char *expected, const char *place)
{
    (void)length;
    int64_t value = 42;
    bool ok = text_duration(input, &value);
    show_number(ok, value, expected, place);
}

static void reads_durations(void **state)
{
    (void)state;
    lines_run("duration.txt", duration_line);
    int64_t value = 42;
    assert_false(text_duration("", &value));
}

static void show_line(const char *input, size_t length, const char *expected, const char *place)
{
    (void)length;
    AUTO(buf) struct buf out = buf_make(100);
    text_show_duration(&out, strtoll(input, NULL, 10));
    lines_same(out.data, expected, place);
}

static void shows_durations(void **state)
{
    (void)state;
    lines_run("show_duration.txt", show_line);
}

static void matches_line(const char *input, size_t length, const char *expected, const char *place)
{
    (void)length;
    char pattern[100];
    const char *blank = strchr(input, ' ');
    assert_non_null(blank);
    (void)snprintf(pattern, sizeof pattern, "%.*s", (int)(blank - input), input);
    lines_same(text_matches(pattern, blank + 1) ? "yes" : "no", expected, place);
}

static void matches_globs(void **state)
{
    (void)state;
    lines_run("matches.txt", matches_line);
}

static void counts_lines_and_characters(void **state)
{
    (void)state;
    static const char s[] = "a\xc3\xa9z\r\n\n\xf0\x9f\x98\x80x";
    static const unsigned expected[][3] = {
        {0, 1, 1}, {1, 1, 2}, {3, 1, 3},  {4, 1, 4},  {5, 1, 5},
        {6, 2, 1}, {7, 3, 1}, {11, 3, 2}, {12, 3, 3}, {99, 3, 3},
    };
    for (size_t i = 0; i < COUNT(expected); i++) {
        unsigned line = 0;
        unsigned column = 0;
        text_position(s, sizeof s - 1, expected[i][0], &line, &column);
        assert_int_equal(line, expected[i][1]);
        assert_int_equal(column, expected[i][2]);
    }
}

static void compares(void **state)
{
    (void)state;
    assert_true(text_starts("abc", "ab") && text_starts("abc", "") && !text_starts("ab", "abc"));
    assert_true(text_ends("abc", "bc") && text_ends("abc", "") && !text_ends("bc", "abc"));
    assert_true(text_same("a", "a") && text_same(NULL, NULL));
    assert_false(text_same("a", NULL) || text_same(NULL, "a") || text_same("a", "b"));
    assert_false(text_same("", NULL));
    assert_true(text_empty(NULL) && text_empty("") && !text_empty(" "));
}

static void counts_columns_without_the_mark_at_the_start(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF"
                               "ab\n\xEF\xBB\xBFx";
    unsigned line = 0;
    unsigned column = 0;
    text_position(text, sizeof text - 1, 4, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 2);
    text_position(text, sizeof text - 1, sizeof text - 2, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_those_of_unicode),
        cmocka_unit_test(invalid_utf8_is_found_at_its_first_byte),
        cmocka_unit_test(cuts_are_the_largest_between_characters),
        cmocka_unit_test(copies_end_between_characters),
        cmocka_unit_test(escapes_what_a_terminal_obeys),
        cmocka_unit_test(cuts_before_it_escapes),
        cmocka_unit_test(escapes_json_without_changing_it),
        cmocka_unit_test(suggests_the_nearest_word),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(shows_durations),
        cmocka_unit_test(matches_globs),
        cmocka_unit_test(counts_lines_and_characters),
        cmocka_unit_test(compares),
        cmocka_unit_test(counts_columns_without_the_mark_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
