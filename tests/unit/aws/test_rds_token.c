#include "aws/rds_token.h"

#include <string.h>

#include "aws/blocks.h"

/* 20310314T092653Z */
static const int64_t moment_ms = INT64_C(1931246813) * 1000;

static struct aws_credentials credentials_with(bool session)
{
    struct aws_credentials credentials = {.access_key_id = "AKIDPORTAGEEXAMPLE01"};
    secret_set(&credentials.secret_key, "k3yM4t3rial/Not+A/Real+Secret/0123456789");
    secret_set(&credentials.session_token,
               session ? "FwoGZXIvEXAMPLE//token+with/slash+plus==0123456789abcdef" : NULL);
    return credentials;
}

static void check_token(const struct block *block)
{
    int64_t port = 0;
    int64_t length = 0;
    struct error err = {0};
    AUTO(secret) struct secret token = {0};
    AUTO(aws_credentials)
    struct aws_credentials credentials =
        credentials_with(text_same(block_need(block, "session"), "yes"));
    assert_true(text_integer(block_need(block, "port"), 1, 65535, &port));
    assert_true(text_integer(block_need(block, "length"), 1, 10000, &length));
    const struct aws_rds_login login = {.host = block_need(block, "host"),
                                        .port = (int)port,
                                        .user = block_need(block, "user"),
                                        .region = block_need(block, "region")};
    assert_true(aws_rds_token(&login, &credentials, moment_ms, &token, &err));
    assert_string_equal(secret_reveal(&token), block_need(block, "token"));
    assert_int_equal(strlen(secret_reveal(&token)), length);
}

static void matches_every_vector(void **state)
{
    (void)state;
    blocks_each("rds_tokens.txt", check_token);
}

static void refuses_what_no_token_can_hold(void **state)
{
    (void)state;
    struct error err = {0};
    AUTO(secret) struct secret token = {0};
    AUTO(buf) struct buf user = buf_make(70000);
    AUTO(aws_credentials) struct aws_credentials credentials = credentials_with(true);
    for (size_t i = 0; i < 70000; i++) {
        buf_char(&user, 'x');
    }
    const struct aws_rds_login login = {
        .host = "db.example", .port = 5432, .user = user.data, .region = "eu-west-3"};
    assert_false(aws_rds_token(&login, &credentials, moment_ms, &token, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_false(secret_is_set(&token));
}

static void reads_the_region_of_an_endpoint(void **state)
{
    (void)state;
    static const struct {
        const char *host, *region;
    } rows[] = {
        {"p.proxy-c9abcdefgh12.eu-west-3.rds.amazonaws.com", "eu-west-3"},
        {"P.Proxy-C9.EU-West-3.RDS.amazonaws.com", "eu-west-3"},
        {"db.c9abcdefgh12.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"},
        {"db.c9abcdefgh12.rds.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"db.c9abcdefgh12.ap-southeast-10.rds.amazonaws.com", "ap-southeast-10"},
        {"db.example.com", NULL},
        {"rds.amazonaws.com", NULL},
        {"rds", NULL},
        {"db.rds.internal", NULL},
        {"db.x.rds.example.com", NULL},
        {"127.0.0.1", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char region[32] = "";
        assert_int_equal(aws_rds_region(rows[i].host, region, sizeof region),
                         rows[i].region != NULL);
        assert_string_equal(region, rows[i].region ? rows[i].region : "");
    }
    char small[4];
    assert_false(aws_rds_region(rows[0].host, small, sizeof small));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_no_token_can_hold),
        cmocka_unit_test(matches_every_vector),
        cmocka_unit_test(reads_the_region_of_an_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
