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

/* strftime's %Y does not fill a year before 1000 up to four digits. */
static size_t put_year(const struct tm *tm, char out_text[CLOCK_TEXT_SIZE])
{
    return (size_t)snprintf(out_text, CLOCK_TEXT_SIZE, "%04d", tm->tm_year + 1900);
}

void clock_format(int64_t wall_ms, char out_text[CLOCK_TEXT_SIZE])
{
    struct tm tm = broken_down(wall_ms);
    size_t used = put_year(&tm, out_text);
    used += strftime(out_text + used, CLOCK_TEXT_SIZE - used, "-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out_text + used, CLOCK_TEXT_SIZE - used, ".%03dZ",
                   (int)((wall_ms % 1000 + 1000) % 1000));
}

void clock_format_basic(int64_t wall_ms, char out_text[CLOCK_TEXT_SIZE])
{
    struct tm tm = broken_down(wall_ms);
    size_t used = put_year(&tm, out_text);
    (void)strftime(out_text + used, CLOCK_TEXT_SIZE - used, "%m%dT%H%M%SZ", &tm);
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

/* A letter in either case, as RFC 3339 allows. */
static bool letter(const char **cursor, char upper)
{
    return literal(cursor, upper) || literal(cursor, (char)(upper - 'A' + 'a'));
}

/* ".120" in milliseconds, or nothing; digits after the third are read and dropped. */
static bool fraction(const char **cursor, int *out_ms)
{
    *out_ms = 0;
    if (!literal(cursor, '.')) {
        return true;
    }
    const char *first = *cursor;
    for (int scale = 100; **cursor >= '0' && **cursor <= '9'; (*cursor)++, scale /= 10) {
        *out_ms += (**cursor - '0') * scale;
    }
    return *cursor > first;
}

static bool offset(const char **cursor, int64_t *out_ms)
{
    *out_ms = 0;
    if (letter(cursor, 'Z')) {
        return true;
    }
    int sign = **cursor == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!(literal(cursor, '+') || literal(cursor, '-')) || !digits(cursor, 2, &hours) ||
        !literal(cursor, ':') || !digits(cursor, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *out_ms = (int64_t)sign * (hours * 60 + minutes) * 60000;
    return true;
}

static bool date_and_time(const char **cursor, struct tm *tm)
{
    return digits(cursor, 4, &tm->tm_year) && literal(cursor, '-') &&
           digits(cursor, 2, &tm->tm_mon) && literal(cursor, '-') &&
           digits(cursor, 2, &tm->tm_mday) && letter(cursor, 'T') &&
           digits(cursor, 2, &tm->tm_hour) && literal(cursor, ':') &&
           digits(cursor, 2, &tm->tm_min) && literal(cursor, ':') && digits(cursor, 2, &tm->tm_sec);
}

/* A day that the month does not have is not carried over into the next one. */
static bool day_exists(const struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1) {
        return false;
    }
    bool leap = (tm->tm_year % 4 == 0 && tm->tm_year % 100 != 0) || tm->tm_year % 400 == 0;
    return tm->tm_mday <= days[tm->tm_mon - 1] + (leap && tm->tm_mon == 2);
}

bool clock_parse(const char *text, int64_t *out_wall_ms)
{
    struct tm tm = {0};
    const char *at = text;
    int ms = 0;
    int64_t ahead_ms = 0;
    if (!date_and_time(&at, &tm) || !fraction(&at, &ms) || !offset(&at, &ahead_ms) || *at) {
        return false;
    }
    /* 60 is a leap second, and the same moment as the next minute's first. */
    if (!day_exists(&tm) || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out_wall_ms = (int64_t)timegm(&tm) * 1000 + ms - ahead_ms;
    return true;
}
