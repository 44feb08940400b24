#include "cmd/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cmd/verbs.h"

static const struct option_row {
    const char *name;
    const char *argument; /* NULL: a switch */
    const char *variable; /* NULL: none */
    const char *summary;
    bool global;
} options[OPTION_COUNT] = {
    [OPTION_PLAN] = {"--plan", "FILE", "POSTLUDE_PLAN",
                     "default postlude.yaml, then /etc/postlude/postlude.yaml", true},
    [OPTION_JSON] = {"--json", NULL, "POSTLUDE_JSON", "one JSON document on stdout", true},
    [OPTION_LOG] = {"--log", "auto|text|json", "POSTLUDE_LOG",
                    "the log on stderr; auto: text on a terminal, else JSON", true},
    [OPTION_LOG_LEVEL] = {"--log-level", "debug|info|warn|error", "POSTLUDE_LOG_LEVEL",
                          "the least that is logged; default info", true},
    [OPTION_VERSION] = {"--version", NULL, NULL, "the version, and nothing else", true},
    [OPTION_HELP] = {"--help", NULL, NULL, "this text", true},
    [OPTION_EVENT] = {"--event", "FILE|-|JSON", "POSTLUDE_EVENT",
                      "the event (the variable holds JSON only)", false},
    [OPTION_DRY_RUN] = {"--dry-run", NULL, "POSTLUDE_DRY_RUN",
                        "decide and say what would be applied, change nothing", false},
    [OPTION_TO] = {"--to", "ID", "POSTLUDE_TO", "apply up to and with this migration", false},
    [OPTION_REASON] = {"--reason", "TEXT", "POSTLUDE_REASON",
                       "why it is started by hand; needed on ECS, and to resolve", false},
    [OPTION_BY] = {"--by", "NAME", "POSTLUDE_BY", "who starts it by hand", false},
    [OPTION_WAIT] = {"--wait", "DURATION", "POSTLUDE_WAIT",
                     "look again and again for so long: 90s, 5m", false},
    [OPTION_APPLIED] = {"--applied", NULL, NULL, "all of it was carried out: it counts as applied",
                        false},
    [OPTION_RETRY] = {"--retry", NULL, NULL, "the next run does what was in flight again", false},
    [OPTION_SKIP] = {"--skip", NULL, NULL, "it counts as settled, and is never applied", false},
    [OPTION_ACCEPT] = {"--accept", NULL, NULL,
                       "its file, changed since, is taken for what was applied", false},
};

static bool allowed(const struct verb *verb, enum option option)
{
    return options[option].global || (verb->options >> option & 1u);
}

static bool unknown_option(const char *word, struct error *err)
{
    const char *names[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        names[i] = options[i].name;
    }
    const char *nearest = text_nearest(word, names, OPTION_COUNT);
    AUTO(text) char *shown = memory_text(word);
    error_set(err, ERROR_INVALID, "unknown option \"%s\"", shown);
    return nearest ? error_hint(err, "Did you mean \"%s\"?", nearest)
                   : error_hint(err, "\"postlude --help\" lists the options.");
}

static bool find_option(const char *word, size_t length, enum option *out_option)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0) {
            *out_option = (enum option)i;
            return true;
        }
    }
    return false;
}

/* "--reason --dry-run" would take the switch for the reason, and then change things. */
static bool is_option(const char *word)
{
    enum option option = OPTION_COUNT;
    return find_option(word, strcspn(word, "="), &option);
}

/* One option at argv[*at], which moves on when the argument is the next word. */
static bool read_option(int argc, char **argv, int *at, struct settings *settings,
                        struct error *err)
{
    const char *word = argv[*at];
    size_t length = strcspn(word, "=");
    const char *argument = word[length] ? word + length + 1 : NULL;
    enum option option = OPTION_COUNT;
    if (!find_option(word, length, &option)) {
        AUTO(text) char *name = memory_text_n(word, length);
        return unknown_option(name, err);
    }
    const struct option_row *row = &options[option];
    if (!row->argument && argument) {
        return error_set(err, ERROR_INVALID, "option %s takes no argument", row->name);
    }
    if (row->argument && !argument) {
        if (*at + 1 >= argc || is_option(argv[*at + 1])) {
            error_set(err, ERROR_INVALID, "option %s needs an argument: %s %s", row->name,
                      row->name, row->argument);
            return error_hint(err,
                              "One that is an option's name itself goes behind an equals "
                              "sign: %s=--help.",
                              row->name);
        }
        argument = argv[++*at];
    }
    if (settings->values[option]) {
        return error_set(err, ERROR_INVALID, "option %s is given twice", row->name);
    }
    settings->values[option] = row->argument ? argument : "1";
    return true;
}

