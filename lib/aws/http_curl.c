#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aws/http.h"
#include "aws/url.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { CONNECT_TIMEOUT_MS = 3000, POLL_MS = 60000 };

static const char system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

struct exchange {
    const struct aws_http_request *request;
    struct aws_url url;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    char detail[CURL_ERROR_SIZE];
};

static void start_library(void)
{
    static bool started;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        memory_die();
    }
    started = true;
}

static size_t take_body(char *data, size_t size, size_t count, void *exchange_)
{
    struct exchange *exchange = exchange_;
    buf_add(&exchange->body, data, size * count);
    return exchange->body.full ? 0 : size * count;
}

static void add_header(struct exchange *exchange, const char *name, const char *value)
{
    AUTO(buf) struct buf line = buf_make(32768);
    buf_format(&line, "%s: %s", name, value); /* libcurl leaves out a header without a value */
    struct curl_slist *longer = curl_slist_append(exchange->headers, line.data);
    if (!longer) {
        memory_die();
    }
    exchange->headers = longer;
    explicit_bzero(line.data, line.length);
}

static void set_headers(struct exchange *exchange)
{
    const struct aws_header *header = exchange->request->headers;
    for (size_t i = 0; i < AWS_HTTP_HEADERS_MAX && header[i].name; i++) {
        add_header(exchange, header[i].name, header[i].value);
    }
    /* A body over 1 KiB would otherwise wait a second for "100 Continue". */
    struct curl_slist *longer = curl_slist_append(exchange->headers, "Expect:");
    if (!longer) {
        memory_die();
    }
    exchange->headers = longer;
    curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
}

static void set_transport(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    const char *ca_file = exchange->request->ca_file;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file ? ca_file : system_bundle);
    /* The folder compiled into libcurl would go on trusting what a bundle of the user's leaves
     * out. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (aws_url_is_local(&exchange->url)) {
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Without it, leaving waits for a name lookup that nobody needs any more. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
}

static void set_message(struct exchange *exchange)
{
    const struct aws_http_request *request = exchange->request;
    CURL *easy = exchange->easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "postlude/" POSTLUDE_VERSION);
    if (request->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);
}

static void open_exchange(struct exchange *exchange)
{
    start_library();
    exchange->multi = curl_multi_init();
    exchange->easy = curl_easy_init();
    if (!exchange->multi || !exchange->easy) {
        memory_die();
    }
    set_transport(exchange);
    set_message(exchange);
    set_headers(exchange);
    if (curl_multi_add_handle(exchange->multi, exchange->easy) != CURLM_OK) {
        memory_die();
    }
}

static void close_exchange(struct exchange *exchange)
{
    (void)curl_multi_remove_handle(exchange->multi, exchange->easy);
    curl_easy_cleanup(exchange->easy);
    (void)curl_multi_cleanup(exchange->multi);
    curl_slist_free_all(exchange->headers);
    buf_wipe(&exchange->body);
    explicit_bzero(exchange->url.query, sizeof exchange->url.query); /* it may be a signature */
}

static CURLcode result_of(struct exchange *exchange)
{
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(exchange->multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_RECV_ERROR;
}

/* Runs it until it ends one way or the other. CURLE_OPERATION_TIMEDOUT also when its own time is
 * up; the caller tells that from the limit's. */
static CURLcode run(struct exchange *exchange, struct aws_limit *limit)
{
    struct deadline deadline = deadline_in(exchange->request->timeout_ms);
    for (;;) {
        int running = 0;
        if (curl_multi_perform(exchange->multi, &running) != CURLM_OK) {
            return CURLE_RECV_ERROR;
        }
        if (running == 0) {
            return result_of(exchange);
        }
        if (!aws_limit_check(limit) || deadline_passed(deadline)) {
            return CURLE_OPERATION_TIMEDOUT;
        }
        struct curl_waitfd stop = {.fd = limit->stop ? limit->stop->fd : -1,
                                   .events = CURL_WAIT_POLLIN};
        int64_t left = deadline_left_ms(deadline_min(deadline, limit->deadline));
        int ms = left < POLL_MS ? (int)left : POLL_MS;
        if (curl_multi_poll(exchange->multi, &stop, stop.fd >= 0, ms, NULL) != CURLM_OK) {
            return CURLE_RECV_ERROR;
        }
    }
}

static const struct cause {
    CURLcode result;
    enum error_kind kind;
    const char *code;
    const char *message;
    const char *hint;
} causes[] = {
    {CURLE_COULDNT_RESOLVE_HOST, ERROR_UNREACHABLE, "resolve", "could not resolve the name",
     "Check the name, and that the network of this task has a DNS server that knows it."},
    {CURLE_COULDNT_CONNECT, ERROR_UNREACHABLE, "connect", "could not connect",
     "Check that security group and routes of this task let it out to that host and port."},
    {CURLE_OPERATION_TIMEDOUT, ERROR_UNREACHABLE, "timeout", "no answer in time",
     "Check that security group and routes of this task let it out to that host and port."},
    {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED, "tls", "the server's certificate is not trusted",
     "If a proxy or test endpoint with its own CA stands in between, name that CA's file in "
     "AWS_CA_BUNDLE; otherwise install the ca-certificates package in the image."},
    {CURLE_SSL_CACERT_BADFILE, ERROR_DENIED, "ca-file", "the CA bundle cannot be read",
     "Point AWS_CA_BUNDLE to a PEM file that exists, or unset it and install the ca-certificates "
     "package in the image."},
    {CURLE_SSL_CONNECT_ERROR, ERROR_DENIED, "tls", "the TLS handshake failed",
     "Check that the endpoint speaks TLS 1.2 or later on that port."},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_DENIED, "protocol", "the answer is not HTTP", ""},
    {CURLE_WEIRD_SERVER_REPLY, ERROR_DENIED, "protocol", "the answer is not HTTP",
     "Check that the endpoint is the one meant."},
};

