/*
 * What time it is: the wall clock for records and signatures, the steady clock for deadlines.
 * The only room that reads a clock.
 */
#ifndef POSTLUDE_BASE_CLOCK_H
#define POSTLUDE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { CLOCK_TEXT_SIZE = 32 };

/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);
/* Milliseconds of a clock that never jumps. */
int64_t clock_steady_ms(void);

/* Pure: RFC 3339 in UTC, "2031-03-14T09:26:53.120Z". */
void clock_format(int64_t wall_ms, char out_text[CLOCK_TEXT_SIZE]);
/* Pure: ISO 8601 basic as SigV4 wants it, "20310314T092653Z". */
void clock_format_basic(int64_t wall_ms, char out_text[CLOCK_TEXT_SIZE]);
/* Pure: reads RFC 3339 with Z or an offset, with or without a fraction. */
MUST_CHECK bool clock_parse(const char *text, int64_t *out_wall_ms);

#endif
