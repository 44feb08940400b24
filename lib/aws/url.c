#include "aws/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char host_marks[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
static const char address_marks[] = "0123456789abcdefABCDEF:.";

static bool refuse(struct error *err, const char *why)
{
    error_set(err, ERROR_INVALID, "not a usable URL: %s", why);
    return error_hint(err, "Write it as https://host[:port][/path].");
}

static bool has_only_graphic(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7F || strchr("\\\"<>^`{|}", *text)) {
            return false;
        }
    }
    return true;
}

static void lower_copy(char *target, const char *source, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = source[i];
        target[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    target[length] = '\0';
}

/* Moves the cursor behind the host. */
static bool read_host(const char **cursor, struct aws_url *url, struct error *err)
{
    bool bracketed = **cursor == '[';
    const char *start = *cursor + bracketed;
    size_t length = strspn(start, bracketed ? address_marks : host_marks);
    if (length == 0 || length >= sizeof url->host || (bracketed && start[length] != ']')) {
        return refuse(err, "its host is missing or has characters that no host has");
    }
    lower_copy(url->host, start, length);
    *cursor = start + length + bracketed;
    return true;
}

static bool read_port(const char **cursor, struct aws_url *url, struct error *err)
{
    int64_t port = url->secure ? 443 : 80;
    if (**cursor == ':') {
        size_t length = strspn(*cursor + 1, "0123456789");
        char digits[8] = "";
        if (length < sizeof digits) {
            memcpy(digits, *cursor + 1, length);
        }
        if (!text_integer(digits, 1, 65535, &port)) {
            return refuse(err, "its port is not a number from 1 to 65535");
        }
        *cursor += 1 + length;
    }
    bool address = strchr(url->host, ':') != NULL;
    bool usual = port == (url->secure ? 443 : 80);
    struct buf authority = buf_make(sizeof url->authority - 1);
    buf_format(&authority, address ? "[%s]" : "%s", url->host);
    if (!usual) {
        buf_format(&authority, ":%d", (int)port);
    }
    bool fits = !authority.full;
    text_copy(url->authority, sizeof url->authority, authority.data);
    buf_free(&authority);
    return fits || refuse(err, "its host is too long");
}

static bool read_rest(const char *rest, struct aws_url *url, struct error *err)
{
    size_t length = strcspn(rest, "?#");
    const char *query = rest[length] == '?' ? rest + length + 1 : "";
    if (strchr(rest, '#') || (*rest != '/' && *rest != '?' && *rest)) {
        return refuse(err, "something stands behind its host that is no path");
    }
    if (length >= sizeof url->path || strlen(query) >= sizeof url->query) {
        return refuse(err, "it is too long");
    }
    memcpy(url->path, length ? rest : "/", length ? length : 1);
    text_copy(url->query, sizeof url->query, query);
    return true;
}

bool aws_url_parse(const char *text, struct aws_url *out_url, struct error *err)
{
    struct aws_url url = {.secure = text_starts(text, "https://")};
    if (!url.secure && !text_starts(text, "http://")) {
        return refuse(err, "it starts with neither https:// nor http://");
    }
    if (!has_only_graphic(text)) {
        return refuse(err, "it has a blank or a character that a URL must not have");
    }
    const char *cursor = text + (url.secure ? 8 : 7);
    if (memchr(cursor, '@', strcspn(cursor, "/?#"))) {
        return refuse(err, "it names a user before its host");
    }
    if (!read_host(&cursor, &url, err) || !read_port(&cursor, &url, err) ||
        !read_rest(cursor, &url, err)) {
        return false;
    }
    *out_url = url;
    return true;
}

bool aws_url_is_loopback(const struct aws_url *url)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, url->host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    if (inet_pton(AF_INET6, url->host, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return strcmp(url->host, "localhost") == 0;
}

bool aws_url_is_local(const struct aws_url *url)
{
    static const char *const inside[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23",
                                         "169.254.169.254", "fd00:ec2::254"};
    for (size_t i = 0; i < COUNT(inside); i++) {
        if (strcmp(url->host, inside[i]) == 0) {
            return true;
        }
    }
    return aws_url_is_loopback(url);
}

void aws_url_encode(struct buf *out, const char *text, size_t length, const char *keep)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c && (strchr(alphanumeric, c) || strchr("-_.~", c) || strchr(keep, c))) {
            buf_char(out, c);
        } else {
            buf_format(out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void aws_url_decode(struct buf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int high = i + 2 < length && text[i] == '%' ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            buf_char(out, (char)(high * 16 + low));
            i += 2;
        } else {
            buf_char(out, text[i]);
        }
    }
}
