#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "pg/internal.h"

#include "check.h"
#include "fake_libpq.h"

enum { LONG_MS = 60000 };

/* Pipes: one that can always be read, one that never can. */
static int readable[2];
static int quiet[2];

static int set_up(void **state)
{
    (void)state;
    return pipe(readable) || pipe(quiet) || write(readable[1], "!", 1) != 1;
}

/* A connection whose server plays these steps; the steps end with FAKE_END by themselves. */
static struct pg play(const struct pg_result *steps, size_t count)
{
    buf_free(&fake.sent);
    buf_free(&fake.copied);
    memset(&fake, 0, sizeof fake);
    *fake_cancels() = 0;
    fake.sent = buf_make(1024 * 1024);
    fake.copied = buf_make(1024 * 1024);
    fake.socket = quiet[0];
    for (size_t i = 0; i < count; i++) {
        fake.steps[i] = steps[i];
    }
    fake.steps[count].status = FAKE_END;
    return (struct pg){.where = "db:5432"};
}
#define PLAY(...)                                                                                  \
    play((const struct pg_result[]){__VA_ARGS__},                                                  \
         sizeof((const struct pg_result[]){__VA_ARGS__}) / sizeof(struct pg_result))

#define OK                                                                                         \
    {                                                                                              \
        .status = PGRES_COMMAND_OK                                                                 \
    }
#define ROW(text)                                                                                  \
    {                                                                                              \
        .status = PGRES_TUPLES_OK, .message = (text)                                               \
    }
#define FAILED(state_, text)                                                                       \
    {                                                                                              \
        .status = PGRES_FATAL_ERROR, .sqlstate = (state_), .message = (text), .position = "17",    \
        .detail = "more"                                                                           \
    }

static bool send_sql(struct pg *pg, int64_t ms, struct pg_reply *reply, struct error *err)
{
    const struct pg_message message = {.sql = "select 1"};
    *reply = (struct pg_reply){0};
    return pg_send(pg, &message, deadline_in(ms), reply, err);
}

static void counts_what_was_done(void **state)
{
    (void)state;
    struct pg pg =
        PLAY(OK, ROW("x"), {.status = PGRES_SINGLE_TUPLE}, {.status = PGRES_SINGLE_TUPLE},
             ROW(NULL), {.status = PGRES_EMPTY_QUERY}, OK);
    struct pg_reply reply;
    struct error err;
    fake.blocked = 0;
    assert_true(send_sql(&pg, LONG_MS, &reply, &err));
    assert_string_equal(fake.sent.data, "select 1");
    assert_int_equal(reply.done, 4);
    assert_true(fake.single_rows);
    assert_int_equal(reply.row_sets, 0);
    assert_int_equal(fake.cleared, 7);
    assert_true(pg_alive(&pg));
}

static void keeps_rows_when_asked(void **state)
{
    (void)state;
    struct pg pg = PLAY(OK, ROW("x"), ROW(NULL));
    struct error err;
    AUTO(pg_reply) struct pg_reply reply = {0};
    assert_true(pg_query(&pg, "q", deadline_in(LONG_MS), &reply, &err));
    assert_false(fake.single_rows);
    assert_int_equal(reply.row_sets, 3);
    assert_int_equal(pg_row_count(&reply, 0), 0);
    assert_int_equal(pg_row_count(&reply, 1), 1);
    assert_int_equal(pg_row_count(&reply, 3), 0);
    assert_string_equal(pg_value(&reply, 1, 0, 0), "x");
    assert_null(pg_value(&reply, 2, 0, 0));
    assert_null(pg_value(&reply, 1, 1, 0));
    assert_null(pg_value(&reply, 1, 0, 1));
    assert_null(pg_value(&reply, 9, 0, 0));
    pg_reply_free(&reply);
    assert_int_equal(fake.cleared, 3);
}

