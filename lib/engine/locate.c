/* The way back: from what the server says of a message to a place in a file. */
#include "base/text.h"
#include "engine/message.h"

static size_t byte_offset(const struct buf *text, int position)
{
    size_t at = 0;
    for (int i = 1; i < position && at < text->length; i++) {
        size_t size = text_sequence(text->data + at, text->length - at);
        at += size ? size : 1;
    }
    return at;
}

/* The last part that begins at or before this offset of the message. */
static size_t part_at(const struct message *message, size_t at)
{
    size_t low = 0;
    size_t high = message->part_count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (message->parts[middle].at <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct message_spot in_part(const struct message *message, const struct message_batch *batch,
                                   size_t index, size_t at)
{
    const struct message_part *found = &message->parts[index];
    struct message_spot spot = {.place = found->place, .item = found->item};
    if (found->place == MESSAGE_STATEMENT) {
        const struct sql_statement *statement =
            &batch->items[found->item].script->statements[found->statement];
        size_t within = at > found->at ? at - found->at : 0;
        spot.statement = found->statement;
        /* A syntax error "at end of input" points behind the statement. */
        spot.offset = statement->offset + (within < statement->length ? within : statement->length);
    }
    return spot;
}

struct message_spot message_locate(const struct message *message, const struct message_batch *batch,
                                   size_t done, int position)
{
    if (position > 0) {
        size_t at = byte_offset(&message->text, position);
        size_t found = part_at(message, at);
        if (message->parts[found].place == MESSAGE_STATEMENT) {
            return in_part(message, batch, found, at);
        }
    }
    size_t index = done < message->part_count ? done : message->part_count - 1;
    return in_part(message, batch, index, 0);
}

size_t message_committed(const struct message *message, size_t done)
{
    size_t count = 0;
    for (size_t i = 0; i < done && i < message->part_count; i++) {
        if (message->parts[i].place == MESSAGE_COMMIT) {
            count = message->parts[i].item + 1;
        }
    }
    return count;
}
