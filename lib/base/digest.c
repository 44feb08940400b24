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

struct digest {
    EVP_MD_CTX *context;
};

struct digest *digest_begin(void)
{
    struct digest *digest = memory_new(1, sizeof *digest);
    digest->context = EVP_MD_CTX_new();
    if (!digest->context || !EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL)) {
        memory_die();
    }
    return digest;
}

void digest_add(struct digest *digest, const void *data, size_t length)
{
    if (!EVP_DigestUpdate(digest->context, data, length)) {
        memory_die();
    }
}

void digest_end(struct digest *digest, unsigned char out_digest[DIGEST_SIZE])
{
    if (!EVP_DigestFinal_ex(digest->context, out_digest, NULL)) {
        memory_die();
    }
    EVP_MD_CTX_free(digest->context);
    free(digest);
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
