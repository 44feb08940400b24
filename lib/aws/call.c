#include "aws/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"

enum { PAUSE_MAX_MS = 20000, ASKED_MAX_MS = 5000, SKEW_MS = 4 * 60 * 1000 };

/* A call under way. */
struct work {
    struct aws *aws;
    const struct aws_call *call;
    struct aws_limit *limit;
    int attempts;
    bool refreshed; /* credentials were read once more */
    bool adjusted;  /* the clock was corrected */
    struct aws_http_response response;
    struct aws_fault fault;
};

enum step {
    STEP_DONE,
    STEP_FINAL,  /* no further attempt would help */
    STEP_AGAIN,  /* after a pause */
    STEP_MENDED, /* at once */
};

/* One request, and what its pointers point to. */
struct outgoing {
    struct aws_url url;
    char date[CLOCK_TEXT_SIZE];
    size_t header_count;
    struct aws_http_request request;
};

static void add_header(struct outgoing *outgoing, const char *name, const char *value)
{
    outgoing->request.headers[outgoing->header_count++] = (struct aws_header){name, value};
}

static void fill(const struct work *work, int64_t now_ms, struct outgoing *outgoing)
{
    const struct aws_call *call = work->call;
    const struct secret *token = &work->aws->credentials.session_token;
    bool carries_token = !call->open && secret_is_set(token);
    outgoing->request = (struct aws_http_request){
        .method = "POST",
        .url = call->endpoint->url,
        .body = call->body,
        .body_length = call->body_length,
        .ca_file = aws_ca_file(work->aws),
        .timeout_ms = call->timeout_ms,
        .response_max = call->response_max,
    };
    clock_format_basic(now_ms, outgoing->date);
    add_header(outgoing, "Host", outgoing->url.authority);
    add_header(outgoing, "Content-Type", call->content_type);
    add_header(outgoing, "X-Amz-Date", outgoing->date);
    if (call->target) {
        add_header(outgoing, "X-Amz-Target", call->target);
    }
    if (carries_token) {
        add_header(outgoing, "X-Amz-Security-Token", secret_reveal(token));
    }
}

static bool send_signed(struct work *work, struct outgoing *outgoing, int64_t now_ms,
                        struct error *err)
{
    AUTO(aws_sigv4)
    struct aws_sigv4 sigv4 = {
        .method = outgoing->request.method,
        .path = outgoing->url.path,
        .query = outgoing->url.query,
        .headers = outgoing->request.headers,
        .header_count = outgoing->header_count,
        .body = work->call->body,
        .body_length = work->call->body_length,
        .access_key_id = work->aws->credentials.access_key_id,
        .secret_key = &work->aws->credentials.secret_key,
        .region = work->call->endpoint->region,
        .service = work->call->endpoint->signing_name,
        .time_ms = now_ms,
    };
    if (!aws_sigv4_sign(&sigv4)) {
        return error_set(err, ERROR_INTERNAL, "the headers of a request to AWS are too large");
    }
    add_header(outgoing, "Authorization", sigv4.authorization.data);
    return work->aws->http(&outgoing->request, work->limit, &work->response, err);
}

/* Signs with the time as AWS sees it, and sends. */
static bool exchange(struct work *work, struct error *err)
{
    struct outgoing outgoing = {0};
    if (!aws_http_check(work->call->endpoint->url, &outgoing.url, err)) {
        return false;
    }
    int64_t now_ms = clock_wall_ms() + work->aws->skew_ms;
    fill(work, now_ms, &outgoing);
    return work->call->open ? work->aws->http(&outgoing.request, work->limit, &work->response, err)
                            : send_signed(work, &outgoing, now_ms, err);
}

static bool refused(const struct aws_call *call, const struct aws_fault *fault,
                    enum aws_verdict verdict, struct error *err)
{
    struct aws_url url = {0};
    struct error ignored;
    (void)!aws_url_parse(call->endpoint->url, &url, &ignored);
    error_set(err, verdict == AWS_RETRY ? ERROR_UNREACHABLE : ERROR_DENIED,
              "%s answered %s%sHTTP status %d%s%s%s%s", url.authority, fault->code,
              *fault->code ? ", " : "", fault->status, *fault->request_id ? ", request " : "",
              fault->request_id, *fault->message ? ": " : "", fault->message);
    error_where(err, "%s", url.authority);
    return *fault->code ? error_code(err, "%s", fault->code) : error_code(err, "%d", fault->status);
}

