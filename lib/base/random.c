#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/memory.h"

void random_fill(void *bytes, size_t size)
{
    while (getrandom(bytes, size, 0) != (ssize_t)size) {
        if (errno != EINTR) {
            memory_die(); /* the kernel has no randomness to give: nothing can be done */
        }
    }
}

int64_t random_up_to(int64_t most)
{
    uint32_t random = 0;
    random_fill(&random, sizeof random);
    return most * random / UINT32_MAX;
}
