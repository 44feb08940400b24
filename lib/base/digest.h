/* SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), by libcrypto. Pure. */
#ifndef POSTLUDE_BASE_DIGEST_H
#define POSTLUDE_BASE_DIGEST_H

#include <stddef.h>

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65 };

struct digest;

void digest_sha256(const void *data, size_t length, unsigned char out_digest[DIGEST_SIZE]);
void digest_hmac(const void *key, size_t key_length, const void *data, size_t length,
                 unsigned char out_digest[DIGEST_SIZE]);

/* SHA-256 of what comes in pieces. digest_end gives the digest and frees the value. */
struct digest *digest_begin(void) __attribute__((returns_nonnull));
void digest_add(struct digest *digest, const void *data, size_t length);
void digest_end(struct digest *digest, unsigned char out_digest[DIGEST_SIZE]);

/* Lower-case hex, NUL-terminated. */
void digest_hex(const unsigned char digest[DIGEST_SIZE], char out_hex[DIGEST_HEX_SIZE]);
void digest_sha256_hex(const void *data, size_t length, char out_hex[DIGEST_HEX_SIZE]);

#endif
