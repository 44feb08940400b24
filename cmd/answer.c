#include "cmd/answer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "outcome/outcome.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, DESCRIPTION_MAX = 8192, WIDTH = 80 };

static bool write_all(int fd, const char *data, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t wrote = write(fd, data + done, length - done);
        if (wrote <= 0) {
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

int answer_text(const struct buf *text)
{
    if (write_all(STDOUT_FILENO, text->data, text->length) || errno == EPIPE) {
        return 0; /* a reader that has seen enough is no failure */
    }
    struct error err;
    error_set(&err, ERROR_INTERNAL, "could not write the answer to standard output: %s",
              strerror(errno));
    AUTO(buf) struct buf said = buf_make(DESCRIPTION_MAX);
    answer_describe(&err, WIDTH, &said);
    (void)write_all(STDERR_FILENO, said.data, said.length);
    return error_exit_code(err.kind);
}

int answer_json(const json_t *document)
{
    AUTO(buf) struct buf text = buf_make(ANSWER_MAX);
    json_write(document, &text);
    buf_char(&text, '\n');
    return answer_text(&text);
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
    json_t *object = json_object();
    if (!object) {
        memory_die();
    }
    (void)json_object_set_new(object, "kind", json_string(error_name(error->kind)));
    (void)json_object_set_new(object, "code", json_optional(error->code));
    (void)json_object_set_new(object, "where", json_optional(error->where));
    (void)json_object_set_new(object, "message", json_safe(error->message));
    (void)json_object_set_new(object, "hint", json_optional(error->hint));
    return object;
}

static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

int answer_error(int argc, char **argv, const struct error *error)
{
    AUTO(buf) struct buf text = buf_make(DESCRIPTION_MAX * 2);
    answer_describe(error, WIDTH, &text);
    (void)write_all(STDERR_FILENO, text.data, text.length);
    if (wants_json(argc, argv)) {
        /* The same document as of any other run, for whoever parses it. */
        AUTO(outcome) struct outcome *outcome = outcome_new();
        uuid_make(outcome->run_id);
        outcome->started_ms = clock_wall_ms();
        outcome->finished_ms = outcome->started_ms;
        outcome_fail(outcome, error);
        AUTO(json) json_t *report = outcome_json(outcome, OUTCOME_WHOLE);
        (void)answer_json(report);
    }
    return error_exit_code(error->kind);
}
