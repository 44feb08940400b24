/*
 * The log, on stderr: text for a terminal, one JSON object a line otherwise.
 *
 * A JSON line has time, level, msg, run_id and the fields given, and is at most 12 KiB, because
 * log drivers split longer ones. Control characters are shown escaped. Rooms below the engine do
 * not log: they return errors. The one exception is lib/aws, which says whose credentials are used
 * and that a call is tried again: neither is an answer or an error.
 *
 * A reader who stalls costs 5 s in all, and then 1 part in 20 of the time: lines that cannot be
 * written are dropped, and counted in a line of their own once the reader is back.
 */
#ifndef POSTLUDE_BASE_LOG_H
#define POSTLUDE_BASE_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
};

enum { LOG_LINE_MAX = 12 * 1024 };

struct log_field {
    const char *key;
    const char *text; /* NULL: it is a number */
    int64_t number;
    bool quiet; /* for machines only: text leaves it out, the message says it already; and empty,
                   JSON does too */
};

static inline struct log_field log_text_(const char *key, const char *text, bool quiet)
{
    return (struct log_field){.key = key, .text = text ? text : "", .quiet = quiet};
}
#define LOG_TEXT(name, value) log_text_((name), (value), false) /* NULL is "" */
#define LOG_NUMBER(name, value) ((struct log_field){.key = (name), .number = (value)})
#define LOG_QUIET_TEXT(name, value) log_text_((name), (value), true)
#define LOG_QUIET_NUMBER(name, value)                                                              \
    ((struct log_field){.key = (name), .number = (value), .quiet = true})

/* How and where to; call once, before the first line. fd is usually 2. colour: text may use it. */
void log_setup(int fd, bool json, bool colour, enum log_level least);
/* The run id that JSON lines carry from now on. */
void log_run_id(const char *run_id);

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);
#define LOG_FIELDS_(...) ((struct log_field[]){{0}, ##__VA_ARGS__})
#define LOG_AT_(level, message, ...)                                                               \
    log_write((level), (message), LOG_FIELDS_(__VA_ARGS__) + 1, COUNT(LOG_FIELDS_(__VA_ARGS__)) - 1)
/* log_info("applied", LOG_TEXT("migration", id), LOG_NUMBER("duration_ms", ms)); */
#define log_debug(message, ...) LOG_AT_(LOG_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...) LOG_AT_(LOG_INFO, message, ##__VA_ARGS__)
#define log_warn(message, ...) LOG_AT_(LOG_WARN, message, ##__VA_ARGS__)
#define log_error(message, ...) LOG_AT_(LOG_ERROR, message, ##__VA_ARGS__)

/* A line for machines that takes more than fields can say: members (an object, borrowed) stand as
 * they are behind those that every line has. Written whatever the least level is, since what reads
 * it must not depend on how talkative the log was asked to be; not at all in text. False: longer
 * than a line may be, and not written. */
MUST_CHECK bool log_object(enum log_level level, const char *message, json_t *members);

/* "what: message" (what NULL: the message alone), and the error's hint: on a line of its own in
 * text, as a field in JSON. */
void log_trouble(enum log_level level, const char *what, const struct error *error);

/* "debug", "info", "warn", "error"; false for anything else. */
MUST_CHECK bool log_level_named(const char *name, enum log_level *out_level);

#endif
