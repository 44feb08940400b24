/*
 * Development test: the splitter against psql's own lexer, on the data files and on random text.
 *
 * psql gives no offsets, so its next one is found by letting it read up to each semicolon and
 * backslash in turn. Left out is what psql does otherwise than the server, or what is not its
 * lexer's business: data of COPY, a title with "not psql", and in random text variables (a colon),
 * vertical tabs, and BEGIN, CASE and END as names.
 */
#include "sql/sql.h"

#include "cases.h"
#include "psql_lexer.h"

enum { EVENTS_MAX = 4096, ENDS = PSQL_IN_BODY + 1 };

struct event {
    size_t offset;
    char what; /* the semicolon that ends a statement, or a backslash */
};

struct events {
    struct event items[EVENTS_MAX];
    size_t count;
};

static size_t ends_seen[ENDS];

/* Behind blanks and comments: written anew here, so as not to believe what is tested. */
static size_t pass_blanks(const char *s, size_t at, size_t end)
{
    for (;;) {
        while (at < end && strchr(" \t\r\n\f", s[at])) {
            at++;
        }
        if (end - at >= 2 && s[at] == '-' && s[at + 1] == '-') {
            at += strcspn(s + at, "\r\n");
            at = at < end ? at : end;
        } else if (end - at >= 2 && s[at] == '/' && s[at + 1] == '*') {
            int depth = 1;
            for (at += 2; at < end && depth; at++) {
                if (s[at] == '/' && s[at + 1] == '*') {
                    depth++;
                    at++;
                } else if (s[at] == '*' && s[at + 1] == '/') {
                    depth--;
                    at++;
                }
            }
        } else {
            return at;
        }
    }
}

/* psql's events up to the first backslash, without empty statements. Returns how it ended. */
static enum psql_end ask_psql(const char *text, size_t length, struct events *out, size_t *out_cut)
{
    size_t from = 0;
    for (size_t at = 0; at < length; at++) {
        if (text[at] != ';' && text[at] != '\\') {
            continue;
        }
        enum psql_end end = psql_scan_text(text + from, at + 1 - from);
        if (end != PSQL_SEMICOLON && end != PSQL_BACKSLASH) {
            continue;
        }
        assert_true(out->count < EVENTS_MAX);
        if (end == PSQL_BACKSLASH || pass_blanks(text, from, at) < at) {
            out->items[out->count++] = (struct event){at, text[at]};
        }
        from = at + 1;
        *out_cut = from;
        if (end == PSQL_BACKSLASH) {
            return end;
        }
    }
    return psql_scan_text(text + from, length - from);
}

static void ask_splitter(const char *text, size_t length, struct events *out)
{
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    if (!sql_split(text, length, &script, &err)) {
        fail_msg("%s: %s in: %.*s", err.where, err.message, (int)length, text);
    }
    for (size_t i = 0; i < script->count; i++) {
        const struct sql_statement *statement = &script->statements[i];
        if (statement->kind == SQL_BACKSLASH) {
            out->items[out->count++] = (struct event){statement->offset, '\\'};
            return;
        }
        size_t end = pass_blanks(text, statement->offset + statement->length, length);
        if (end < length && text[end] == ';') {
            out->items[out->count++] = (struct event){end, ';'};
        }
    }
}

static const char *message_of(enum psql_end end)
{
    switch (end) {
    case PSQL_IN_STRING:
        return "quoted string is not closed";
    case PSQL_IN_NAME:
        return "quoted identifier is not closed";
    case PSQL_IN_DOLLAR_QUOTE:
        return "dollar-quoted string is not closed";
    case PSQL_IN_COMMENT:
        return "comment is not closed";
    case PSQL_IN_PARENTHESIS:
        return "parenthesis is not closed";
    case PSQL_IN_BODY:
        return "BEGIN ATOMIC has no END";
    case PSQL_SEMICOLON:
    case PSQL_BACKSLASH:
    case PSQL_TEXT_END:
        break;
    }
    return "";
}

static void same_end(const char *text, size_t length, enum psql_end end)
{
    AUTO(sql) struct sql_script *script = NULL;
    struct error err = {0};
    bool split = sql_split(text, length, &script, &err);
    /* psql 15 forgets its open parentheses when it says how a text ended. */
    bool parenthesis = !split && text_same(err.message, message_of(PSQL_IN_PARENTHESIS)) &&
                       (end == PSQL_TEXT_END || end == PSQL_IN_BODY);
    if (!parenthesis && !text_same(err.message, message_of(end))) {
        fail_msg("\"%s\", but psql: \"%s\" in: %.*s", err.message, message_of(end), (int)length,
                 text);
    }
    ends_seen[parenthesis ? PSQL_IN_PARENTHESIS : end]++;
}

