#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
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
    STALL_MAX_MS = 5000, /* a log that nobody reads must not hold a migration's locks */
};

static struct {
    int fd;
    bool json;
    bool colour;
    bool stalled;
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

/* Writes all of it, or gives the line up when the reader stalls; then the rest of the log is tried
 * without waiting, so that a dead log driver costs STALL_MAX_MS once. */
static void put(const char *line, size_t length)
{
    size_t done = 0;
    while (done < length) {
        struct pollfd watched = {.fd = sink.fd, .events = POLLOUT};
        int ready = poll(&watched, 1, sink.stalled ? 0 : STALL_MAX_MS);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        sink.stalled = ready <= 0;
        if (ready <= 0) {
            return;
        }
        ssize_t wrote = write(sink.fd, line + done, length - done);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
            return;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
}

static json_t *shortened(const char *text)
{
    char kept[VALUE_MAX];
    text_copy(kept, sizeof kept, text);
    return json_safe(kept);
}

static json_t *line_object(enum log_level level, const char *message,
                           const struct log_field *fields, size_t count)
{
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_ms(), now);
    json_t *line = json_object();
    if (!line) {
        memory_die();
    }
    (void)json_object_set_new(line, "time", json_string(now));
    (void)json_object_set_new(line, "level", json_string(names[level]));
    (void)json_object_set_new(line, "msg", shortened(message));
    if (sink.run_id[0]) {
        (void)json_object_set_new(line, "run_id", json_string(sink.run_id));
    }
    for (size_t i = 0; i < count; i++) {
        (void)json_object_set_new(line, fields[i].key,
                                  fields[i].text ? shortened(fields[i].text)
                                                 : json_integer(fields[i].number));
    }
    return line;
}

static void write_json(enum log_level level, const char *message, const struct log_field *fields,
                       size_t count)
{
    for (;;) {
        AUTO(json) json_t *line = line_object(level, message, fields, count);
        AUTO(buf) struct buf text = buf_make(LOG_LINE_MAX - 1);
        json_write(line, &text);
        if (!text.full || count == 0) {
            buf_truncate(&text, text.length);
            buf_char(&text, '\n');
            put(text.data, text.length);
            return;
        }
        count--; /* too long: the last field goes first */
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
        if (!fields[i].text) {
            buf_format(&line, "  %s=%" PRId64, fields[i].key, fields[i].number);
        } else if (*fields[i].text) {
            buf_format(&line, "  %s=", fields[i].key);
            text_escape(&line, fields[i].text,
                        text_cut(fields[i].text, strlen(fields[i].text), VALUE_MAX));
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
