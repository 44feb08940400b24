#include <unistd.h>

#include "base/secret.h"
#include "pg/internal.h"

#include "check.h"
#include "fake_libpq.h"

/* The parts of the notice before, ended by a bar each. */
static void note(void *context, const struct pg_notice *notice)
{
    buf_format(context, "%s|%s|%s|", notice->severity, notice->sqlstate, notice->message);
}

static void tells_notices(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fake.socket = ends[1];
    const struct secret none = {0};
    const struct pg_address address = {.host = "db", .port = 5432, .password = &none};
    AUTO(pg) struct pg *pg = NULL;
    struct error err;
    assert_true(pg_open(&address, deadline_in(5000), &pg, &err));
    assert_string_equal(pg->where, "db:5432");
    const struct pg_result notice = {
        .severity = "WARNING", .sqlstate = "01000", .message = "look out"};
    const struct pg_result nothing = {.message = NULL};
    fake.receiver(fake.receiver_context, &notice);
    AUTO(buf) struct buf seen = buf_make(1000);
    pg_on_notice(pg, note, &seen);
    fake.receiver(fake.receiver_context, &notice);
    assert_string_equal(seen.data, "WARNING|01000|look out|");
    fake.receiver(fake.receiver_context, &nothing);
    assert_string_equal(seen.data, "WARNING|01000|look out||||");
    pg_on_notice(pg, NULL, NULL);
    fake.receiver(fake.receiver_context, &notice);
    assert_string_equal(seen.data, "WARNING|01000|look out||||");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
