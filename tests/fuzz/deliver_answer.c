/*
 * Requests of CloudFormation: whatever comes, an answer goes to S3 or to this machine only, is
 * within the limit, gives back what it must byte for byte, and no error shows the URL's query.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "deliver/cloudformation.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { QUERY_LEAST = 12 }; /* a shorter one may stand in any sentence */

static void check_secret(const char *url, const struct error *err)
{
    const char *query = strchr(url, '?');
    if (query && strlen(query) >= QUERY_LEAST &&
        (strstr(err->message, query) || strstr(err->hint, query))) {
        abort();
    }
}

/* By other means than the code under test. */
static void check_host(const char *url)
{
    static const char *const ends[] = {".amazonaws.com",   ".amazonaws.com.cn", ".amazonaws.eu",
                                       ".c2s.ic.gov",      ".sc2s.sgov.gov",    ".cloud.adc-e.uk",
                                       ".csp.hci.ic.gov",  "localhost",         "[::1]",
                                       "[0:0:0:0:0:0:0:1]"};
    size_t lead = text_starts(url, "https://") ? 8 : 7;
    AUTO(text) char *host = memory_text_n(url + lead, strcspn(url + lead, "/?"));
    char *port = strrchr(host, ':');
    if (port && strspn(port + 1, "0123456789") == strlen(port + 1) && port[-1] != ':') {
        *port = '\0';
    }
    for (size_t i = 0; i < COUNT(ends); i++) {
        size_t length = strlen(ends[i]);
        if (strlen(host) >= length && strcasecmp(host + strlen(host) - length, ends[i]) == 0) {
            return;
        }
    }
    if (!text_starts(host, "127.") && *host != '[') {
        abort();
    }
}

static void check_same(const json_t *answer, const char *key, const char *value)
{
    const char *found = json_text(answer, key);
    if (!found || strcmp(found, value ? value : "") != 0) {
        abort();
    }
}

static void check_answer(const struct trigger_request *request)
{
    AUTO(outcome) struct outcome *outcome = outcome_new();
    AUTO(buf) struct buf body = buf_make((size_t)1 << 16);
    AUTO(json) json_t *answer = NULL;
    struct error err = request->wrong;
    if (err.kind == ERROR_NONE) {
        error_set(&err, ERROR_FAILED, "%01400d", 0);
        error_hint(&err, "%01000d", 0);
    }
    outcome_fail(outcome, &err);
    deliver_answer_render(request, outcome, &body);
    if (body.length == 0 || body.length > DELIVER_ANSWER_MAX ||
        !json_read(body.data, body.length, &answer, &err)) {
        abort();
    }
    check_same(answer, "StackId", request->stack);
    check_same(answer, "RequestId", request->request_id);
    check_same(answer, "LogicalResourceId", request->logical_id);
    check_same(answer, "PhysicalResourceId",
               request->physical_id ? request->physical_id : "postlude");
    if (text_empty(json_text(answer, "Reason"))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    AUTO(text) char *copy = memory_text_n((const char *)data, size);
    const struct trigger_input input = {
        .event = copy, .event_length = size, .event_name = "--event"};
    AUTO(trigger) struct trigger *trigger = NULL;
    struct error err = {0};
    if (!trigger_read(&input, &trigger, &err) || !trigger->request) {
        return 0;
    }
    const char *url = secret_reveal(&trigger->request->response_url);
    check_secret(url, &trigger->request->wrong);
    if (deliver_answer_check(trigger, &err)) {
        check_host(url);
    } else {
        check_secret(url, &err);
    }
    check_answer(trigger->request);
    return 0;
}
