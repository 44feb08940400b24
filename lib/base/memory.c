#include "base/memory.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"

void memory_die(void)
{
    static const char said[] = "postlude: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, said, sizeof said - 1);
    (void)ignored;
    _exit(error_exit_code(ERROR_INTERNAL));
}

void *memory_new(size_t count, size_t size)
{
    void *fresh = calloc(count ? count : 1, size ? size : 1);
    if (!fresh) {
        memory_die();
    }
    return fresh;
}

void *memory_grow(void *old, size_t count, size_t size)
{
    void *grown = reallocarray(old, count ? count : 1, size ? size : 1);
    if (!grown) {
        memory_die();
    }
    return grown;
}

void *memory_push(void *array, size_t count, size_t *capacity, size_t size)
{
    if (array && count < *capacity) {
        return array;
    }
    *capacity = *capacity ? *capacity * 2 : 8;
    return memory_grow(array, *capacity, size);
}

char *memory_text(const char *text)
{
    return text ? memory_text_n(text, strlen(text)) : NULL;
}

char *memory_text_n(const char *text, size_t length)
{
    char *copy = memory_new(length + 1, 1);
    if (length) {
        memcpy(copy, text, length);
    }
    return copy;
}
