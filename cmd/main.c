/* postlude: PostgreSQL migrations, once per deploy. */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/answer.h"
#include "cmd/load.h"
#include "cmd/settings.h"
#include "cmd/stack.h"
#include "cmd/verbs.h"

enum { WIDTH_DEFAULT = 80, WIDTH_LEAST = 40, WIDTH_MOST = 140 };

static size_t terminal_width(void)
{
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col < WIDTH_LEAST  ? WIDTH_LEAST
           : size.ws_col > WIDTH_MOST ? WIDTH_MOST
                                      : size.ws_col;
}

/* Nothing secret stays readable in /proc/<pid>/environ, and libpq sees no variable of its own. */
static void clean_environment(struct env *env)
{
    env_conceal_secrets(env);
    env_withdraw(env, "PG");
}

static int answer_simple(const struct settings *settings, bool *out_done)
{
    *out_done = true;
    if (settings_on(settings, OPTION_HELP)) {
        AUTO(buf) struct buf help = buf_make(16384);
        settings_help(&help);
        return answer_text(&help);
    }
    if (settings_on(settings, OPTION_VERSION)) {
        AUTO(buf) struct buf version = buf_make(64);
        buf_text(&version, POSTLUDE_VERSION "\n");
        return answer_text(&version);
    }
    *out_done = false;
    return 0;
}

/* A stack that waits for an answer gets one all the same. */
static void guess_event(int argc, char **argv, struct settings *settings)
{
    for (int i = 1; i < argc; i++) {
        const char *word = text_starts(argv[i], "--event=") ? argv[i] + strlen("--event=")
                           : i > 1 && strcmp(argv[i - 1], "--event") == 0 ? argv[i]
                                                                          : "";
        if (*word && load_is_event(word)) {
            settings->values[OPTION_EVENT] = word;
        }
    }
}

/* Where command line or variables could not be read, what of them says how to answer still counts.
 */
static void guess_answer(int argc, char **argv, struct settings *settings)
{
    const char *json = env_value(settings->env, "POSTLUDE_JSON");
    const char *log = env_value(settings->env, "POSTLUDE_LOG");
    for (int i = 1; i < argc; i++) {
        log = strcmp(argv[i], "--log") == 0 && i + 1 < argc ? argv[i + 1] : log;
        log = text_starts(argv[i], "--log=") ? argv[i] + strlen("--log=") : log;
    }
    settings->log_json = text_same(log, "json") || (settings->log_json && !text_same(log, "text"));
    settings->json = settings->log_json || (json && strcmp(json, "0") != 0);
    for (int i = 1; i < argc; i++) {
        settings->json = settings->json || strcmp(argv[i], "--json") == 0;
    }
    guess_event(argc, argv, settings);
}

static void set_up_log(const struct settings *settings)
{
    bool colour =
        !settings->log_json && isatty(STDERR_FILENO) && !env_value(settings->env, "NO_COLOR");
    log_setup(STDERR_FILENO, settings->log_json, colour, settings->log_level);
}

int main(int argc, char **argv)
{
    AUTO(env) struct env *env = env_take(environ);
    struct settings settings = {
        .env = env,
        .log_json = !isatty(STDERR_FILENO),
        .log_level = LOG_INFO,
        .terminal = isatty(STDOUT_FILENO),
        .width = terminal_width(),
    };
    struct error err;
    clean_environment(env);
    stack_conceal(argc, argv, env);
    if (!stop_install(&settings.stop, &err) || !settings_read(argc, argv, env, &settings, &err)) {
        guess_answer(argc, argv, &settings);
        set_up_log(&settings);
        return cmd_refuse(&settings, &err);
    }
    bool done = false;
    int code = answer_simple(&settings, &done);
    if (done) {
        return code;
    }
    set_up_log(&settings);
    return settings.verb->function(&settings);
}
