#include "outcome/markup.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check.h"

static const struct {
    const char *text, *plain, *code;
} cases[] = {
    {"plain text", "plain text", "`plain text`"},
    {"", "", "``"},
    {"a < b && c > d", "a &lt; b &amp;&amp; c &gt; d", "`a &lt; b &amp;&amp; c &gt; d`"},
    {"<!channel>", "&lt;!channel&gt;", "`&lt;!channel&gt;`"},
    {"@here", "@\xe2\x81\xa0here", "`@here`"},
    {"a `b` c", "a 'b' c", "`a 'b' c`"},
    {"*bold*",
     "\xe2\x88\x97"
     "bold\xe2\x88\x97",
     "`*bold*`"},
    {"~gone~", "\xe2\x88\xbcgone\xe2\x88\xbc", "`~gone~`"},
    {"_slanted_", "\xef\xbc\xbfslanted\xef\xbc\xbf", "`_slanted_`"},
    {"0002_add_total", "0002_add_total", "`0002_add_total`"},
    {"[a](https://b)", "(a)(https://b)", "`[a](https://b)`"},
    {"> quoted\n# title", "&gt; quoted\\n# title", "`&gt; quoted\\n# title`"},
    {"\x1b[2J\xff", "\\x1b(2J\\xff", "`\\x1b[2J\\xff`"},
    {"\xe6\xbc\xa2", "\xe6\xbc\xa2", "`\xe6\xbc\xa2`"},
};

static void makes_text_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(buf) struct buf plain = buf_make(1000);
        AUTO(buf) struct buf code = buf_make(1000);
        outcome_markup_plain(cases[i].text, 500, &plain);
        outcome_markup_code(cases[i].text, 500, &code);
        assert_string_equal(plain.data, cases[i].plain);
        assert_string_equal(code.data, cases[i].code);
    }
    AUTO(buf) struct buf nothing = buf_make(1000);
    outcome_markup_plain(NULL, 500, &nothing);
    assert_string_equal(nothing.data, "");
}

/* Never in the middle of a character or of what stands for one. */
static void is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t max = 0; max < 30; max++) {
        AUTO(buf) struct buf out = buf_make(1000);
        outcome_markup_plain("a&b\xe6\xbc\xa2*c&&&&&&&&&&&", max, &out);
        assert_true(text_ends(out.data, "..."));
        assert_true(out.length <= max + 3);
        assert_int_equal(text_bad_utf8(out.data, out.length), out.length);
        const char *amp = strrchr(out.data, '&');
        assert_true(!amp || text_starts(amp, "&amp;"));
    }
}

static void links_only_what_is_an_address(void **state)
{
    (void)state;
    static const char *const none[] = {"http://x.example", "javascript:1", "",
                                       "https://x y",      "https://x|y",  "https://x>",
                                       "https://`x`",      "https://x\n"};
    AUTO(buf) struct buf out = buf_make(1000);
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_false(outcome_markup_link(none[i], &out));
        assert_string_equal(out.data, "");
    }
    assert_true(outcome_markup_link("https://x.example/a?b=c&d=$252F_x#e:f", &out));
    assert_string_equal(out.data, "https://x.example/a?b=c&amp;d=$252F_x#e:f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_text_harmless),
        cmocka_unit_test(is_cut_between_characters),
        cmocka_unit_test(links_only_what_is_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
