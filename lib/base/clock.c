#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_steady_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static struct tm broken_down(int64_t wall_ms)
{
    time_t seconds = (time_t)((wall_ms - (wall_ms % 1000 + 1000) % 1000) / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    return tm;
}

void clock_format(int64_t wall_ms, char out_text[CLOCK_TEXT_SIZE])
{
    struct tm tm = broken_down(wall_ms);
    size_t used = strftime(out_text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out_text + used, CLOCK_TEXT_SIZE - used, ".%03dZ",
                   (int)((wall_ms % 1000 + 1000) % 1000));
}

void clock_format_basic(int64_t wall_ms, char out_text[CLOCK_TEXT_SIZE])
{
    struct tm tm = broken_down(wall_ms);
    (void)strftime(out_text, CLOCK_TEXT_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

/* Exactly `count` digits; moves the cursor on. */
static bool digits(const char **cursor, int count, int *out_value)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = (*cursor)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *cursor += count;
    *out_value = value;
    return true;
}

static bool literal(const char **cursor, char wanted)
{
    if (**cursor != wanted) {
        return false;
    }
    (*cursor)++;
    return true;
}

/* ".120" in milliseconds; further digits are read and dropped. */
static int fraction_ms(const char **cursor)
{
    int ms = 0;
    int scale = 100;
    if (!literal(cursor, '.')) {
        return 0;
    }
    for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++) {
        ms += (**cursor - '0') * scale;
        scale /= 10;
    }
    return ms;
}

static bool offset_ms(const char **cursor, int64_t *out_ms)
{
    *out_ms = 0;
    if (literal(cursor, 'Z')) {
        return true;
    }
    int sign = **cursor == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!(literal(cursor, '+') || literal(cursor, '-')) || !digits(cursor, 2, &hours) ||
        !literal(cursor, ':') || !digits(cursor, 2, &minutes)) {
        return false;
    }
    *out_ms = (int64_t)sign * (hours * 60 + minutes) * 60000;
    return true;
}

bool clock_parse(const char *text, int64_t *out_wall_ms)
{
    struct tm tm = {0};
    const char *at = text;
    int64_t offset = 0;
    bool date = digits(&at, 4, &tm.tm_year) && literal(&at, '-') && digits(&at, 2, &tm.tm_mon) &&
                literal(&at, '-') && digits(&at, 2, &tm.tm_mday) && literal(&at, 'T');
    bool time = date && digits(&at, 2, &tm.tm_hour) && literal(&at, ':') &&
                digits(&at, 2, &tm.tm_min) && literal(&at, ':') && digits(&at, 2, &tm.tm_sec);
    if (!time || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) {
        return false;
    }
    int ms = fraction_ms(&at);
    if (!offset_ms(&at, &offset) || *at) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out_wall_ms = (int64_t)timegm(&tm) * 1000 + ms - offset;
    return true;
}