static void same(const char *text, size_t length)
{
    static struct events psql;
    static struct events ours;
    static const struct event none = {SIZE_MAX, '-'};
    psql.count = 0;
    ours.count = 0;
    size_t cut = 0;
    enum psql_end end = ask_psql(text, length, &psql, &cut);
    ask_splitter(text, cut, &ours);
    for (size_t i = 0; i < psql.count || i < ours.count; i++) {
        const struct event *theirs = i < psql.count ? &psql.items[i] : &none;
        const struct event *mine = i < ours.count ? &ours.items[i] : &none;
        if (theirs->offset != mine->offset || theirs->what != mine->what) {
            fail_msg("statement %zu ends at %zu (%c), with psql at %zu (%c), in: %.*s", i + 1,
                     mine->offset, mine->what, theirs->offset, theirs->what, (int)length, text);
        }
    }
    ends_seen[PSQL_SEMICOLON] += psql.count;
    if (end == PSQL_BACKSLASH) {
        ends_seen[end]++;
    } else {
        same_end(text, length, end);
    }
}

static void compare_case(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)out;
    if (strstr(title, "not psql") || strstr(text, "stdin")) {
        return;
    }
    size_t mark = text_starts(text, "\xEF\xBB\xBF") ? 3 : 0;
    same(text + mark, length - mark);
}

static void splits_the_data_files_as_psql_does(void **state)
{
    (void)state;
    cases_visit("split", compare_case);
    cases_visit("check", compare_case);
}

static const char *const fragments[] = {
    "select 1",
    "select",
    "a",
    "x1",
    "e",
    "E'a\\'b'",
    "E'a\\\\'",
    "e'",
    "E'",
    "\\'",
    "\\",
    "n'",
    "b'01'",
    "x'1f",
    "u&'",
    "U&\"",
    "'",
    "''",
    "'a;b'",
    "\"",
    "\"\"",
    "\"a;b\"",
    "$$",
    "$a$",
    "$b$",
    "$a",
    "$",
    "$1",
    "$_1$",
    "\xC3\xA9",
    "$\xC3\xA9$",
    "--",
    "-- x;\n",
    "-",
    "+",
    "+-",
    "@-",
    "/*",
    "*/",
    "/",
    "*",
    "/**/",
    "/* ; */",
    "(",
    ")",
    "(",
    ")",
    "1",
    "1.5",
    ".",
    "..",
    ".5",
    "1e5",
    "1e",
    "1e-",
    "0x1f",
    "1_000",
    "=",
    "<>",
    ",",
    "[1]",
    "#",
    "create",
    "or",
    "replace",
    "function",
    "procedure",
    " create or replace function f() returns int begin atomic select case when a then b end; end ",
    " create procedure p(a int) begin atomic insert into t values (1); select 2; end ",
    " create function f() begin/**/atomic select (case a when 1 then (2) end); end ",
    " create function f() begin atomic select case when case b when c then d end then e end; end ",
};

/* At the end only: psql takes each BEGIN inside a body for one more body. */
static const char open_body[] = " create function f() returns int begin atomic select 1; ";

static const char *const glue[] = {"", "", "", " ", " ", "\n", "\r\n", "\t", "\f", ";", ";", "\n;"};

/* xorshift: the same texts everywhere, for ever. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void splits_random_text_as_psql_does(void **state)
{
    (void)state;
    uint32_t seed = 20310314;
    const char *rounds = getenv("ROUNDS");
    int64_t count = 0;
    if (!rounds || !text_integer(rounds, 1, INT32_MAX, &count)) {
        count = 50000;
    }
    AUTO(buf) struct buf text = buf_make(65536);
    for (int64_t i = 0; i < count; i++) {
        buf_truncate(&text, 0);
        for (uint32_t left = 1 + next_random(&seed) % 24; left; left--) {
            buf_text(&text, fragments[next_random(&seed) % COUNT(fragments)]);
            buf_text(&text, glue[next_random(&seed) % COUNT(glue)]);
        }
        buf_text(&text, next_random(&seed) % 16 ? "" : open_body);
        same(text.data, text.length);
    }
    /* A test that never meets an open quote proves nothing about one. */
    for (int end = 0; end < ENDS; end++) {
        print_message("%zu texts with end %d\n", ends_seen[end], end);
        assert_true(ends_seen[end] > 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_the_data_files_as_psql_does),
        cmocka_unit_test(splits_random_text_as_psql_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