static bool find_verb(const char *word, const struct verb **out_verb, struct error *err)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (strcmp(verbs[i].name, word) == 0) {
            *out_verb = &verbs[i];
            return true;
        }
    }
    for (size_t i = 0; i < verbs_to_come_count; i++) {
        if (strcmp(verbs_to_come[i], word) == 0) {
            error_set(err, ERROR_INVALID, "\"%s\" is not supported yet", word);
            return error_hint(err, "\"postlude --help\" lists what is.");
        }
    }
    const char *names[16];
    size_t count = verb_count < COUNT(names) ? verb_count : COUNT(names);
    for (size_t i = 0; i < count; i++) {
        names[i] = verbs[i].name;
    }
    const char *nearest = text_nearest(word, names, count);
    error_set(err, ERROR_INVALID, "unknown verb \"%s\"", word);
    return nearest ? error_hint(err, "Did you mean \"%s\"?", nearest)
                   : error_hint(err, "\"postlude --help\" lists the verbs.");
}

static bool read_words(int argc, char **argv, struct settings *settings, struct error *err)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-h") == 0 || (i == 1 && strcmp(argv[i], "help") == 0)) {
            settings->values[OPTION_HELP] = "1";
        } else if (argv[i][0] == '-' && argv[i][1]) {
            if (!read_option(argc, argv, &i, settings, err)) {
                return false;
            }
        } else if (settings->verb && settings->verb->argument && !settings->argument) {
            settings->argument = argv[i];
        } else if (settings->verb) {
            error_set(err, ERROR_INVALID, "unexpected word \"%s\" after \"%s\"", argv[i],
                      settings->verb->name);
            return error_hint(err, "\"postlude --help\" shows how it is called.");
        } else if (!find_verb(argv[i], &settings->verb, err)) {
            return false;
        }
    }
    settings->verb = settings->verb ? settings->verb : &verbs[0];
    if (settings->verb->argument && !settings->argument && !settings_on(settings, OPTION_HELP) &&
        !settings_on(settings, OPTION_VERSION)) {
        error_set(err, ERROR_INVALID, "\"%s\" needs one word more: postlude %s %s",
                  settings->verb->name, settings->verb->name, settings->verb->argument);
        return error_hint(err, "\"postlude --help\" shows how it is called.");
    }
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (settings->values[i] && !allowed(settings->verb, (enum option)i)) {
            error_set(err, ERROR_INVALID, "\"%s\" has no option %s", settings->verb->name,
                      options[i].name);
            return error_hint(err, "\"postlude --help\" says which verb takes which option.");
        }
    }
    return true;
}

static bool read_switch(const char *variable, const char *value, const char **out_value,
                        struct error *err)
{
    static const char *const on[] = {"1", "true", "yes", "on"};
    static const char *const off[] = {"", "0", "false", "no", "off"};
    for (size_t i = 0; i < COUNT(on); i++) {
        if (strcmp(value, on[i]) == 0) {
            *out_value = "1";
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(off); i++) {
        if (strcmp(value, off[i]) == 0) {
            return true;
        }
    }
    error_set(err, ERROR_INVALID,
              "the variable %s is a switch, and its value is neither true nor "
              "false",
              variable);
    return error_hint(err, "Set it to true or false.");
}

static const char *const other_variables[] = {
    "POSTLUDE_EVENT_DETAIL_TYPE",  "POSTLUDE_EVENT_SOURCE",
    "POSTLUDE_EVENT_ID",           "POSTLUDE_EVENT_TIME",
    "POSTLUDE_EVENT_ACCOUNT",      "POSTLUDE_EVENT_REGION",
    "POSTLUDE_EVENT_PIPELINE",     "POSTLUDE_EVENT_STATE",
    "POSTLUDE_EVENT_EXECUTION_ID", "POSTLUDE_EVENT_ATTEMPT",
    "POSTLUDE_EVENT_VERSION",      "POSTLUDE_EVENT_STAGE",
    "POSTLUDE_SCHEDULE_ARN",       "POSTLUDE_SCHEDULED_TIME",
    "POSTLUDE_REPORT_TOPIC",       "POSTLUDE_RERUN",
};

/* The same letters, whatever stands between them. */
static bool same_letters(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_");
        b += strspn(b, "_");
        if (*a != *b || !*a) {
            return *a == *b;
        }
    }
}

/* POSTLUDE_DRYRUN would do nothing, and the run would be a real one. Other names may be the plan's
 * own. */
static bool check_spelling(const char *name, const char *known, struct error *err)
{
    if (!known || strcmp(name, known) == 0 || !same_letters(name, known)) {
        return true;
    }
    error_set(err, ERROR_INVALID, "unknown variable %s", name);
    return error_hint(err, "Did you mean %s?", known);
}

