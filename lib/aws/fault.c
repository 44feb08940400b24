#include "aws/fault.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { TEXT_MAX = 16384, SECRET_SHOWN = 12 };

static const struct {
    const char *code;
    enum aws_verdict verdict;
} verdicts[] = {
    {"ExpiredToken", AWS_REFRESH},
    {"ExpiredTokenException", AWS_REFRESH},
    {"AuthFailure", AWS_CLOCK},
    {"IncompleteSignature", AWS_CLOCK},
    {"InvalidClientTokenId", AWS_CLOCK},
    {"InvalidSecurity", AWS_CLOCK},
    {"RequestExpired", AWS_REFRESH},
    {"RequestInTheFuture", AWS_CLOCK},
    {"RequestTimeTooSkewed", AWS_CLOCK},
    {"InvalidSignatureException", AWS_CLOCK},
    {"SignatureDoesNotMatch", AWS_CLOCK},
    {"BandwidthLimitExceeded", AWS_RETRY},
    {"EC2ThrottledException", AWS_RETRY},
    {"IDPCommunicationError", AWS_RETRY},
    {"InternalError", AWS_RETRY},
    {"InternalFailure", AWS_RETRY},
    {"KMSThrottling", AWS_RETRY},
    {"LimitExceededException", AWS_RETRY},
    {"PriorRequestNotComplete", AWS_RETRY},
    {"ProvisionedThroughputExceededException", AWS_RETRY},
    {"RequestLimitExceeded", AWS_RETRY},
    {"RequestThrottled", AWS_RETRY},
    {"RequestThrottledException", AWS_RETRY},
    {"RequestTimeout", AWS_RETRY},
    {"RequestTimeoutException", AWS_RETRY},
    {"ServiceUnavailable", AWS_RETRY},
    {"SlowDown", AWS_RETRY},
    {"ThrottledException", AWS_RETRY},
    {"Throttling", AWS_RETRY},
    {"ThrottlingException", AWS_RETRY},
    {"TooManyRequestsException", AWS_RETRY},
    {"TransactionInProgressException", AWS_RETRY},
};

enum aws_verdict aws_fault_judge(const struct aws_fault *fault)
{
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        if (strcmp(fault->code, verdicts[i].code) == 0) {
            return verdicts[i].verdict;
        }
    }
    bool passing = fault->status >= 500 || fault->status == 429 || fault->status == 408;
    return passing ? AWS_RETRY : AWS_FINAL;
}

/* Appends the character an entity stands for and returns its length, or 0 when it is none. */
static size_t add_entity(struct buf *out, const char *at, size_t length)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"&lt;", '<'},   {"&gt;", '>'},    {"&amp;", '&'},
                    {"&quot;", '"'}, {"&apos;", '\''}, {"&#34;", '"'},
                    {"&#39;", '\''}, {"&#10;", '\n'},  {"&#xA;", '\n'}};
    for (size_t i = 0; i < COUNT(entities); i++) {
        size_t size = strlen(entities[i].name);
        if (size <= length && memcmp(at, entities[i].name, size) == 0) {
            buf_char(out, entities[i].c);
            return size;
        }
    }
    return 0;
}

bool aws_xml_text(const char *xml, size_t length, const char *tag, struct buf *out)
{
    AUTO(buf) struct buf open = buf_make(80);
    AUTO(buf) struct buf close = buf_make(80);
    buf_format(&open, "<%s>", tag);
    buf_format(&close, "</%s>", tag);
    const char *start = memmem(xml, length, open.data, open.length);
    if (!start) {
        return false;
    }
    start += open.length;
    size_t left = length - (size_t)(start - xml);
    const char *end = memmem(start, left, close.data, close.length);
    if (!end) {
        return false;
    }
    while (start < end) {
        size_t size = *start == '&' ? add_entity(out, start, (size_t)(end - start)) : 0;
        if (size == 0) {
            buf_char(out, *start);
            size = 1;
        }
        start += size;
    }
    return true;
}

/* AWS repeats the canonical request behind the one, and with it the session token; and behind the
 * other what the Authorization header says. */
