#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    VALUE_MAX = 2048,    /* bytes of one field's text */
    VALUE_MIN = 64,      /* what is left of each where a line is too long */
    STALL_MAX_MS = 5000, /* a log that nobody reads must not hold a migration's locks */
};

static struct {
    int fd;
    bool json;
    bool colour;
    bool stalled;
    bool torn; /* the last line has no end */
    enum log_level least;
    char run_id[40];
} sink = {.fd = STDERR_FILENO, .least = LOG_INFO};

static const char *const names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void log_setup(int fd, bool json, bool colour, enum log_level least)
{
    sink.fd = fd;
    sink.json = json;
    sink.colour = colour;
    sink.stalled = false;
    sink.torn = false;
    sink.least = least;
}

void log_run_id(const char *run_id)
{
    text_copy(sink.run_id, sizeof sink.run_id, run_id);
}

bool log_level_named(const char *name, enum log_level *out_level)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Whether the next piece can be written without waiting longer than is left of the line's time.
 * Once the reader has stalled, later lines do not wait for it, so that a dead log driver costs
 * STALL_MAX_MS once. */
static bool writable(int64_t give_up_ms)
{
    for (;;) {
        int64_t left = sink.stalled ? 0 : give_up_ms - clock_steady_ms();
        struct pollfd watched = {.fd = sink.fd, .events = POLLOUT};
        int ready = poll(&watched, 1, left > 0 ? (int)left : 0);
        if (ready >= 0 || errno != EINTR) {
            sink.stalled = ready <= 0;
            return ready > 0;
        }
    }
}

/* Writes all of it, or gives the line up. A pipe that polls as writable takes PIPE_BUF bytes; a
 * longer write to it would block until the reader comes. */
static size_t write_some(const char *line, size_t length)
{
    int64_t give_up_ms = clock_steady_ms() + STALL_MAX_MS;
    size_t done = 0;
    while (done < length && writable(give_up_ms)) {
        size_t piece = length - done < PIPE_BUF ? length - done : PIPE_BUF;
        ssize_t wrote = write(sink.fd, line + done, piece);
        bool again = wrote < 0 && (errno == EINTR || errno == EAGAIN);
        if (wrote < 0 && (!again || clock_steady_ms() >= give_up_ms)) {
            break;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return done;
}

/* A line that was given up halfway is ended first, so that it spoils no other. */
static void put(const char *line, size_t length)
{
    if (sink.torn && write_some("\n", 1) == 0) {
        return;
    }
    size_t done = write_some(line, length);
    sink.torn = done > 0 && done < length;
}

/* At most `most` bytes of it; what was cut ends in three dots. */
static struct buf shortened(const char *text, size_t most)
{
    struct buf kept = buf_make(most + sizeof "...");
    size_t length = strlen(text);
    size_t cut = length > most ? text_cut(text, length, most) : length;
    buf_add(&kept, text, cut);
    buf_text(&kept, cut < length ? "..." : "");
    return kept;
}

static json_t *text_value(const char *text, size_t most)
{
    AUTO(buf) struct buf kept = shortened(text, most);
    return json_safe(kept.data);
}

static json_t *line_object(enum log_level level, const char *message,
                           const struct log_field *fields, size_t count, size_t most)
{
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_ms(), now);
    json_t *line = json_object();
    if (!line) {
        memory_die();
    }
    (void)json_object_set_new(line, "time", json_string(now));
    (void)json_object_set_new(line, "level", json_string(names[level]));
    (void)json_object_set_new(line, "msg", text_value(message, most));
    if (sink.run_id[0]) {
        (void)json_object_set_new(line, "run_id", json_string(sink.run_id));
    }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].quiet && fields[i].text && !*fields[i].text) {
            continue;
        }
        (void)json_object_set_new(line, fields[i].key,
                                  fields[i].text ? text_value(fields[i].text, most)
                                                 : json_integer(fields[i].number));
    }
    return line;
}

static void write_json(enum log_level level, const char *message, const struct log_field *fields,
                       size_t count)
{
    /* Too long: first every text becomes shorter, then the last fields go. */
    size_t most = VALUE_MAX;
    for (;;) {
        AUTO(json) json_t *line = line_object(level, message, fields, count, most);
        AUTO(buf) struct buf text = buf_make(LOG_LINE_MAX);
        json_write(line, &text);
        buf_char(&text, '\n');
        if (!text.full) {
            put(text.data, text.length);
            return;
        }
        if (most > VALUE_MIN) {
            most /= 2;
        } else {
            count--;
        }
    }
}

static void write_text(enum log_level level, const char *message, const struct log_field *fields,
                       size_t count)
{
    static const char *const colours[] = {
        [LOG_DEBUG] = "\033[2m",
        [LOG_INFO] = "",
        [LOG_WARN] = "\033[33m",
        [LOG_ERROR] = "\033[31m",
    };
    static const char *const marks[] = {
        [LOG_DEBUG] = "debug: ",
        [LOG_INFO] = "",
        [LOG_WARN] = "warning: ",
        [LOG_ERROR] = "error: ",
    };
    AUTO(buf) struct buf line = buf_make(LOG_LINE_MAX);
    buf_text(&line, sink.colour ? colours[level] : "");
    buf_text(&line, marks[level]);
    text_escape(&line, message, strlen(message));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].quiet) {
            continue;
        }
        if (!fields[i].text) {
            buf_format(&line, "  %s=%" PRId64, fields[i].key, fields[i].number);
        } else if (*fields[i].text) {
            buf_format(&line, "  %s=", fields[i].key);
            AUTO(buf) struct buf kept = shortened(fields[i].text, VALUE_MAX);
            text_escape(&line, kept.data, kept.length);
        }
    }
    buf_truncate(&line, line.length);
    if (line.length > LOG_LINE_MAX - 8) {
        buf_truncate(&line, text_cut(line.data, LOG_LINE_MAX - 8, LOG_LINE_MAX - 8));
    }
    buf_text(&line, sink.colour && *colours[level] ? "\033[0m\n" : "\n");
    put(line.data, line.length);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    if (level < sink.least) {
        return;
    }
    if (sink.json) {
        write_json(level, message, fields, count);
    } else {
        write_text(level, message, fields, count);
    }
}

static void write_hint(enum log_level level, const char *hint)
{
    if (level < sink.least) {
        return;
    }
    AUTO(buf) struct buf line = buf_make(LOG_LINE_MAX);
    buf_text(&line, "  hint: ");
    text_escape(&line, hint, strlen(hint));
    buf_char(&line, '\n');
    put(line.data, line.length);
}

void log_trouble(enum log_level level, const char *what, const struct error *error)
{
    AUTO(buf) struct buf line = buf_make(sizeof error->message + VALUE_MAX);
    buf_format(&line, "%s%s%s", what ? what : "", what ? ": " : "", error->message);
    log_write(level, line.data,
              (const struct log_field[]){LOG_QUIET_TEXT("where", error->where),
                                         LOG_QUIET_TEXT("code", error->code),
                                         LOG_QUIET_TEXT("hint", error->hint)},
              3);
    if (!sink.json && *error->hint) {
        write_hint(level, error->hint);
    }
}
