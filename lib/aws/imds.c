#include "aws/imds.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum { TOKEN_MAX = 1024, ANSWER_MAX = 65536, STATUS_NONE = 0 };

static const char disabled_name[] = "AWS_EC2_METADATA_DISABLED";
static const char endpoint_name[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
static const char mode_name[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
static const char timeout_name[] = "AWS_METADATA_SERVICE_TIMEOUT";
static const char attempts_name[] = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";

static bool misconfigured(struct error *err, const char *name)
{
    err->kind = ERROR_DENIED;
    error_code(err, "BadCredentials");
    return error_wrap(err, "%s", name);
}

static bool find_number(const struct env *env, const char *name, int64_t most, int64_t *out_value,
                        struct error *err)
{
    const char *value = env_value(env, name);
    *out_value = 1;
    if (!value || text_integer(value, 1, most, out_value)) {
        return true;
    }
    error_set(err, ERROR_DENIED, "not a number from 1 to %" PRId64, most);
    error_hint(err, "Unset it for 1.");
    return misconfigured(err, name);
}

static bool find_base(const struct env *env, struct aws_imds *imds, struct error *err)
{
    const char *given = env_value(env, endpoint_name);
    const char *mode = env_value(env, mode_name);
    bool v6 = mode && strcasecmp(mode, "ipv6") == 0;
    if (mode && !v6 && strcasecmp(mode, "ipv4") != 0) {
        error_set(err, ERROR_DENIED, "neither IPv4 nor IPv6");
        error_hint(err, "Unset it for IPv4.");
        return misconfigured(err, mode_name);
    }
    const char *usual = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    struct aws_url url;
    if (!aws_http_check(given ? given : usual, &url, err)) {
        return misconfigured(err, endpoint_name);
    }
    struct buf base = buf_make(sizeof imds->base - 64);
    buf_format(&base, "%s://%s%s", url.secure ? "https" : "http", url.authority, url.path);
    while (base.length > 0 && base.data[base.length - 1] == '/') {
        buf_truncate(&base, base.length - 1);
    }
    bool usable = !base.full && !*url.query;
    text_copy(imds->base, sizeof imds->base, base.data);
    buf_free(&base);
    if (!usable) {
        error_set(err, ERROR_DENIED, "not a usable URL: it is too long or has a query");
        error_hint(err, "Unset it for the usual address.");
        return misconfigured(err, endpoint_name);
    }
    return true;
}

/* Why it is not to be asked at all, or NULL. */
static const char *find_reason(const struct env *env)
{
    const char *disabled = env_value(env, disabled_name);
    if (disabled && strcasecmp(disabled, "true") == 0) {
        return "AWS_EC2_METADATA_DISABLED is true";
    }
    bool fargate = text_same(env_value(env, "AWS_EXECUTION_ENV"), "AWS_ECS_FARGATE");
    bool ecs = env_value(env, "ECS_CONTAINER_METADATA_URI_V4") ||
               env_value(env, "ECS_CONTAINER_METADATA_URI");
    if (env_value(env, endpoint_name) || (!fargate && !ecs)) {
        return NULL;
    }
    return fargate ? "not asked: Fargate has none" : "not asked in an ECS task";
}

/* One request; the status, or STATUS_NONE and err when there was no answer. */
static int ask(const struct aws_imds *imds, const char *method, const char *path,
               struct aws_limit *limit, struct buf *out, struct error *err)
{
    AUTO(buf) struct buf url = buf_make(AWS_PATH_SIZE);
    buf_format(&url, "%s/latest/%s", imds->base, path);
    bool asks_token = strcmp(method, "PUT") == 0;
    const struct aws_http_request request = {
        .method = method,
        .url = url.data,
        .headers = {asks_token
                        ? (struct aws_header){"x-aws-ec2-metadata-token-ttl-seconds", "21600"}
                        : (struct aws_header){"x-aws-ec2-metadata-token",
                                              secret_reveal(&imds->token)}},
        .ca_file = aws_ca_file(imds->aws),
        .timeout_ms = imds->timeout_ms,
        .response_max = ANSWER_MAX,
    };
    AUTO(aws_http) struct aws_http_response response = {0};
    if (!imds->aws->http(&request, limit, &response, err)) {
        return STATUS_NONE;
    }
    buf_add(out, response.body.data, response.body.length);
    return response.status;
}

static int ask_again(const struct aws_imds *imds, const char *method, const char *path,
                     struct aws_limit *limit, struct buf *out, struct error *err)
{
    for (int attempt = 1;; attempt++) {
        buf_truncate(out, 0);
        int status = ask(imds, method, path, limit, out, err);
        bool passing = status >= 500 || (status == STATUS_NONE && err->kind == ERROR_UNREACHABLE);
        if (!passing || attempt >= imds->attempts) {
            return status;
        }
        if (!aws_limit_pause(limit, imds->aws->pause_ms)) {
            aws_limit_error(limit, "waiting for the instance metadata service", err);
            return STATUS_NONE;
        }
    }
}

static bool refused(const struct aws_imds *imds, const char *what, int status, struct error *err)
{
    error_set(err, ERROR_UNREACHABLE,
              "the instance metadata service (%s) answered HTTP status %d%s", imds->base, status,
              what);
    error_code(err, "%d", status);
    return error_hint(err, "Set AWS_EC2_METADATA_DISABLED=true where it is not wanted; elsewhere "
                           "look what answers at that address.");
}

static bool no_answer(const struct aws_imds *imds, struct buf *why, struct error *err)
{
    if (err->kind == ERROR_UNREACHABLE) {
        buf_format(why, "no answer from %s within %" PRId64 " s", imds->base,
                   imds->timeout_ms / 1000);
        return true;
    }
    return false;
}

/* Refusals that mean it is switched off, or older than version 2, which sends no token. */
static bool is_off(int status)
{
    return status == 403 || status == 404 || status == 405;
}

static bool get_token(struct aws_imds *imds, struct aws_limit *limit, struct buf *why,
                      struct error *err)
{
    struct buf token = buf_make(ANSWER_MAX);
    int status = ask_again(imds, "PUT", "api/token", limit, &token, err);
    bool good = false;
    if (status == STATUS_NONE) {
        good = no_answer(imds, why, err);
    } else if (is_off(status)) {
        buf_format(why, "%s answered HTTP status %d: it is off, or not version 2", imds->base,
                   status);
        good = true;
    } else if (status != 200) {
        refused(imds, "", status, err);
    } else if (token.length > TOKEN_MAX || strlen(token.data) != token.length ||
               !aws_credentials_is_plain(token.data)) {
        refused(imds, " with something that is not a token", status, err);
    } else {
        secret_set(&imds->token, token.data);
        good = true;
    }
    buf_wipe(&token);
    return good;
}

bool aws_imds_open(struct aws *aws, struct aws_limit *limit, struct aws_imds *out_imds,
                   struct buf *why, struct error *err)
{
    const char *reason = find_reason(aws->env);
    *out_imds = (struct aws_imds){.aws = aws};
    if (reason) {
        buf_text(why, reason);
        return true;
    }
    int64_t seconds = 0;
    int64_t attempts = 0;
    if (!find_number(aws->env, timeout_name, 60, &seconds, err) ||
        !find_number(aws->env, attempts_name, 10, &attempts, err) ||
        !find_base(aws->env, out_imds, err)) {
        return false;
    }
    out_imds->timeout_ms = seconds * 1000;
    out_imds->attempts = (int)attempts;
    return get_token(out_imds, limit, why, err);
}

bool aws_imds_get(const struct aws_imds *imds, const char *path, struct aws_limit *limit,
                  struct buf *out, struct error *err)
{
    AUTO(buf) struct buf whole = buf_make(AWS_PATH_SIZE);
    buf_format(&whole, "meta-data/%s", path);
    int status = ask_again(imds, "GET", whole.data, limit, out, err);
    if (status == STATUS_NONE) {
        return error_wrap(err, "the instance metadata service");
    }
    return status == 200 || refused(imds, "", status, err);
}

void aws_imds_close(struct aws_imds *imds)
{
    secret_clear(&imds->token);
}