static size_t before_echo(const char *text, size_t length)
{
    static const char *const echoes[] = {"The Canonical String", "AWS4-HMAC-SHA256"};
    size_t end = length;
    for (size_t i = 0; i < COUNT(echoes); i++) {
        const char *found = memmem(text, end, echoes[i], strlen(echoes[i]));
        end = found ? (size_t)(found - text) : end;
    }
    while (end > 0 && strchr(" \r\n", text[end - 1])) {
        end--;
    }
    return end;
}

static void set_shown(char *field, size_t size, const char *text, size_t length)
{
    AUTO(buf) struct buf shown = buf_make(6 * length);
    text_escape(&shown, text, length);
    text_copy(field, size, shown.data);
}

static void read_xml_field(const struct buf *body, const char *tag, char *field, size_t size)
{
    AUTO(buf) struct buf text = buf_make(TEXT_MAX);
    if (aws_xml_text(body->data, body->length, tag, &text)) {
        set_shown(field, size, text.data, before_echo(text.data, text.length));
    }
}

static void read_xml(const struct buf *body, struct aws_fault *fault)
{
    read_xml_field(body, "Code", fault->code, sizeof fault->code);
    read_xml_field(body, "Message", fault->message, sizeof fault->message);
    read_xml_field(body, "RequestId", fault->request_id, sizeof fault->request_id);
}

static void read_json_field(const json_t *object, const char *const names[2], char *field,
                            size_t size)
{
    for (size_t i = 0; i < 2; i++) {
        const char *text = json_text(object, names[i]);
        if (text) {
            set_shown(field, size, text, before_echo(text, strlen(text)));
            return;
        }
    }
}

/* "namespace#Code:http://..." is Code. */
static void trim_code(char *code)
{
    code[strcspn(code, ":")] = '\0';
    const char *hash = strrchr(code, '#');
    if (hash) {
        memmove(code, hash + 1, strlen(hash + 1) + 1);
    }
}

static void read_json(const struct buf *body, struct aws_fault *fault)
{
    AUTO(json) json_t *answer = NULL;
    struct error ignored;
    if (!json_read(body->data, body->length, &answer, &ignored)) {
        return;
    }
    const json_t *inner = json_object_get(answer, "Error");
    const json_t *from = json_is_object(inner) ? inner : answer;
    char code[256] = "";
    read_json_field(from, (const char *const[]){"__type", "code"}, code, sizeof code);
    if (!*code) {
        read_json_field(from, (const char *const[]){"Code", "code"}, code, sizeof code);
    }
    trim_code(code);
    text_copy(fault->code, sizeof fault->code, code);
    read_json_field(from, (const char *const[]){"message", "Message"}, fault->message,
                    sizeof fault->message);
    read_json_field(answer, (const char *const[]){"RequestId", "requestId"}, fault->request_id,
                    sizeof fault->request_id);
}

void aws_fault_read(const struct aws_http_response *response, struct aws_fault *out_fault)
{
    *out_fault = (struct aws_fault){.status = response->status};
    set_shown(out_fault->request_id, sizeof out_fault->request_id, response->request_id,
              strlen(response->request_id));
    const struct buf *body = &response->body;
    if (!body->data) {
        return;
    }
    if (body->data[strspn(body->data, " \t\r\n")] == '{') {
        read_json(body, out_fault);
    } else if (memmem(body->data, body->length, "<Error>", 7)) {
        read_xml(body, out_fault);
    }
}

void aws_fault_conceal(struct aws_fault *fault, const char *secret)
{
    aws_fault_mask(fault->message, secret);
    aws_fault_mask(fault->code, secret);
    aws_fault_mask(fault->request_id, secret);
}

void aws_fault_mask(char *message, const char *secret)
{
    char piece[SECRET_SHOWN + 1] = "";
    size_t length = strlen(message);
    for (size_t at = 0; at + SECRET_SHOWN <= length; at++) {
        memcpy(piece, message + at, SECRET_SHOWN);
        if (strstr(secret, piece)) {
            message[at] = '\0';
            return;
        }
    }
}
