#include "cmd/answer.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/wait.h"
#include "outcome/outcome.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, DESCRIPTION_MAX = 8192, WIDTH = 80, FOR_EVER = -1 };

/* Whether some of it can be written before nobody has read for stall_ms; a pipe that is ready takes
 * PIPE_BUF bytes. */
static bool ready(int fd, int64_t stall_ms)
{
    return stall_ms == FOR_EVER ||
           wait_fd(fd, WAIT_WRITE, deadline_in(stall_ms), NULL) == WAIT_READY;
}

static bool write_all(int fd, const char *data, size_t length, int64_t stall_ms)
{
    size_t done = 0;
    while (done < length) {
        if (!ready(fd, stall_ms)) {
            errno = ETIMEDOUT;
            return false;
        }
        size_t left = length - done;
        size_t piece = stall_ms == FOR_EVER || left < PIPE_BUF ? left : PIPE_BUF;
        ssize_t wrote = write(fd, data + done, piece);
        if (wrote <= 0) {
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

static int write_answer(const struct buf *text, int64_t stall_ms)
{
    if (write_all(STDOUT_FILENO, text->data, text->length, stall_ms) || errno == EPIPE) {
        return 0; /* a reader that has seen enough is no failure */
    }
    struct error err;
    error_set(&err, ERROR_INTERNAL, "could not write the answer to standard output: %s",
              errno == ETIMEDOUT ? "nobody read it" : strerror(errno));
    AUTO(buf) struct buf said = buf_make(DESCRIPTION_MAX);
    answer_describe(&err, WIDTH, &said);
    (void)write_all(STDERR_FILENO, said.data, said.length, stall_ms);
    return error_exit_code(err.kind);
}

int answer_text_within(const struct buf *text, int64_t stall_ms)
{
    return write_answer(text, isatty(STDOUT_FILENO) ? FOR_EVER : stall_ms);
}

int answer_text(const struct buf *text)
{
    return write_answer(text, FOR_EVER);
}

int answer_json_within(const json_t *document, int64_t stall_ms)
{
    AUTO(buf) struct buf text = buf_make(ANSWER_MAX);
    json_write(document, &text);
    buf_char(&text, '\n');
    return answer_text_within(&text, stall_ms);
}

int answer_json(const json_t *document)
{
    return answer_json_within(document, FOR_EVER);
}

/* Characters of UTF-8. */
static size_t columns(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return count;
}

void answer_wrap(const char *text, size_t width, const char *first, const char *rest,
                 struct buf *out)
{
    AUTO(buf) struct buf shown = buf_make(DESCRIPTION_MAX);
    text_escape(&shown, text, strlen(text));
    buf_text(out, first);
    size_t column = columns(first, strlen(first));
    bool fresh = true; /* nothing but the indent stands on this line */
    for (const char *at = shown.data; *at;) {
        size_t word = strcspn(at, " ");
        size_t wide = columns(at, word);
        if (!fresh && column + 1 + wide > width) {
            buf_format(out, "\n%s", rest);
            column = columns(rest, strlen(rest));
            fresh = true;
        }
        buf_text(out, fresh ? "" : " ");
        buf_add(out, at, word);
        column += wide + !fresh;
        fresh = false;
        at += word;
        at += strspn(at, " ");
    }
    buf_char(out, '\n');
}

void answer_describe(const struct error *error, size_t width, struct buf *out)
{
    AUTO(buf) struct buf line = buf_make(DESCRIPTION_MAX);
    buf_format(&line, "%s%s%s", error->where, *error->where ? ": " : "", error->message);
    answer_wrap(line.data, width, "postlude: ", "          ", out);
    if (*error->hint) {
        answer_wrap(error->hint, width, "    hint: ", "          ", out);
    }
}

json_t *answer_error_object(const struct error *error)
{
    if (error->kind == ERROR_NONE) {
        return json_null();
    }
    AUTO(outcome) struct outcome *outcome = outcome_new();
    outcome_fail(outcome, error);
    return outcome_error_json(outcome, OUTCOME_WHOLE);
}

void answer_log_end(const struct outcome *outcome)
{
    AUTO(buf) struct buf line = buf_make(2048);
    outcome_summary(outcome, &line);
    const struct log_field fields[] = {
        LOG_QUIET_TEXT("outcome", outcome_name(outcome)),
        LOG_QUIET_NUMBER("exit_code", outcome_exit_code(outcome)),
        LOG_QUIET_TEXT("error", outcome->error.message),
        LOG_QUIET_TEXT("where", outcome->error.where),
        LOG_QUIET_TEXT("code", outcome->error.code),
        LOG_QUIET_TEXT("hint", outcome->error.hint),
    };
    log_write(outcome->kind == OUTCOME_ERROR ? LOG_ERROR : LOG_INFO, line.data, fields,
              COUNT(fields));
}
