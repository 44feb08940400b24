#include "aws/advice.h"

#include <string.h>

#include "aws/limit.h"
#include "aws/url.h"
#include "base/text.h"

#define KEY                                                                                        \
    "AWS does not know the access key: it was deleted, or is of another partition than {region}. " \
    "On ECS unset AWS_ACCESS_KEY_ID, so that the task role is used."
#define CLOCK "this machine's clock, which may be at most five minutes off."
#define SIGNED                                                                                     \
    "Check AWS_SECRET_ACCESS_KEY (on ECS unset it, so that the task role is used), and " CLOCK
#define CHANGED "Something on the way changes the headers of requests: look for a proxy."
#define EXPIRED                                                                                    \
    "The temporary credentials ran out: renew AWS_SESSION_TOKEN together with its two keys. On "   \
    "ECS unset all three, so that the task role is used."
#define NO_KEYS                                                                                    \
    "Look at where the credentials come from (--log-level debug says so); on ECS unset "           \
    "AWS_ACCESS_KEY_ID, so that the task role is used."
#define NOT_ENABLED "Enable {region} for the account that asks."

/* What every service says alike, where its own table has no row for it. */
static const struct aws_advice common[] = {
    {"AuthFailure", NULL, KEY},
    {"ExpiredToken", NULL, EXPIRED},
    {"ExpiredTokenException", NULL, EXPIRED},
    {"IncompleteSignature", NULL, CHANGED},
    {"IncompleteSignatureException", NULL, CHANGED},
    {"InvalidClientTokenId", NULL, KEY},
    {"InvalidSecurity", NULL, NO_KEYS},
    {"InvalidSignatureException", NULL, SIGNED},
    {"MissingAuthenticationToken", NULL, NO_KEYS},
    {"MissingAuthenticationTokenException", NULL, NO_KEYS},
    {"OptInRequired", NULL, NOT_ENABLED},
    {"RequestExpired", NULL, "Check " CLOCK},
    {"SignatureDoesNotMatch", NULL, SIGNED},
    {"SubscriptionRequiredException", NULL, NOT_ENABLED},
    {"UnrecognizedClientException", NULL, KEY},
    {"route", NULL,
     "A private subnet without NAT needs the VPC interface endpoint "
     "com.amazonaws.{region}.{service} with private DNS; its security group has to let port 443 in "
     "from this task, and this task's has to let it out."},
};

/* Appends what the placeholder at `at` stands for and returns its length, 0 when it is none. */
static size_t add_placeholder(struct buf *out, const char *at, const struct aws_advice_word *words)
{
    for (; words->name; words++) {
        if (text_starts(at, words->name)) {
            buf_text(out, words->value);
            return strlen(words->name);
        }
    }
    return 0;
}

static void set_hint(const char *hint, const struct aws_advice_word *words, struct error *err)
{
    AUTO(buf) struct buf out = buf_make(sizeof err->hint - 1);
    while (*hint) {
        size_t length = add_placeholder(&out, hint, words);
        if (length == 0) {
            buf_char(&out, *hint);
            length = 1;
        }
        hint += length;
    }
    error_hint(err, "%s", out.data);
}

static bool is_of(const struct error *err, const struct aws_endpoint *endpoint)
{
    struct aws_url url = {0};
    struct error ignored;
    return aws_url_parse(endpoint->url, &url, &ignored) &&
           (!*err->where || strcmp(err->where, url.authority) == 0);
}

/* The code by which a table knows it, or NULL when it is none of this endpoint's. */
static const char *code_of(const struct error *err, const struct aws_endpoint *endpoint)
{
    static const char *const route[] = {"resolve", "connect", "timeout"};
    bool unreached = err->kind == ERROR_INTERRUPTED && /* or not for long enough */
                     strcmp(err->code, AWS_STOPPED) != 0;
    for (size_t i = 0; i < COUNT(route); i++) {
        unreached = unreached || strcmp(err->code, route[i]) == 0;
    }
    return !unreached ? err->code : is_of(err, endpoint) ? "route" : NULL;
}

static const struct aws_advice *find(const struct aws_advice *advices, size_t count,
                                     const char *code, const char *message)
{
    for (size_t i = 0; i < count; i++) {
        const struct aws_advice *row = &advices[i];
        if (strcmp(row->code, code) == 0 && (!row->word || strcasestr(message, row->word))) {
            return row;
        }
    }
    return NULL;
}

void aws_advise(const struct aws_advice *advices, size_t count, const struct aws_advice_word *words,
                const struct aws_endpoint *endpoint, struct error *err)
{
    const char *code = code_of(err, endpoint);
    if (!code) {
        return;
    }
    if (endpoint->variable && strcmp(code, "route") == 0) {
        error_hint(err, "The address comes from %s: check it, or unset it.", endpoint->variable);
        return;
    }
    const struct aws_advice *own = find(advices, count, code, err->message);
    if (own) {
        set_hint(own->hint, words, err);
        return;
    }
    const struct aws_advice *shared = find(common, COUNT(common), code, err->message);
    if (shared) {
        const struct aws_advice_word common_words[] = {
            {"{region}", endpoint->region}, {"{service}", endpoint->signing_name}, {NULL, NULL}};
        set_hint(shared->hint, common_words, err);
    }
}
