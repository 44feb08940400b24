#include "base/text.h"
#include "pg/internal.h"
#include "sql/cases.h"

/* The text libpq gives -> kind, code, message, hint. */
static void render(const char *title, const char *text, size_t length, struct buf *out)
{
    (void)title;
    (void)length;
    const struct pg_address address = {
        .host = "orders.proxy-abc.invalid", .port = 5432, .database = "orders", .user = "migrator"};
    struct error err = {0};
    assert_false(pg_login_error(&address, text, &err));
    assert_string_equal(err.where, "orders.proxy-abc.invalid:5432");
    assert_true(err.kind == ERROR_DENIED || err.kind == ERROR_UNREACHABLE);
    for (const char *c = err.message; *c; c++) {
        assert_true((unsigned char)*c >= ' ');
    }
    buf_format(out, "%s%s%s\n%s\n%s", err.kind == ERROR_DENIED ? "denied" : "unreachable",
               *err.code ? " " : "", err.code, err.message, err.hint);
}

static void tells_why_as_the_data_files_say(void **state)
{
    (void)state;
    cases_run("login", render);
}

static void shows_hostile_names(void **state)
{
    (void)state;
    const struct pg_address address = {
        .host = "h%u\x1b", .port = 1, .database = "%d\n%s", .user = "%t%n\xff"};
    struct error err = {0};
    assert_false(pg_login_error(
        &address, "connection to server at \"x\", port 1 failed: FATAL:  28P01: no", &err));
    assert_string_equal(err.message, "password authentication failed for user \"%t%n\\xff\"");
    assert_string_equal(err.code, "28P01");
    assert_false(pg_login_error(&address, "FATAL:  3D000: no %s%n", &err));
    assert_string_equal(err.message, "the database \"%d\\n%s\" does not exist");
    assert_false(pg_login_error(&address, "%s%n%n", &err));
    assert_string_equal(err.message, "could not connect: %s%n%n");
}

static void takes_the_first_line(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", ""},
        {"\n", ""},
        {"one\ntwo", "one"},
        {"one failed: two", "one failed: two"},
        {"connection to server at \"h\", port 1 failed: two\nthree", "two"},
        {"connection to server at \"h\"\nport 1 failed: two", "connection to server at \"h\""},
        {"connection to server failed: ", ""},
        {"\x1b[31m", "\\x1b[31m"},
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        AUTO(buf) struct buf line = buf_make(256);
        pg_one_line(&line, texts[i][0]);
        assert_string_equal(line.data, texts[i][1]);
    }
}

static void says_whether_user_and_password_were_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool refused;
    } rows[] = {
        {"FATAL:  28P01: password authentication failed for user \"migrator\"", true},
        {"FATAL:  28000: PAM authentication failed for user \"migrator\"", true},
        {"FATAL:  28000: role \"migrator\" does not exist", true},
        {"FATAL:  08P01: password authentication failed", true},
        {"FATAL:  password authentication failed", true},
        {"FATAL:  The password that was provided for the role migrator is wrong.", true},
        {"FATAL:  IAM authentication failed for user migrator. Check the IAM token", true},
        {"FATAL:  The IAM authentication failed for the role migrator. Check", true},
        {"fe_sendauth: no password supplied", true},
        {"FATAL:  The IAM authentication failed because of too many competing requests.", false},
        {"FATAL:  This RDS proxy has no credentials for the role migrator.", false},
        {"FATAL:  3D000: database \"orders\" does not exist", false},
        {"FATAL:  42501: permission denied for database \"orders\"", false},
        {"could not connect: Connection refused", false},
        {"SSL error: certificate verify failed", false},
        {"FATAL:  53300: sorry, too many clients already", false},
    };
    const struct pg_address address = {
        .host = "h", .port = 1, .database = "orders", .user = "migrator"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error err = {0};
        print_message("%s\n", rows[i].text);
        assert_false(pg_login_error(&address, rows[i].text, &err));
        assert_int_equal(pg_refused(&err), rows[i].refused);
    }
    const struct error none = {0};
    assert_false(pg_refused(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_why_as_the_data_files_say),
        cmocka_unit_test(shows_hostile_names),
        cmocka_unit_test(says_whether_user_and_password_were_refused),
        cmocka_unit_test(takes_the_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