static bool check_variables(const struct env *env, struct error *err)
{
    char name[128];
    for (size_t i = 0; env_name(env, i, name, sizeof name); i++) {
        for (size_t j = 0; text_starts(name, "POSTLUDE") && j < OPTION_COUNT; j++) {
            if (!check_spelling(name, options[j].variable, err)) {
                return false;
            }
        }
        for (size_t j = 0; text_starts(name, "POSTLUDE") && j < COUNT(other_variables); j++) {
            if (!check_spelling(name, other_variables[j], err)) {
                return false;
            }
        }
    }
    return true;
}

/* Variables fill what the command line left open. The event's is read where events are. */
static bool read_variables(struct settings *settings, struct error *err)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &options[i];
        const char *value = row->variable ? env_value(settings->env, row->variable) : NULL;
        if (!value || i == OPTION_EVENT || settings->values[i] ||
            !allowed(settings->verb, (enum option)i)) {
            continue;
        }
        if (row->argument) {
            settings->values[i] = value;
        } else if (!read_switch(row->variable, value, &settings->values[i], err)) {
            return false;
        }
    }
    return true;
}

static bool read_log(struct settings *settings, struct error *err)
{
    const char *log = settings->values[OPTION_LOG];
    const char *level = settings->values[OPTION_LOG_LEVEL];
    settings->log_level = LOG_INFO;
    if (level && !log_level_named(level, &settings->log_level)) {
        error_set(err, ERROR_INVALID, "unknown log level \"%s\"", level);
        return error_hint(err, "It is one of debug, info, warn, error.");
    }
    if (log && strcmp(log, "auto") != 0 && strcmp(log, "text") != 0 && strcmp(log, "json") != 0) {
        error_set(err, ERROR_INVALID, "unknown log format \"%s\"", log);
        return error_hint(err, "It is one of auto, text, json.");
    }
    if (log && strcmp(log, "auto") != 0) {
        settings->log_json = strcmp(log, "json") == 0;
    }
    /* A run without a terminal answers as it logs; what people ask is answered for people. */
    bool asked = log && strcmp(log, "json") == 0;
    settings->json = settings_on(settings, OPTION_JSON) || asked ||
                     (settings->log_json && settings->verb == &verbs[0]);
    return true;
}

bool settings_read(int argc, char **argv, struct env *env, struct settings *out_settings,
                   struct error *err)
{
    struct settings settings = *out_settings;
    settings.env = env;
    if (!read_words(argc, argv, &settings, err) || !check_variables(env, err) ||
        !read_variables(&settings, err) || !read_log(&settings, err)) {
        return false;
    }
    *out_settings = settings;
    return true;
}

bool settings_on(const struct settings *settings, enum option option)
{
    return settings->values[option] != NULL;
}

static void help_option(const struct option_row *row, struct buf *out)
{
    char left[64];
    (void)snprintf(left, sizeof left, "%s%s%s", row->name, row->argument ? " " : "",
                   row->argument ? row->argument : "");
    if (strlen(left) > 18) {
        buf_format(out, "  %s\n  %-18s", left, "");
    } else {
        buf_format(out, "  %-18s", left);
    }
    buf_format(out, " %s\n", row->summary);
    if (row->variable) {
        buf_format(out, "  %-18s variable %s\n", "", row->variable);
    }
}

static void help_options(bool global, struct buf *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].global == global) {
            help_option(&options[i], out);
        }
    }
}

static void help_takers(enum option option, struct buf *out)
{
    for (size_t i = 0; i < verb_count; i++) {
        if (verbs[i].options >> option & 1u) {
            buf_format(out, " %s", verbs[i].name);
        }
    }
}

void settings_help(struct buf *out)
{
    buf_text(out, "postlude runs PostgreSQL migrations once per deploy, and says so.\n\n"
                  "Usage: postlude [VERB] [OPTION...]\n\nVerbs\n");
    for (size_t i = 0; i < verb_count; i++) {
        buf_format(out, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    }
    buf_text(out, "\nOptions of single verbs\n");
    help_options(false, out);
    buf_text(out, "  --event belongs to:");
    help_takers(OPTION_EVENT, out);
    buf_text(out, ".\n  --reason and --by belong to:");
    help_takers(OPTION_REASON, out);
    buf_text(out, ".\n  --dry-run and --to belong to:");
    help_takers(OPTION_DRY_RUN, out);
    buf_text(out, ".\n  --wait belongs to:");
    help_takers(OPTION_WAIT, out);
    buf_text(out, ".\n  --applied, --retry, --skip and --accept belong to:");
    help_takers(OPTION_APPLIED, out);
    buf_text(out, ".\n\nOptions of all\n");
    help_options(true, out);
    buf_text(out,
             "\nExit codes\n"
             "  0 done, or nothing to do   1 a migration failed       2 plan or call is wrong\n"
             "  3 event refused            4 database unreachable     5 busy: try again\n"
             "  6 history and plan differ  7 interrupted              8 report/answer not sent\n"
             "  9 check: pending           10 internal error\n");
}
