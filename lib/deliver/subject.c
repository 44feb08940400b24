#include <string.h>

#include "base/text.h"
#include "deliver/message.h"

/* A prefix longer than this would push the outcome itself out of the subject. */
enum { SUMMARY_MAX = 8192, PREFIX_MAX = 50 };

static bool is_alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* SNS refuses the whole message for a subject that it does not like: blanks of any kind become one
 * space, what is not printable ASCII goes, and so does what stands before the first letter or
 * digit.
 */
static void add_plain(struct buf *out, const char *text)
{
    for (; *text; text++) {
        char c = *text;
        bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        bool printable = c > ' ' && c < 0x7F;
        bool after_blank = out->length > 0 && out->data[out->length - 1] == ' ';
        if (out->length == 0 ? is_alphanumeric(c) : printable) {
            buf_char(out, c);
        } else if (blank && out->length > 0 && !after_blank) {
            buf_char(out, ' ');
        }
    }
}

static void trim(struct buf *out)
{
    while (out->length > 0 && strchr(" :,", out->data[out->length - 1])) {
        buf_truncate(out, out->length - 1);
    }
}

/* The summary without the plan's name, which the prefix replaces. */
static const char *without_plan(const struct outcome *outcome, const char *summary)
{
    size_t length = outcome->plan ? strlen(outcome->plan) : 0;
    bool named = length > 0 && strncmp(summary, outcome->plan, length) == 0 &&
                 strncmp(summary + length, ": ", 2) == 0;
    return named ? summary + length + 2 : summary;
}

void deliver_subject(const struct outcome *outcome, const char *prefix,
                     char out_subject[AWS_SNS_SUBJECT_MAX + 1])
{
    AUTO(buf) struct buf summary = buf_make(SUMMARY_MAX);
    AUTO(buf) struct buf line = buf_make((size_t)2 * SUMMARY_MAX);
    outcome_summary(outcome, &summary);
    add_plain(&line, prefix ? prefix : "");
    buf_truncate(&line, PREFIX_MAX);
    trim(&line);
    if (line.length > 0) {
        buf_text(&line, ": ");
        add_plain(&line, without_plan(outcome, summary.data));
    } else {
        add_plain(&line, summary.data);
    }
    trim(&line);
    if (line.length == 0) {
        buf_format(&line, "postlude: %s", outcome_name(outcome));
    }
    AUTO(buf) struct buf whole = buf_make((size_t)2 * SUMMARY_MAX);
    buf_text(&whole, outcome->late ? "late: " : "");
    buf_text(&whole, line.data);
    text_copy(out_subject, AWS_SNS_SUBJECT_MAX + 1, whole.data);
}
