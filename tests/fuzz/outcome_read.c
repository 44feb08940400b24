/*
 * Reports as the ledger hands them out: of any release, or changed by hand. What can be read is
 * rendered in every way, and what was rendered reads the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "outcome/outcome.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(bool so)
{
    if (!so) {
        abort();
    }
}

static void check_plain(const struct buf *text)
{
    for (size_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->data[i];
        check(c == '\n' || (c >= 0x20 && c != 0x7F));
    }
    check(text_bad_utf8(text->data, text->length) == text->length);
}

static void render(const struct outcome *outcome)
{
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    outcome_summary(outcome, &text);
    outcome_text(outcome, OUTCOME_WHOLE, 80, &text);
    check_plain(&text);
    AUTO(json) json_t *chat = outcome_chat(outcome, NULL, OUTCOME_GUARDED);
    AUTO(buf) struct buf message = buf_make(TEXT_MAX);
    json_write(chat, &message);
    check(message.length < 32768);
    check_plain(&message);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    AUTO(json) json_t *report = NULL;
    AUTO(outcome) struct outcome *outcome = NULL;
    AUTO(outcome) struct outcome *again = NULL;
    struct error err;
    if (size > 65536 || !json_read((const char *)data, size, &report, &err) ||
        !outcome_read(report, &outcome, &err)) {
        return 0;
    }
    render(outcome);
    AUTO(json) json_t *first = outcome_json(outcome, OUTCOME_WHOLE);
    check(outcome_read(first, &again, &err));
    AUTO(json) json_t *second = outcome_json(again, OUTCOME_WHOLE);
    check(json_equal(first, second));
    return 0;
}
