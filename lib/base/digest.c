#include "base/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/memory.h"

void digest_sha256(const void *data, size_t length, unsigned char out_digest[DIGEST_SIZE])
{
    /* libcrypto fails here only when it cannot allocate. */
    if (!EVP_Digest(data, length, out_digest, NULL, EVP_sha256(), NULL)) {
        memory_die();
    }
}

void digest_hmac(const void *key, size_t key_length, const void *data, size_t length,
                 unsigned char out_digest[DIGEST_SIZE])
{
    /* It takes a NULL key for "the one of before". */
    if (key_length > INT_MAX ||
        !HMAC(EVP_sha256(), key ? key : "", (int)key_length, data, length, out_digest, NULL)) {
        memory_die();
    }
}

void digest_hex(const unsigned char digest[DIGEST_SIZE], char out_hex[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out_hex[2 * i] = digits[digest[i] >> 4];
        out_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    out_hex[DIGEST_HEX_SIZE - 1] = '\0';
}

void digest_sha256_hex(const void *data, size_t length, char out_hex[DIGEST_HEX_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    digest_sha256(data, length, digest);
    digest_hex(digest, out_hex);
}
