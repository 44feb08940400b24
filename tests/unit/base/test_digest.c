#include "base/digest.h"

#include <string.h>

#include "base/attr.h"
#include "check.h"

static void sha256_of_fips_180(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_SIZE];
    digest_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static char many[1000000];
    memset(many, 'a', sizeof many);
    digest_sha256_hex(many, sizeof many, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* RFC 4231, cases 1, 2, 3 and 6. */
static void hmac_of_rfc_4231(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t key_length;
        const char *data;
        const char *hex;
        int key_byte;
        int data_byte;
    } cases[] = {
        {NULL, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
         0x0b, 0},
        {"Jefe", 4, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", 0, 0},
        {NULL, 20, NULL, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", 0xaa,
         0xdd},
        {NULL, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", 0xaa, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char key[131];
        memset(key, cases[i].key_byte, sizeof key);
        char data[50];
        memset(data, cases[i].data_byte, sizeof data);
        unsigned char digest[DIGEST_SIZE];
        digest_hmac(cases[i].key ? cases[i].key : key, cases[i].key_length,
                    cases[i].data ? cases[i].data : data,
                    cases[i].data ? strlen(cases[i].data) : sizeof data, digest);
        char hex[DIGEST_HEX_SIZE];
        digest_hex(digest, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void hmac_of_nothing(void **state)
{
    (void)state;
    unsigned char digest[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    digest_hmac("", 0, "", 0, digest);
    digest_hex(digest, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    digest_hmac(NULL, 0, NULL, 0, digest);
    digest_hex(digest, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void pieces_make_the_same_digest(void **state)
{
    (void)state;
    static const char text[] = "what comes in pieces";
    unsigned char whole[DIGEST_SIZE];
    digest_sha256(text, sizeof text - 1, whole);
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct digest *digest = digest_begin();
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t left = sizeof text - 1 - at;
            digest_add(digest, text + at, left < piece ? left : piece);
            digest_add(digest, NULL, 0);
        }
        unsigned char pieced[DIGEST_SIZE];
        digest_end(digest, pieced);
        assert_memory_equal(pieced, whole, DIGEST_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_fips_180),
        cmocka_unit_test(pieces_make_the_same_digest),
        cmocka_unit_test(hmac_of_rfc_4231),
        cmocka_unit_test(hmac_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
