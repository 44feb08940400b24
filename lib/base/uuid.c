#include "base/uuid.h"

#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"

void uuid_make(char out_text[UUID_TEXT_SIZE])
{
    unsigned char b[16];
    random_fill(b, sizeof b);
    uint64_t now = (uint64_t)clock_wall_ms();
    for (int i = 0; i < 6; i++) {
        b[i] = (unsigned char)(now >> (40 - 8 * i));
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x70);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    (void)snprintf(out_text, UUID_TEXT_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}
