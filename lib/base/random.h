/* Randomness from the kernel, for ids and for jitter. */
#ifndef POSTLUDE_BASE_RANDOM_H
#define POSTLUDE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills size bytes, at most 256. A kernel that has none to give ends the process. */
void random_fill(void *bytes, size_t size);

/* A number from 0 to most, evenly; most >= 0 and below 2^31. */
int64_t random_up_to(int64_t most);

#endif