/* Anything else broke off in the middle. */
static const struct cause broken = {
    CURLE_RECV_ERROR, ERROR_UNREACHABLE, "broken", "the connection broke off",
    "This is usually passing; if it stays, look for a firewall or proxy that ends connections."};

/* libcurl's words for it may repeat the variable, and a password in it. */
static const struct cause no_proxy = {CURLE_COULDNT_RESOLVE_PROXY, ERROR_UNREACHABLE, "proxy",
                                      "the HTTP proxy's address cannot be used or resolved",
                                      "HTTPS_PROXY reads http://host:port; check it, or unset it."};

static const struct cause refusing_proxy = {
    CURLE_RECV_ERROR, ERROR_DENIED, "proxy", "the HTTP proxy refused to connect to it",
    "Check HTTPS_PROXY, that the proxy admits this host, and with status 407 the user and password "
    "in it; NO_PROXY names hosts that need no proxy, such as those of VPC endpoints."};

static const struct cause failing_proxy = {
    CURLE_RECV_ERROR, ERROR_UNREACHABLE, "proxy", "the HTTP proxy could not connect to it",
    "The proxy of HTTPS_PROXY answers, but does not reach the host; NO_PROXY names hosts that need "
    "no proxy, such as those of VPC endpoints."};

static const struct cause too_large = {CURLE_WRITE_ERROR, ERROR_DENIED, "too-large",
                                       "the answer is larger than any this service gives",
                                       "Check that the endpoint is the one meant."};

/* What a proxy said to CONNECT, 0 when it said nothing or agreed. */
static int proxy_status(const struct exchange *exchange)
{
    long status = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    return status / 100 == 2 ? 0 : (int)status;
}

static const struct cause *cause_of(const struct exchange *exchange, CURLcode result)
{
    int status = proxy_status(exchange);
    if (exchange->body.full) {
        return &too_large;
    }
    if (result == CURLE_COULDNT_RESOLVE_PROXY ||
        text_starts(exchange->detail, "Unsupported proxy")) {
        return &no_proxy;
    }
    if (status) {
        return status >= 500 ? &failing_proxy : &refusing_proxy;
    }
    for (size_t i = 0; i < COUNT(causes); i++) {
        if (causes[i].result == result) {
            return &causes[i];
        }
    }
    return &broken;
}

/* libcurl's own words name hosts, ports and certificates, never headers or bodies. */
static bool fail(const struct exchange *exchange, CURLcode result, const struct aws_limit *limit,
                 struct error *err)
{
    if (result == CURLE_OPERATION_TIMEDOUT && deadline_passed(limit->deadline)) {
        aws_limit_error(limit, "waiting for an answer", err);
        return error_where(err, "%s", exchange->url.authority);
    }
    const struct cause *cause = cause_of(exchange, result);
    const char *words = *exchange->detail ? exchange->detail : curl_easy_strerror(result);
    AUTO(buf) struct buf shown = buf_make(1024);
    text_escape(&shown, words, strlen(words));
    error_set(err, cause->kind, cause == &no_proxy ? "%s: %s" : "%s: %s (%s)",
              exchange->url.authority, cause->message, shown.data);
    error_code(err, "%s", cause->code);
    error_where(err, "%s", exchange->url.authority);
    return error_hint(err, "%s", cause->hint);
}

static const char *header_of(CURL *easy, const char *name)
{
    struct curl_header *header = NULL;
    bool found = curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
    return found ? header->value : NULL;
}

/* Retry-After counts seconds, AWS's own header milliseconds. */
static int64_t retry_after(CURL *easy)
{
    const char *ms = header_of(easy, "x-amz-retry-after");
    const char *seconds = header_of(easy, "retry-after");
    int64_t value = 0;
    if (ms && text_integer(ms, 0, 3600000, &value)) {
        return value;
    }
    return seconds && text_integer(seconds, 0, 3600, &value) ? value * 1000 : -1;
}

static void read_response(struct exchange *exchange, struct aws_http_response *out_response)
{
    long status = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    const char *date = header_of(exchange->easy, "date");
    time_t seconds = date ? curl_getdate(date, NULL) : -1;
    *out_response = (struct aws_http_response){
        .status = (int)status,
        .body = exchange->body,
        .date_ms = seconds >= 0 ? (int64_t)seconds * 1000 : -1,
        .retry_after_ms = retry_after(exchange->easy),
    };
    exchange->body = (struct buf){0};
    text_copy(out_response->request_id, sizeof out_response->request_id,
              header_of(exchange->easy, "x-amzn-requestid"));
}

bool aws_http_curl(const struct aws_http_request *request, struct aws_limit *limit,
                   struct aws_http_response *out_response, struct error *err)
{
    struct exchange exchange = {.request = request};
    if (!aws_http_check(request->url, &exchange.url, err)) {
        return false;
    }
    exchange.body = buf_make(request->response_max);
    open_exchange(&exchange);
    CURLcode result = run(&exchange, limit);
    bool done = result == CURLE_OK;
    if (done) {
        read_response(&exchange, out_response);
    } else {
        fail(&exchange, result, limit, err);
    }
    close_exchange(&exchange);
    return done;
}