static void stops_at_an_error(void **state)
{
    (void)state;
    struct pg pg = PLAY(OK, OK, FAILED("42703", "no such column"));
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(&pg, LONG_MS, &reply, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_string_equal(err.code, "42703");
    assert_string_equal(err.message, "no such column");
    assert_int_equal(reply.done, 2);
    assert_int_equal(reply.failure.position, 17);
    assert_string_equal(reply.failure.detail, "more");
    assert_true(pg_alive(&pg));
}

static void an_error_without_a_text_is_one(void **state)
{
    (void)state;
    struct pg pg = PLAY(FAILED("P0001", ""));
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(&pg, LONG_MS, &reply, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_string_equal(err.message, "(no message)");
}

static void feeds_copies_in_order(void **state)
{
    (void)state;
    struct pg pg = PLAY(OK, {.status = PGRES_COPY_IN}, OK, {.status = PGRES_COPY_IN}, OK,
                        {.status = PGRES_COPY_IN}, FAILED("57014", "COPY from stdin failed"));
    const struct pg_copy copies[] = {{"1\n2\n", 4}, {"", 0}};
    const struct pg_message message = {.sql = "s", .copies = copies, .copy_count = 2};
    struct pg_reply reply = {0};
    struct error err;
    assert_false(pg_send(&pg, &message, deadline_in(LONG_MS), &reply, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_string_equal(fake.copied.data, "1\n2\n<><><no data for this COPY in the file>");
    assert_int_equal(reply.done, 3);
}

static void feeds_a_large_copy_whole(void **state)
{
    (void)state;
    struct pg pg = PLAY({.status = PGRES_COPY_IN}, OK);
    static char data[200000];
    memset(data, 'x', sizeof data);
    const struct pg_copy copy = {data, sizeof data};
    const struct pg_message message = {.sql = "s", .copies = &copy, .copy_count = 1};
    struct pg_reply reply = {0};
    struct error err;
    fake.socket = readable[0];
    fake.blocked = 3;
    assert_true(pg_send(&pg, &message, deadline_in(LONG_MS), &reply, &err));
    assert_int_equal(fake.copied.length, sizeof data + 2);
    assert_int_equal(reply.done, 1);
}

static void drains_a_copy_nobody_reads(void **state)
{
    (void)state;
    struct pg pg = PLAY({.status = PGRES_COPY_OUT, .lines = 1000}, OK, OK);
    struct pg_reply reply;
    struct error err;
    assert_true(send_sql(&pg, LONG_MS, &reply, &err));
    assert_int_equal(reply.done, 2);
}

static void cancels_at_the_deadline(void **state)
{
    (void)state;
    struct pg pg = PLAY(OK, {.status = PGRES_FATAL_ERROR,
                             .sqlstate = "57014",
                             .message = "canceling statement due to user request",
                             .silent = true});
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(&pg, 10, &reply, &err));
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_string_equal(err.message, "the time allowed for this run is over");
    assert_int_equal(*fake_cancels(), 1);
    assert_int_equal(reply.done, 1);
    assert_true(pg_alive(&pg));
}

static void cancels_when_told_to_stop(void **state)
{
    (void)state;
    struct pg pg = PLAY(
        {.status = PGRES_FATAL_ERROR, .sqlstate = "57014", .message = "canceling", .silent = true});
    const struct stop stop = {.fd = readable[0]};
    struct pg_reply reply;
    struct error err;
    pg_watch(&pg, &stop);
    assert_false(send_sql(&pg, LONG_MS, &reply, &err));
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_string_equal(err.message, "told to stop");
    assert_int_equal(*fake_cancels(), 1);
}

/* It may have been at its COMMIT when it was told. */
static void what_was_done_before_the_cancel_is_done(void **state)
{
    (void)state;
    struct pg pg = PLAY({.status = PGRES_COMMAND_OK, .silent = true});
    struct pg_reply reply;
    struct error err;
    assert_true(send_sql(&pg, 10, &reply, &err));
    assert_int_equal(*fake_cancels(), 1);
    assert_int_equal(reply.done, 1);
}

static void another_error_while_cancelling_is_told(void **state)
{
    (void)state;
    struct pg pg = PLAY(
        {.status = PGRES_FATAL_ERROR, .sqlstate = "23505", .message = "duplicate", .silent = true});
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(&pg, 10, &reply, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
}

/* How long pg_send took to fail like this. */
static int64_t check_ends(struct pg *pg, enum error_kind kind, const char *message)
{
    struct pg_reply reply;
    struct error err;
    int64_t before = clock_steady_ms();
    assert_false(send_sql(pg, 10, &reply, &err));
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.message, message);
    assert_int_equal(pg_alive(pg), kind != ERROR_LOST);
    assert_int_equal(*fake_cancels(), 1);
    return clock_steady_ms() - before;
}

static const char over[] = "the time allowed for this run is over";
static const char in_vain[] =
    "the server did not answer the request to cancel: the time allowed for this run is over";

/* As behind a proxy that passes no cancel on: nothing is known, and nothing more may be sent. */
static void a_cancel_without_an_answer_is_a_loss(void **state)
{
    (void)state;
    struct pg pg = PLAY({.status = PGRES_COMMAND_OK, .deaf = true});
    fake.on_cancel = FAKE_HANGS;
    int64_t took = check_ends(&pg, ERROR_LOST, in_vain);
    assert_true(took >= 5000 && took < 7000);
}

static void cancel_otherwise(void *context)
{
    ++*(int *)context;
    fake.cancelled_otherwise = true;
}

static void cancel_in_vain(void *context)
{
    ++*(int *)context;
}

#define CANCELLED                                                                                  \
    {                                                                                              \
        .status = PGRES_FATAL_ERROR, .sqlstate = "57014", .message = "canceling", .deaf = true     \
    }

/* Counts down; says no at 0. */
static bool count_down(void *context)
{
    int *left = context;
    assert_int_equal(*fake_cancels(), 0);
    return --*left != 0;
}

static void a_server_that_does_not_obey_is_cancelled_otherwise(void **state)
{
    (void)state;
    struct pg pg = PLAY(CANCELLED);
    int asked = 0;
    pg_on_cancel(&pg, cancel_otherwise, &asked);
    int64_t took = check_ends(&pg, ERROR_INTERRUPTED, over);
    assert_int_equal(asked, 1);
    assert_true(took >= 2000 && took < 4000);
}

static void so_is_one_that_cannot_be_asked(void **state)
{
    (void)state;
    struct pg pg = PLAY(CANCELLED);
    fake.on_cancel = FAKE_REFUSES;
    int asked = 0;
    pg_on_cancel(&pg, cancel_otherwise, &asked);
    int64_t took = check_ends(&pg, ERROR_INTERRUPTED, over);
    assert_int_equal(asked, 1);
    assert_true(took < 1500);
}

/* PQcancel blocks without a deadline where nothing answers. */
static void so_is_one_that_lets_the_request_hang(void **state)
{
    (void)state;
    struct pg pg = PLAY(CANCELLED);
    fake.on_cancel = FAKE_HANGS;
    int asked = 0;
    pg_on_cancel(&pg, cancel_otherwise, &asked);
    int64_t took = check_ends(&pg, ERROR_INTERRUPTED, over);
    assert_int_equal(asked, 1);
    assert_true(took >= 2000 && took < 4000);
}

/* One that goes on sending is no better than a silent one. */
static void all_in_vain_is_a_loss(void **state)
{
    (void)state;
    struct pg pg = PLAY(CANCELLED);
    fake.on_cancel = FAKE_REFUSES;
    fake.socket = readable[0];
    int asked = 0;
    int left = 1000;
    pg_on_cancel(&pg, cancel_in_vain, &asked);
    pg_on_wait(&pg, 50, count_down, &left); /* not once it is being cancelled */
    int64_t took = check_ends(&pg, ERROR_LOST, in_vain);
    assert_int_equal(asked, 1);
    assert_int_equal(left, 1000);
    assert_true(took >= 4000 && took < 6000);
}

static void a_server_that_obeys_is_cancelled_once(void **state)
{
    (void)state;
    struct pg pg = PLAY(
        {.status = PGRES_FATAL_ERROR, .sqlstate = "57014", .message = "canceling", .silent = true});
    int asked = 0;
    pg_on_cancel(&pg, cancel_in_vain, &asked);
    assert_true(check_ends(&pg, ERROR_INTERRUPTED, over) < 1500);
    assert_int_equal(asked, 0);
}

static void ticks_while_it_waits(void **state)
{
    (void)state;
    for (int noisy = 0; noisy < 2; noisy++) {
        struct pg pg = PLAY({.status = PGRES_FATAL_ERROR,
                             .sqlstate = "57014",
                             .message = "canceling",
                             .silent = true});
        struct pg_reply reply;
        struct error err;
        int left = 3;
        fake.socket = noisy ? readable[0] : quiet[0];
        pg_on_wait(&pg, 100, count_down, &left);
        int64_t before = clock_steady_ms();
        assert_false(send_sql(&pg, LONG_MS, &reply, &err));
        int64_t took = clock_steady_ms() - before;
        assert_int_equal(err.kind, ERROR_INTERRUPTED);
        assert_string_equal(err.message, "cancelled");
        assert_int_equal(*fake_cancels(), 1);
        assert_int_equal(left, 0);
        assert_true(took >= 300 && took < 2000);
        assert_true(pg_alive(&pg));
        /* The deadline is not put off by it. */
        fake.at = 0;
        *fake_cancels() = 0;
        left = 1000;
        assert_false(send_sql(&pg, 250, &reply, &err));
        assert_string_equal(err.message, over);
        assert_int_equal(left, 998);
        /* And none is none. */
        fake.at = 0;
        *fake_cancels() = 0;
        pg_on_wait(&pg, 100, NULL, NULL);
        assert_false(send_sql(&pg, 250, &reply, &err));
        assert_int_equal(left, 998);
    }
}

static void ticks_while_it_writes(void **state)
{
    (void)state;
    struct pg pg = PLAY({.status = PGRES_FATAL_ERROR, .sqlstate = "57014", .message = "canceling"});
    struct pg_reply reply;
    struct error err;
    int left = 1;
    fake.blocked = 1; /* until the tick */
    pg_on_wait(&pg, 50, count_down, &left);
    assert_false(send_sql(&pg, 5000, &reply, &err));
    assert_string_equal(err.message, "cancelled");
}

static void a_57014_nobody_asked_for_is_a_failure(void **state)
{
    (void)state;
    struct pg pg = PLAY(FAILED("57014", "canceling statement due to statement timeout"));
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(&pg, LONG_MS, &reply, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
}

static void check_lost(struct pg *pg)
{
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(pg, LONG_MS, &reply, &err));
    assert_int_equal(err.kind, ERROR_LOST);
    assert_string_equal(err.where, "db:5432");
    assert_non_null(strstr(err.message, "the connection was lost"));
    assert_null(strchr(err.message, '\n'));
    assert_false(pg_alive(pg));
}

static void knows_a_loss_wherever_it_comes(void **state)
{
    (void)state;
    struct pg before = PLAY(OK);
    fake.refuse_to_send = true;
    check_lost(&before);
    struct pg flushing = PLAY(OK);
    fake.bad = true;
    check_lost(&flushing);
    struct pg in_the_middle = PLAY(OK, {.status = PGRES_FATAL_ERROR, .message = NULL, .cut = true});
    check_lost(&in_the_middle);
    struct pg told = PLAY(OK, {.status = PGRES_FATAL_ERROR,
                               .sqlstate = "57P01",
                               .message = "terminating connection",
                               .cut = true});
    check_lost(&told);
    struct pg without_a_word = PLAY({.status = PGRES_COMMAND_OK, .cut = true});
    check_lost(&without_a_word);
    struct pg copying = PLAY({.status = PGRES_COPY_IN, .cut = true});
    check_lost(&copying);
}

/* A migration may raise the code of a session's end, and the session live on. */
static void a_57p01_of_a_living_session_is_a_failure(void **state)
{
    (void)state;
    struct pg pg = PLAY(FAILED("57P01", "mine"));
    struct pg_reply reply;
    struct error err;
    assert_false(send_sql(&pg, LONG_MS, &reply, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_was_done),
        cmocka_unit_test(keeps_rows_when_asked),
        cmocka_unit_test(stops_at_an_error),
        cmocka_unit_test(an_error_without_a_text_is_one),
        cmocka_unit_test(feeds_copies_in_order),
        cmocka_unit_test(feeds_a_large_copy_whole),
        cmocka_unit_test(drains_a_copy_nobody_reads),
        cmocka_unit_test(cancels_at_the_deadline),
        cmocka_unit_test(cancels_when_told_to_stop),
        cmocka_unit_test(what_was_done_before_the_cancel_is_done),
        cmocka_unit_test(another_error_while_cancelling_is_told),
        cmocka_unit_test(a_cancel_without_an_answer_is_a_loss),
        cmocka_unit_test(a_server_that_does_not_obey_is_cancelled_otherwise),
        cmocka_unit_test(so_is_one_that_cannot_be_asked),
        cmocka_unit_test(so_is_one_that_lets_the_request_hang),
        cmocka_unit_test(all_in_vain_is_a_loss),
        cmocka_unit_test(a_server_that_obeys_is_cancelled_once),
        cmocka_unit_test(ticks_while_it_waits),
        cmocka_unit_test(ticks_while_it_writes),
        cmocka_unit_test(a_57014_nobody_asked_for_is_a_failure),
        cmocka_unit_test(knows_a_loss_wherever_it_comes),
        cmocka_unit_test(a_57p01_of_a_living_session_is_a_failure),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
