/*
 * A wire of a given length between a client and a server on this machine, and what went over it.
 *
 *   relay PORT DELAY-US
 *
 * It listens on a free port of 127.0.0.1, which it prints, and passes bytes to PORT of 127.0.0.1
 * and back, each DELAY-US later than they came: a queue a direction, without a limit of bandwidth.
 * What a client sends first waits for one round trip more, as it would for TCP's own handshake,
 * which the kernel answers at once here. When its stdin ends, it prints connections, round trips,
 * bytes from clients and bytes to clients, and ends.
 *
 * A round trip is counted when a server sends after its client has sent and before the client hangs
 * up: for a program that waits for each answer, one for each wait. The handshake of TCP is not
 * among them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_SIZE = 128 * 1024, QUEUE_MAX = 64 * 1024 * 1024, EVENTS = 64 };

struct chunk {
    struct chunk *next;
    int64_t due_ns;
    size_t size; /* 0: here the sender has ended */
    size_t sent;
    char data[];
};

/* One side of a connection: the socket, and what epoll was told about it. */
struct side {
    int fd;
    uint32_t watched;
};

/* One direction of a connection. */
struct flow {
    struct side *from;
    struct side *to;
    struct chunk *first;
    struct chunk *last;
    size_t queued_bytes;
    int64_t not_before_ns;
    bool read_all; /* the sender has ended, or is gone */
    bool blocked;  /* the receiver's socket is full */
    bool done;     /* and its end was passed on, or there is nobody to pass it to */
};

struct link {
    struct link *next;
    struct side client;
    struct side server;
    struct flow up;
    struct flow down;
    bool asked; /* the client has sent since the server last did */
};