/* Corrects our idea of AWS's clock by its answer; false when that cannot be the reason. */
static bool adjust_clock(struct aws *aws, const struct aws_http_response *response)
{
    int64_t off = response->date_ms - clock_wall_ms() - aws->skew_ms;
    if (response->date_ms < 0 || llabs(off) < SKEW_MS) {
        return false;
    }
    aws->skew_ms += off;
    return true;
}

/* Mends what the refusal complains about, once each. */
static bool mend(struct work *work, enum aws_verdict verdict)
{
    bool dated = verdict == AWS_CLOCK || verdict == AWS_REFRESH;
    if (dated && !work->adjusted && adjust_clock(work->aws, &work->response)) {
        work->adjusted = true;
        return true;
    }
    if (verdict == AWS_REFRESH && !work->refreshed && !work->call->open) {
        aws_credentials_forget(work->aws);
        work->refreshed = true;
        return true;
    }
    return false;
}

static enum step judge(struct work *work, struct error *err)
{
    if (work->response.status < 300) {
        return STEP_DONE;
    }
    aws_fault_read(&work->response, &work->fault);
    aws_fault_conceal(&work->fault, secret_reveal(&work->aws->credentials.session_token));
    aws_fault_conceal(&work->fault, secret_reveal(&work->aws->credentials.secret_key));
    enum aws_verdict verdict = aws_fault_judge(&work->fault);
    refused(work->call, &work->fault, verdict, err);
    if (mend(work, verdict)) {
        return STEP_MENDED;
    }
    return verdict == AWS_RETRY ? STEP_AGAIN : STEP_FINAL;
}

/* What STS or an instance said must not be taken for what this service says. */
static enum step no_credentials(struct error *err)
{
    if (err->kind != ERROR_INTERRUPTED && !text_ends(err->code, "Credentials")) {
        error_code(err, "BadCredentials");
    }
    return STEP_FINAL;
}

static enum step attempt(struct work *work, struct error *err)
{
    aws_http_clear(&work->response);
    work->response.retry_after_ms = -1;
    work->fault = (struct aws_fault){0};
    if (!work->call->open && !aws_credentials_ready(work->aws, work->limit, err)) {
        return no_credentials(err);
    }
    if (exchange(work, err)) {
        return judge(work, err);
    }
    return err->kind == ERROR_UNREACHABLE ? STEP_AGAIN : STEP_FINAL;
}

static int64_t pause_after(const struct work *work)
{
    int64_t most = work->call->pause_ms;
    for (int i = 1; i < work->attempts && most < PAUSE_MAX_MS; i++) {
        most *= 2;
    }
    int64_t pause = random_up_to(most < PAUSE_MAX_MS ? most : PAUSE_MAX_MS);
    int64_t asked = work->response.retry_after_ms;
    if (asked <= pause) {
        return pause;
    }
    return asked < pause + ASKED_MAX_MS ? asked : pause + ASKED_MAX_MS;
}

/* The log hears of it: whoever reads along would else see nothing happen for a minute. */
static bool pause_before_next(const struct work *work, const struct error *why)
{
    int64_t pause_ms = pause_after(work);
    AUTO(buf) struct buf line = buf_make(128);
    buf_format(&line, "attempt %d of %d failed, trying again in ", work->attempts,
               work->call->attempts);
    text_show_duration(&line, pause_ms);
    log_trouble(LOG_INFO, line.data, why);
    return aws_limit_pause(work->limit, pause_ms);
}

/* Whether it ended well. An attempt that the limit cut short says less than the one before it. */
static bool work_on(struct work *work, struct error *err)
{
    for (;;) {
        struct error why = {0};
        enum step step = attempt(work, &why);
        if (step == STEP_DONE) {
            return true;
        }
        work->attempts += step != STEP_MENDED;
        if (work->attempts <= 1 || why.kind != ERROR_INTERRUPTED) {
            *err = why;
        }
        if (step == STEP_FINAL || work->attempts >= work->call->attempts) {
            return false;
        }
        if (step == STEP_AGAIN && !pause_before_next(work, &why)) {
            return false;
        }
    }
}

bool aws_call_send(struct aws *aws, const struct aws_call *call, struct aws_limit *limit,
                   struct aws_http_response *out_response, struct aws_fault *out_fault,
                   struct error *err)
{
    struct work work = {.aws = aws, .call = call, .limit = limit};
    if (work_on(&work, err)) {
        *out_response = work.response;
        return true;
    }
    aws_http_clear(&work.response);
    *out_fault = work.fault;
    return work.attempts > 1 ? error_wrap(err, "gave up after %d attempts", work.attempts) : false;
}
