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
    VALUE_MAX = 2048, /* bytes of one field's text */
    VALUE_MIN = 64,   /* what is left of each where a line is too long */
    /* A log that nobody reads must not hold a migration's locks: all waiting together may take so
     * long, and after that, one part in so many of the time that goes by. */
    PATIENCE_MAX_MS = 5000,
    PATIENCE_SHARE = 20,
};

static struct {
    int fd;
    bool json;
    bool colour;
    bool torn;           /* the last line has no end */
    uint64_t dropped;    /* lines since the last that was written */
    int64_t patience_ms; /* how long may be waited still, as it was at counted_ms */
    int64_t counted_ms;
    enum log_level least;
    char run_id[40];
} sink = {.fd = STDERR_FILENO, .least = LOG_INFO, .patience_ms = PATIENCE_MAX_MS};

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
    sink.torn = false;
    sink.dropped = 0;
    sink.patience_ms = PATIENCE_MAX_MS;
    sink.counted_ms = clock_steady_ms();
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

/* Patience grows back slowly, so that a reader who is only slow costs little for ever. */
static int64_t patience(int64_t now)
{
    int64_t grown = sink.patience_ms + (now - sink.counted_ms) / PATIENCE_SHARE;
    sink.patience_ms = grown < PATIENCE_MAX_MS ? grown : PATIENCE_MAX_MS;
    sink.counted_ms = now;
    return sink.patience_ms;
}

static bool writable(int64_t give_up_ms)
{
    for (;;) {
        int64_t left = give_up_ms - clock_steady_ms();
        struct pollfd watched = {.fd = sink.fd, .events = POLLOUT};
        int ready = poll(&watched, 1, left > 0 ? (int)left : 0);
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

/* Writes all of it, or gives it up. A pipe that polls as writable takes PIPE_BUF bytes; a longer
 * write to it would block until the reader comes. */
static size_t write_some(const char *line, size_t length)
{
    int64_t begun_ms = clock_steady_ms();
    int64_t give_up_ms = begun_ms + patience(begun_ms);
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
    int64_t now = clock_steady_ms();
    int64_t spent = now - begun_ms;
    sink.patience_ms -= spent < sink.patience_ms ? spent : sink.patience_ms;
    sink.counted_ms = now;
    return done;
}

static bool write_line(const char *line, size_t length)
{
    size_t done = write_some(line, length);
    sink.torn = done < length && (sink.torn || done > 0);
    return done == length;
}

static void describe_dropped(struct buf *out)
{
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_ms(), now);
    if (sink.json) {
        buf_format(out, "{\"time\":\"%s\",\"level\":\"warn\",\"msg\":\"", now);
    } else {
        buf_text(out, "warning: ");
    }
    buf_format(out, "%" PRIu64 " log line%s dropped: nobody read the log in time", sink.dropped,
               sink.dropped == 1 ? " was" : "s were");
    if (sink.json) {
        buf_format(out, "\",\"run_id\":\"%s\",\"dropped\":%" PRIu64 "}", sink.run_id, sink.dropped);
    }
    buf_char(out, '\n');
}

/* A line that was given up halfway is ended first, so that it spoils no other; and the first line
 * that gets through again comes behind one that says how many did not. */
static void put(const char *line, size_t length)
{
    bool clear = !sink.torn || write_line("\n", 1);
    if (clear && sink.dropped) {
        AUTO(buf) struct buf said = buf_make(512);
        describe_dropped(&said);
        clear = write_line(said.data, said.length);
        sink.dropped = clear ? 0 : sink.dropped;
    }
    sink.dropped += !clear || !write_line(line, length);
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

static void put_json(const json_t *line, struct buf *text)
{
    json_write(line, text);
    buf_char(text, '\n');
    if (!text->full) {
        put(text->data, text->length);
    }
}

static void write_json(enum log_level level, const char *message, const struct log_field *fields,
                       size_t count)
{
    /* Too long: first every text becomes shorter, then the last fields go. */
    size_t most = VALUE_MAX;
    for (;;) {
        AUTO(json) json_t *line = line_object(level, message, fields, count, most);
        AUTO(buf) struct buf text = buf_make(LOG_LINE_MAX);
        put_json(line, &text);
        if (!text.full) {
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

bool log_object(enum log_level level, const char *message, json_t *members)
{
    if (!sink.json) {
        return true;
    }
    AUTO(json) json_t *line = line_object(level, message, NULL, 0, VALUE_MAX);
    AUTO(buf) struct buf text = buf_make(LOG_LINE_MAX);
    if (json_object_update_missing(line, members) != 0) {
        memory_die();
    }
    put_json(line, &text);
    return !text.full;
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