struct relay {
    int epoll;
    int timer;
    int listener;
    uint16_t port;
    int64_t delay_ns;
    struct link *links;
    uint64_t connections;
    uint64_t round_trips;
    uint64_t bytes_up;
    uint64_t bytes_down;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *allocate(size_t size)
{
    void *result = malloc(size);
    if (!result) {
        die("memory");
    }
    return result;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void watch(const struct relay *relay, struct side *side, uint32_t events)
{
    if (events == side->watched) {
        return;
    }
    /* One that is watched for nothing would still report that its peer is gone, without end. */
    int change = !events ? EPOLL_CTL_DEL : !side->watched ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = events, .data.fd = side->fd};
    if (epoll_ctl(relay->epoll, change, side->fd, &event) != 0) {
        die("epoll_ctl");
    }
    side->watched = events;
}

static void append(struct flow *flow, struct chunk *chunk)
{
    chunk->next = NULL;
    *(flow->first ? &flow->last->next : &flow->first) = chunk;
    flow->last = chunk;
    flow->queued_bytes += chunk->size;
}

static void drop_first(struct flow *flow)
{
    struct chunk *chunk = flow->first;
    flow->first = chunk->next;
    flow->queued_bytes -= chunk->size;
    free(chunk);
}

static bool wants_more(const struct flow *flow)
{
    return !flow->read_all && flow->queued_bytes < QUEUE_MAX;
}

/* Reads what has come; the bytes read. */
static size_t pull(const struct relay *relay, struct flow *flow)
{
    static char data[CHUNK_SIZE];
    size_t total = 0;
    while (wants_more(flow)) {
        ssize_t got = recv(flow->from->fd, data, sizeof data, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        flow->read_all = got <= 0;
        size_t size = got > 0 ? (size_t)got : 0;
        struct chunk *chunk = allocate(sizeof *chunk + size);
        int64_t start = now_ns();
        start = start > flow->not_before_ns ? start : flow->not_before_ns;
        *chunk = (struct chunk){.due_ns = start + relay->delay_ns, .size = size};
        memcpy(chunk->data, data, size);
        append(flow, chunk);
        total += size;
        if (size < sizeof data) {
            break;
        }
    }
    return total;
}

/* Sends what is due. */
static void push(struct flow *flow, int64_t now)
{
    flow->blocked = false;
    while (flow->first && flow->first->due_ns <= now && !flow->done) {
        struct chunk *chunk = flow->first;
        if (chunk->size == 0) {
            (void)shutdown(flow->to->fd, SHUT_WR);
            flow->done = true;
            break;
        }
        ssize_t put =
            send(flow->to->fd, chunk->data + chunk->sent, chunk->size - chunk->sent, MSG_NOSIGNAL);
        if (put < 0) {
            flow->blocked = errno == EAGAIN || errno == EINTR;
            flow->done = !flow->blocked;
            flow->read_all |= flow->done;
            break;
        }
        chunk->sent += (size_t)put;
        if (chunk->sent == chunk->size) {
            drop_first(flow);
        }
    }
}

static void move(struct relay *relay, struct link *link)
{
    size_t up = pull(relay, &link->up);
    size_t down = pull(relay, &link->down);
    relay->bytes_up += up;
    relay->bytes_down += down;
    /* What came from both sides at once was not sent in answer to each other. */
    if (down && link->asked) {
        relay->round_trips += !link->up.read_all;
        link->asked = false;
    }
    link->asked |= up > 0;
    int64_t now = now_ns();
    push(&link->up, now);
    push(&link->down, now);
    watch(relay, &link->client,
          (wants_more(&link->up) ? EPOLLIN : 0) | (link->down.blocked ? EPOLLOUT : 0));
    watch(relay, &link->server,
          (wants_more(&link->down) ? EPOLLIN : 0) | (link->up.blocked ? EPOLLOUT : 0));
}

static void clear(struct flow *flow)
{
    while (flow->first) {
        drop_first(flow);
    }
}

static void set_up_socket(int fd)
{
    int on = 1;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        die("socket");
    }
}

/* A server that refuses is one that hangs up: the client learns it by that. */
static void open_link(struct relay *relay)
{
    int client = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    set_up_socket(client);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_up_socket(server);
    struct sockaddr_in address = loopback(relay->port);
    if (connect(server, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(client);
        (void)close(server);
        return;
    }
    if (fcntl(server, F_SETFL, O_NONBLOCK) != 0) {
        die("fcntl");
    }
    struct link *link = allocate(sizeof *link);
    *link = (struct link){.next = relay->links, .client.fd = client, .server.fd = server};
    link->up = (struct flow){.from = &link->client,
                             .to = &link->server,
                             .not_before_ns = now_ns() + 2 * relay->delay_ns};
    link->down = (struct flow){.from = &link->server, .to = &link->client};
    relay->links = link;
    relay->connections++;
}

static void close_first(struct relay *relay, struct link **at)
{
    struct link *link = *at;
    *at = link->next;
    watch(relay, &link->client, 0);
    watch(relay, &link->server, 0);
    (void)close(link->client.fd);
    (void)close(link->server.fd);
    clear(&link->up);
    clear(&link->down);
    free(link);
}

/* Moves what can be moved on every connection, and lets go of those that have ended. */
static void move_all(struct relay *relay)
{
    struct link **at = &relay->links;
    while (*at) {
        struct link *link = *at;
        move(relay, link);
        if (link->up.done && link->down.done) {
            close_first(relay, at);
        } else {
            at = &link->next;
        }
    }
}

static int64_t earlier(int64_t due_ns, const struct flow *flow)
{
    bool waits = flow->first && !flow->blocked && !flow->done;
    return waits && (due_ns == 0 || flow->first->due_ns < due_ns) ? flow->first->due_ns : due_ns;
}

static void set_timer(const struct relay *relay)
{
    int64_t due_ns = 0;
    for (const struct link *link = relay->links; link; link = link->next) {
        due_ns = earlier(earlier(due_ns, &link->up), &link->down);
    }
    /* A time of zero stops the timer; one in the past fires at once. */
    struct itimerspec when = {
        .it_value = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000}};
    if (timerfd_settime(relay->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) {
        die("timerfd_settime");
    }
}

static void open_relay(struct relay *relay)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (relay->listener < 0 ||
        bind(relay->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(relay->listener, SOMAXCONN) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &size) != 0) {
        die("listen");
    }
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    relay->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (relay->epoll < 0 || relay->timer < 0) {
        die("epoll");
    }
    const int watched[] = {STDIN_FILENO, relay->listener, relay->timer};
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        watch(relay, &(struct side){.fd = watched[i]}, EPOLLIN);
    }
    (void)printf("%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

/* Until stdin ends. */
static void serve(struct relay *relay)
{
    struct epoll_event events[EVENTS];
    bool told_to_end = false;
    while (!told_to_end) {
        int count = epoll_wait(relay->epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) {
            die("epoll_wait");
        }
        for (int i = 0; i < count; i++) {
            told_to_end |= events[i].data.fd == STDIN_FILENO;
            if (events[i].data.fd == relay->listener) {
                open_link(relay);
            }
        }
        /* Connections are few: whatever the event was, each is looked at. */
        move_all(relay);
        set_timer(relay);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: relay PORT DELAY-US\n");
        return 2;
    }
    struct relay relay = {.port = (uint16_t)strtoul(argv[1], NULL, 10),
                          .delay_ns = strtol(argv[2], NULL, 10) * 1000};
    open_relay(&relay);
    serve(&relay);
    while (relay.links) {
        close_first(&relay, &relay.links);
    }
    (void)printf("%ju %ju %ju %ju\n", (uintmax_t)relay.connections, (uintmax_t)relay.round_trips,
                 (uintmax_t)relay.bytes_up, (uintmax_t)relay.bytes_down);
    return 0;
}
