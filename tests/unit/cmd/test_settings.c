#include "cmd/settings.h"

#include "base/memory.h"
#include "cmd/verbs.h"
#include "sql/cases.h"

/*
 * A case is one word a line, as the shell would give it, and NAME=value for a variable: a name in
 * capitals. What comes of it: the verb and what every option has, or message and hint.
 */
enum { WORDS_MAX = 32 };

struct words {
    char text[WORDS_MAX * 2][128];
    char *arguments[WORDS_MAX + 1];
    int count;
    char *variables[WORDS_MAX + 1];
    size_t variable_count;
};

static void read_words(const char *text, struct words *words)
{
    static char program[] = "postlude";
    *words = (struct words){.count = 1};
    words->arguments[0] = program;
    for (size_t line = 0; *text; line++) {
        const char *next = text;
        size_t size = cases_line(text, &next);
        (void)snprintf(words->text[line], sizeof words->text[line], "%.*s", (int)size, text);
        if (text_starts(text, "POSTLUDE_")) {
            words->variables[words->variable_count++] = words->text[line];
        } else {
            words->arguments[words->count++] = words->text[line];
        }
        text = next;
    }
}

static void show_settings(const struct settings *settings, struct buf *out)
{
    static const char *const names[OPTION_COUNT] = {
        "plan", "json",   "log", "log-level", "version", "help",  "event", "dry-run",
        "to",   "reason", "by",  "wait",      "applied", "retry", "skip",  "accept"};
    buf_text(out, settings->verb->name);
    buf_format(out, "%s%s", settings->argument ? " " : "",
               settings->argument ? settings->argument : "");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (settings->values[i]) {
            buf_format(out, " %s=[%s]", names[i], settings->values[i]);
        }
    }
    buf_format(out, "%s%s level=%d", settings->json ? ", a document" : "",
               settings->log_json ? ", log as JSON" : "", (int)settings->log_level);
}

static void render(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)length;
    struct words words;
    read_words(text, &words);
    AUTO(env) struct env *env = env_take(words.variables);
    /* As main finds them: no terminal, unless the title says so. */
    struct settings settings = {.log_json = !strstr(title, "terminal")};
    struct error err;
    if (settings_read(words.count, words.arguments, env, &settings, &err)) {
        show_settings(&settings, out);
        assert_ptr_equal(settings.env, env);
    } else {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(settings.verb);
        buf_format(out, "%s\n%s", err.message, err.hint);
    }
}

static void reads_as_the_data_files_say(void **state)
{
    (void)state;
    cases_run("settings", render);
}

static void help_holds_everything_in_80_columns(void **state)
{
    (void)state;
    AUTO(buf) struct buf help = buf_make(16384);
    settings_help(&help);
    assert_false(help.full);
    for (const char *at = help.data; *at;) {
        const char *next = at;
        size_t size = cases_line(at, &next);
        if (size > 80) {
            fail_msg("%zu columns: %.*s", size, (int)size, at);
        }
        at = next;
    }
    for (size_t i = 0; i < verb_count; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "\n  %s ", verbs[i].name);
        assert_non_null(strstr(help.data, line));
        assert_non_null(strstr(help.data, verbs[i].summary));
    }
    static const char *const words[] = {"--plan FILE",
                                        "--json",
                                        "--log auto|text|json",
                                        "--log-level debug|info|warn|error",
                                        "--version",
                                        "--help",
                                        "--event FILE|-|JSON",
                                        "--dry-run",
                                        "--to ID",
                                        "--reason TEXT",
                                        "--by NAME",
                                        "--wait DURATION",
                                        "POSTLUDE_WAIT",
                                        "--applied",
                                        "--retry",
                                        "--skip",
                                        "--accept",
                                        "POSTLUDE_PLAN",
                                        "POSTLUDE_JSON",
                                        "POSTLUDE_LOG\n",
                                        "POSTLUDE_LOG_LEVEL",
                                        "POSTLUDE_EVENT",
                                        "POSTLUDE_DRY_RUN",
                                        "POSTLUDE_TO",
                                        "POSTLUDE_REASON",
                                        "POSTLUDE_BY"};
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!strstr(help.data, words[i])) {
            fail_msg("%s is not in the help", words[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_the_data_files_say),
        cmocka_unit_test(help_holds_everything_in_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
