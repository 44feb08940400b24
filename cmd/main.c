/* postlude: PostgreSQL migrations, once per deploy. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/answer.h"
#include "cmd/settings.h"
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

int main(int argc, char **argv)
{
    AUTO(env) struct env *env = env_take(environ);
    struct settings settings = {
        .log_json = !isatty(STDERR_FILENO),
        .terminal = isatty(STDOUT_FILENO),
        .width = terminal_width(),
    };
    struct error err;
    clean_environment(env);
    if (!stop_install(&settings.stop, &err) || !settings_read(argc, argv, env, &settings, &err)) {
        return answer_error(argc, argv, &err);
    }
    bool done = false;
    int code = answer_simple(&settings, &done);
    if (done) {
        return code;
    }
    bool colour = !settings.log_json && isatty(STDERR_FILENO) && !env_value(env, "NO_COLOR");
    log_setup(STDERR_FILENO, settings.log_json, colour, settings.log_level);
    return settings.verb->function(&settings);
}
