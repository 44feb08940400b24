#include "outcome/page.h"

#include <stdbool.h>
#include <string.h>

enum { VALUE_MAX = 64 * 1024, ROOM_LEAST = 20 };

static size_t characters(const char *s, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)s[i] & 0xC0) != 0x80;
    }
    return count;
}

static void blanks(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_char(out, ' ');
    }
}

/* One line of text, from column `at` on; words are kept with the blanks before them. */
static void wrap_line(struct buf *out, size_t width, size_t indent, size_t at, const char *text,
                      size_t length)
{
    bool first = true;
    size_t i = 0;
    while (i < length) {
        size_t gap = strspn(text + i, " ");
        size_t word = strcspn(text + i + gap, " \n");
        size_t wide = characters(text + i + gap, word);
        if (!first && at + gap + wide > width) {
            buf_char(out, '\n');
            blanks(out, indent);
            at = indent;
        } else {
            buf_add(out, text + i, gap);
            at += gap;
        }
        buf_add(out, text + i + gap, word);
        at += wide;
        i += gap + word;
        first = false;
    }
    buf_char(out, '\n');
}

void outcome_page_wrap(struct buf *out, size_t width, size_t indent, const char *lead,
                       const char *text)
{
    size_t least = indent + ROOM_LEAST;
    size_t at = characters(lead, strlen(lead));
    buf_text(out, lead);
    for (;;) {
        size_t length = strcspn(text, "\n");
        wrap_line(out, width > least ? width : least, indent, at, text, length);
        if (!text[length]) {
            return;
        }
        text += length + 1;
        blanks(out, indent);
        at = indent;
    }
}

struct buf *outcome_page_row(struct page_rows *rows, const char *label)
{
    size_t at = rows->count < PAGE_ROWS_MAX ? rows->count++ : PAGE_ROWS_MAX - 1;
    buf_free(&rows->items[at].value);
    rows->items[at].label = label;
    rows->items[at].value = buf_make(VALUE_MAX);
    return &rows->items[at].value;
}

static size_t widest_label(const struct page_rows *rows)
{
    size_t widest = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t wide = strlen(rows->items[i].label);
        widest = wide > widest ? wide : widest;
    }
    return widest;
}

void outcome_page_write_rows(const struct page_rows *rows, size_t width, struct buf *out)
{
    size_t column = widest_label(rows) + 3;
    bool apart = column > width / 2;
    for (size_t i = 0; i < rows->count; i++) {
        AUTO(buf) struct buf lead = buf_make(column + 4);
        buf_format(&lead, "%s:", rows->items[i].label);
        if (apart) {
            buf_format(out, "%s\n", lead.data);
            outcome_page_wrap(out, width, 4, "    ", rows->items[i].value.data);
        } else {
            blanks(&lead, column - lead.length);
            outcome_page_wrap(out, width, column, lead.data, rows->items[i].value.data);
        }
    }
}

void outcome_page_rows_free(struct page_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        buf_free(&rows->items[i].value);
    }
    rows->count = 0;
}
