#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/http.h"
#include "base/clock.h"
#include "check.h"

/* A port on which connecting works and nobody ever answers. */
static int silent_port(uint16_t *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static bool ask(uint16_t port, struct aws_limit *limit, struct error *err)
{
    AUTO(buf) struct buf url = buf_make(64);
    buf_format(&url, "http://127.0.0.1:%u/", port);
    AUTO(aws_http) struct aws_http_response response = {0};
    const struct aws_http_request request = {
        .method = "GET", .url = url.data, .timeout_ms = 8000, .response_max = 1024};
    return aws_http_curl(&request, limit, &response, err);
}

/* A child that makes fd readable after 200 ms; no signal comes to us, so that it is the file
 * descriptor alone that ends the wait. */
static pid_t ask_to_stop_later(int fd)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)poll(NULL, 0, 200);
        ssize_t ignored = write(fd, "!", 1);
        (void)ignored;
        _exit(0);
    }
    return child;
}

static void a_stop_ends_the_wait_at_once(void **state)
{
    (void)state;
    uint16_t port = 0;
    int ends[2];
    int server = silent_port(&port);
    assert_int_equal(pipe(ends), 0);
    pid_t child = ask_to_stop_later(ends[1]);
    const struct stop stop = {.fd = ends[0]};
    struct aws_limit limit = {.deadline = deadline_in(20000), .stop = &stop};
    struct error err = {0};
    int64_t started = clock_steady_ms();
    assert_false(ask(port, &limit, &err));
    assert_in_range(clock_steady_ms() - started, 150, 3000);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(close(ends[0]) | close(ends[1]) | close(server), 0);
}

static void the_deadline_ends_the_wait(void **state)
{
    (void)state;
    uint16_t port = 0;
    int server = silent_port(&port);
    struct aws_limit limit = {.deadline = deadline_in(300)};
    struct error err = {0};
    int64_t started = clock_steady_ms();
    assert_false(ask(port, &limit, &err));
    assert_in_range(clock_steady_ms() - started, 250, 3000);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_int_equal(close(server), 0);
}

static void a_closed_port_is_worth_another_try(void **state)
{
    (void)state;
    uint16_t port = 0;
    assert_int_equal(close(silent_port(&port)), 0);
    struct aws_limit limit = {.deadline = deadline_in(5000)};
    struct error err = {0};
    assert_false(ask(port, &limit, &err));
    assert_int_equal(err.kind, ERROR_UNREACHABLE);
    assert_string_equal(err.code, "connect");
    assert_true(*err.hint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_port_is_worth_another_try),
        cmocka_unit_test(the_deadline_ends_the_wait),
        cmocka_unit_test(a_stop_ends_the_wait_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
