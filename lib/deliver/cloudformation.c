#include "deliver/cloudformation.h"

#include <string.h>

#include "aws/fault.h"
#include "aws/http.h"
#include "aws/limit.h"
#include "aws/s3.h"
#include "base/random.h"
#include "base/text.h"

enum {
    WITHIN_MS = 120000, /* the stack waits for it, and for nothing else */
    /* ECS kills 30 s after it asked, and the report is still to go out. */
    GRACE_MS = 12000,
    ATTEMPTS = 12,
    ATTEMPT_MS = 8000,
    PAUSE_MS = 500,
    PAUSE_MAX_MS = 15000,
    RESPONSE_MAX = 65536,
};

static bool may_go_to(const struct aws_url *url, const char *region)
{
    if (aws_url_is_loopback(url)) {
        return true;
    }
    bool usual_port = strcmp(url->authority, url->host) == 0;
    return url->secure && usual_port && aws_s3_host(url->host, region);
}

bool deliver_answer_check(const struct trigger *trigger, struct error *err)
{
    struct aws_url url;
    struct error why;
    bool usable = aws_url_parse(secret_reveal(&trigger->request->response_url), &url, &why);
    if (usable && may_go_to(&url, trigger->region)) {
        return true;
    }
    if (usable) {
        error_set(err, ERROR_REFUSED,
                  "ResponseURL of the CloudFormation request is not https to S3 in the partition "
                  "of the stack, but to %s",
                  url.authority);
    } else {
        error_set(err, ERROR_REFUSED, "ResponseURL of the CloudFormation request is %s",
                  why.message);
    }
    return error_hint(err, "Nothing was sent there, so that CloudFormation waits until its "
                           "time-out. Pass the request whole, as CloudFormation sends it.");
}

/* One answer on its way. */
struct work {
    const char *url;
    const struct buf *body;
    const struct deliver_means *means;
    struct aws_limit limit;
};

static const char route[] =
    "A private subnet without NAT needs the VPC gateway endpoint of S3 in its route table (or the "
    "interface endpoint with private DNS), whose policy lets CloudFormation's buckets be written, "
    "and the task's security group has to let port 443 out.";

static const char *advice_for(const struct error *err)
{
    static const struct {
        const char *code;
        const char *hint;
    } advices[] = {
        {"resolve", route},
        {"connect", route},
        {"timeout", route},
        {"AccessDenied",
         "The ResponseURL ran out (it is good for some hours), was changed on its way here, or the "
         "policy of a VPC endpoint of S3 does not let CloudFormation's buckets be written."},
        {"403", "The ResponseURL ran out (it is good for some hours) or was changed on its way "
                "here, or a proxy stands in between."},
        {"SignatureDoesNotMatch", "The ResponseURL was changed on its way here: pass it byte for "
                                  "byte, percent-encodings included."},
        {"ExpiredToken", "The ResponseURL ran out: the task was started too late."},
    };
    for (size_t i = 0; i < COUNT(advices); i++) {
        if (strcmp(advices[i].code, err->code) == 0) {
            return advices[i].hint;
        }
    }
    return *err->hint ? err->hint : "The request's stack has to be answered by hand.";
}

/* S3's own words could quote the URL: its code says enough. */
static bool refused(const struct work *work, const struct aws_fault *fault, bool again,
                    struct error *err)
{
    struct aws_url url = {0};
    struct error ignored;
    (void)!aws_url_parse(work->url, &url, &ignored);
    error_set(err, again ? ERROR_UNREACHABLE : ERROR_DENIED, "%s answered %s%sHTTP status %d",
              url.authority, fault->code, *fault->code ? ", " : "", fault->status);
    error_where(err, "%s", url.authority);
    return *fault->code ? error_code(err, "%s", fault->code) : error_code(err, "%d", fault->status);
}

static bool attempt(struct work *work, struct error *err)
{
    AUTO(aws_http) struct aws_http_response response = {0};
    const struct aws_http_request request = {
        .method = "PUT",
        .url = work->url,
        .headers = {{"Content-Type", ""}}, /* any other would be part of the signature */
        .body = work->body->data,
        .body_length = work->body->length,
        .ca_file = aws_ca_file(work->means->aws),
        .timeout_ms = ATTEMPT_MS,
        .response_max = RESPONSE_MAX,
    };
    if (!work->means->aws->http(&request, &work->limit, &response, err)) {
        return false;
    }
    if (response.status >= 200 && response.status < 300) {
        return true;
    }
    struct aws_fault fault;
    aws_fault_read(&response, &fault);
    return refused(work, &fault, aws_fault_judge(&fault) == AWS_RETRY, err);
}

static bool send(struct work *work, struct error *err)
{
    const struct aws_sns_patience *patience = &work->means->patience;
    int attempts = patience->attempts ? patience->attempts : ATTEMPTS;
    int64_t pause = patience->pause_ms ? patience->pause_ms : PAUSE_MS;
    for (int done = 1;; done++) {
        struct error why = {0};
        if (attempt(work, &why)) {
            return true;
        }
        if (done == 1 || why.kind != ERROR_INTERRUPTED) {
            *err = why; /* one that was cut short says less than the one before it */
        }
        if (why.kind != ERROR_UNREACHABLE || done >= attempts ||
            !aws_limit_pause(&work->limit, pause / 2 + random_up_to(pause / 2))) {
            return done > 1 ? error_wrap(err, "gave up after %d attempts", done) : false;
        }
        pause = 2 * pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
    }
}

bool deliver_answer(const struct trigger *trigger, const struct outcome *outcome,
                    const struct deliver_means *means, struct error *err)
{
    if (!deliver_answer_check(trigger, err)) {
        return false;
    }
    AUTO(buf) struct buf body = buf_make(DELIVER_ANSWER_MAX);
    deliver_answer_render(trigger->request, outcome, &body);
    struct work work = {
        .url = secret_reveal(&trigger->request->response_url),
        .body = &body,
        .means = means,
        .limit = {.deadline = deadline_min(deliver_end(means), deadline_in(WITHIN_MS)),
                  .stop = means->stop,
                  .grace_ms = GRACE_MS},
    };
    if (send(&work, err)) {
        return true;
    }
    struct error cause = *err;
    error_hint(err, "%s", advice_for(&cause));
    err->kind = ERROR_UNDELIVERED;
    return error_wrap(err, "the stack was not answered");
}
