#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void secret_set(struct secret *secret, const char *text)
{
    char *copy = memory_text(text);
    secret_clear(secret);
    secret->text = copy;
}

void secret_clear(struct secret *secret)
{
    if (secret->text) {
        explicit_bzero(secret->text, strlen(secret->text));
    }
    free(secret->text);
    secret->text = NULL;
}

bool secret_is_set(const struct secret *secret)
{
    return secret->text && *secret->text;
}

const char *secret_reveal(const struct secret *secret)
{
    return secret->text ? secret->text : "";
}
