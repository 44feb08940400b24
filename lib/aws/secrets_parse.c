/* What stands inside a secret. */
#include <inttypes.h>
#include <string.h>

#include "aws/secrets.h"
#include "base/base64.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    BINARY_MAX = 65536,
    PORT_MAX = 65535,
    KEYS_SHOWN = 20,
    KEY_SHOWN = 60,
    PASSWORD_MAX = 65536
};

static const char shapes[] =
    "It may be JSON with \"username\" and \"password\", as Secrets Manager makes it, or a password "
    "and nothing else.";

static bool unusable(struct error *err, const char *why)
{
    error_set(err, ERROR_DENIED, "%s", why);
    return error_hint(err, "%s", shapes);
}

/* Names only: a value may be a password whatever its key says. */
static void add_keys(struct buf *out, json_t *object)
{
    void *at = json_object_iter(object);
    size_t count = 0;
    for (; at; at = json_object_iter_next(object, at)) {
        if (count++ == KEYS_SHOWN) {
            buf_text(out, ", ...");
            return;
        }
        buf_text(out, count == 1 ? "" : ", ");
        text_escape_cut(out, json_object_iter_key(at), KEY_SHOWN);
    }
}

static bool no_key(json_t *object, const char *key, struct error *err)
{
    AUTO(buf) struct buf keys = buf_make(4096);
    AUTO(buf) struct buf shown = buf_make(1024);
    add_keys(&keys, object);
    text_escape_cut(&shown, key, KEY_SHOWN);
    error_set(err, ERROR_DENIED, "the secret has no key \"%s\"; its keys are: %s", shown.data,
              keys.length ? keys.data : "none");
    return error_hint(err,
                      "Name the key that holds the password behind the secret's ARN or name in "
                      "database.secret: \"...:KEY::\".");
}

static bool is_absent(const json_t *value)
{
    const char *text = json_string_value(value);
    return !value || json_is_null(value) || (text && !*text);
}

static bool set_password(const char *text, struct aws_secret *secret, struct error *err)
{
    size_t length = strlen(text);
    if (!length || length > PASSWORD_MAX) {
        return unusable(err, length ? "the secret's password is too long"
                                    : "the secret's password is empty");
    }
    secret_set(&secret->password, text);
    secret->line_end = text[length - 1] == '\n';
    return true;
}

/* Of a JSON value that is a password: a text, or digits that were written as a number. */
static bool read_password(const json_t *value, struct aws_secret *secret, struct error *err)
{
    if (json_is_integer(value)) {
        char digits[24];
        struct buf number = buf_make(sizeof digits - 1);
        buf_format(&number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text_copy(digits, sizeof digits, number.data);
        buf_wipe(&number);
        bool set = set_password(digits, secret, err);
        explicit_bzero(digits, sizeof digits);
        return set;
    }
    const char *text = json_string_value(value);
    return text ? set_password(text, secret, err)
                : unusable(err, "the secret's password is not a text");
}

static bool read_text(const json_t *object, const char *key, char **out_text, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (is_absent(value)) {
        return true;
    }
    const char *text = json_string_value(value);
    for (const char *at = text; at && *at; at++) {
        text = (unsigned char)*at < ' ' || *at == 0x7F ? NULL : text;
    }
    if (!text) {
        error_set(err, ERROR_DENIED, "the secret's \"%s\" is not a text of one line", key);
        return error_hint(err, "%s", shapes);
    }
    *out_text = memory_text(text);
    return true;
}

/* A number, or a number as a text: both are about. */
static bool read_port(const json_t *object, int *out_port, struct error *err)
{
    const json_t *value = json_object_get(object, "port");
    const char *text = json_string_value(value);
    int64_t port = json_is_integer(value) ? json_integer_value(value) : 0;
    if (is_absent(value)) {
        return true;
    }
    if ((text && !text_integer(text, 1, PORT_MAX, &port)) || port < 1 || port > PORT_MAX) {
        error_set(err, ERROR_DENIED, "the secret's \"port\" is not a number from 1 to 65535");
        return error_hint(err, "Correct it in the secret, or take it out.");
    }
    *out_port = (int)port;
    return true;
}

static bool read_object(json_t *object, const char *password_key, struct aws_secret *secret,
                        struct error *err)
{
    const json_t *password = json_object_get(object, password_key);
    if (!password) {
        return no_key(object, password_key, err);
    }
    return read_password(password, secret, err) &&
           read_text(object, "username", &secret->user, err) &&
           read_text(object, "host", &secret->host, err) &&
           read_text(object, "dbname", &secret->database, err) &&
           read_port(object, &secret->port, err);
}

/* Whether it is meant to be JSON: a password may begin with a brace, but hardly ends with one. */
static bool looks_like_json(const char *text, size_t length)
{
    static const char blanks[] = " \t\r\n";
    size_t first = strspn(text, blanks);
    while (length && strchr(blanks, text[length - 1])) {
        length--;
    }
    return first < length && ((text[first] == '{' && text[length - 1] == '}') ||
                              (text[first] == '[' && text[length - 1] == ']'));
}

static bool read_content(const char *text, size_t length, const char *json_key,
                         struct aws_secret *secret, struct error *err)
{
    AUTO(json) json_t *content = NULL;
    struct error ignored; /* it may quote the text */
    bool json = looks_like_json(text, length);
    if (json && json_read(text, length, &content, &ignored) && json_is_object(content)) {
        json_t *inner = *json_key ? json_object_get(content, json_key) : NULL;
        return json_is_object(inner)
                   ? read_object(inner, "password", secret, err)
                   : read_object(content, *json_key ? json_key : "password", secret, err);
    }
    if (json && text[strspn(text, " \t\r\n")] == '{') {
        return unusable(err, "the secret looks like JSON, but is not: a brace, comma or quote is "
                             "missing, or a key is there twice");
    }
    if (*json_key) {
        return unusable(err, "database.secret names a key of it, but the secret is not a JSON "
                             "object");
    }
    return set_password(text, secret, err);
}

static bool read_binary(const char *text, const char *json_key, struct aws_secret *secret,
                        struct error *err)
{
    struct buf plain = buf_make(BINARY_MAX);
    bool decoded = base64_decode(&plain, text, strlen(text));
    bool is_text = decoded && !memchr(plain.data, '\0', plain.length) &&
                   text_bad_utf8(plain.data, plain.length) == plain.length;
    bool read = is_text ? read_content(plain.data, plain.length, json_key, secret, err)
                        : unusable(err, "the secret is binary, and not a text");
    buf_wipe(&plain);
    return read;
}

bool aws_secret_parse(const json_t *answer, const char *json_key, struct aws_secret *out_secret,
                      struct error *err)
{
    AUTO(aws_secret) struct aws_secret secret = {0};
    const char *text = json_text(answer, "SecretString");
    const char *binary = json_text(answer, "SecretBinary");
    const char *version = json_text(answer, "VersionId");
    if (!text && !binary) {
        return unusable(err, "the secret has no value");
    }
    bool read = text ? read_content(text, strlen(text), json_key, &secret, err)
                     : read_binary(binary, json_key, &secret, err);
    if (!read) {
        return false;
    }
    text_copy(secret.version, sizeof secret.version, version);
    *out_secret = secret;
    secret = (struct aws_secret){0};
    return true;
}
