#include "aws/endpoint.h"

#include <string.h>
#include <strings.h>

#include "aws/http.h"
#include "base/text.h"

static const struct {
    const char *signing_name; /* also the first label of its host */
    const char *variable;
    bool plain_fips_in_gov; /* GovCloud's ordinary host is the FIPS one */
    bool plain_dual;        /* where partitions say so, its ordinary host is dual-stack */
} services[] = {
    [AWS_SNS] = {"sns", "AWS_ENDPOINT_URL_SNS", true, false},
    [AWS_STS] = {"sts", "AWS_ENDPOINT_URL_STS", true, false},
    [AWS_SECRETS_MANAGER] = {"secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", false, true},
    [AWS_SSM] = {"ssm", "AWS_ENDPOINT_URL_SSM", true, false},
    [AWS_CODEPIPELINE] = {"codepipeline", "AWS_ENDPOINT_URL_CODEPIPELINE", false, false},
};

/* The first whose prefix the region has; facts: botocore's rule sets of August 2026. */
static const struct partition {
    const char *prefix;
    const char *name;
    const char *suffix;
    const char *dual_suffix;
    bool plain_dual, plain_dual_fips; /* for the services above */
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", true, false},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws", true, true},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov", false, false},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", false, false},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false, false},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false, false},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", false, false},
    {"", "aws", "amazonaws.com", "api.aws", true, true},
};

static bool not_an_arn(struct error *err, const char *why)
{
    error_set(err, ERROR_INVALID, "not an ARN: %s", why);
    return error_hint(err, "An ARN reads arn:aws:service:region:account:name; copy it whole from "
                           "the console or from the stack's outputs.");
}

/* Copies up to the next colon and moves the cursor behind it. */
static bool take_field(const char **cursor, char *out, size_t size, const char *allowed)
{
    size_t length = strspn(*cursor, allowed);
    if (length == 0 || length >= size || (*cursor)[length] != ':') {
        return false;
    }
    memcpy(out, *cursor, length);
    out[length] = '\0';
    *cursor += length + 1;
    return true;
}

bool aws_arn_parse(const char *text, struct aws_arn *out_arn, struct error *err)
{
    static const char label[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    struct aws_arn arn;
    if (!text_starts(text, "arn:")) {
        return not_an_arn(err, "it does not begin with arn:");
    }
    const char *cursor = text + 4;
    if (!take_field(&cursor, arn.partition, sizeof arn.partition, label) ||
        !take_field(&cursor, arn.service, sizeof arn.service, label)) {
        return not_an_arn(err, "its partition or service is missing");
    }
    if (!take_field(&cursor, arn.region, sizeof arn.region, label)) {
        return not_an_arn(err, "its region is missing");
    }
    if (!take_field(&cursor, arn.account, sizeof arn.account, "0123456789") ||
        strlen(arn.account) != 12) {
        return not_an_arn(err, "its account is not 12 digits");
    }
    for (const char *at = cursor; *at; at++) {
        if (*at <= ' ' || *at >= 0x7F) {
            return not_an_arn(err, "its name has a blank or a character outside ASCII");
        }
    }
    if (text_empty(cursor) || strlen(cursor) >= sizeof arn.resource) {
        return not_an_arn(err, "its name is missing or too long");
    }
    text_copy(arn.resource, sizeof arn.resource, cursor);
    *out_arn = arn;
    return true;
}

static bool is_true(const struct env *env, const char *name)
{
    const char *value = env_value(env, name);
    return value && strcasecmp(value, "true") == 0;
}

/* The variable that overrides the endpoint, or NULL. */
static const char * override(const struct env *env, enum aws_service service)
{
    if (is_true(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
        return NULL;
    }
    if (env_value(env, services[service].variable)) {
        return services[service].variable;
    }
    return env_value(env, "AWS_ENDPOINT_URL") ? "AWS_ENDPOINT_URL" : NULL;
}

static bool use_override(const struct env *env, struct aws_endpoint *endpoint, struct error *err)
{
    struct aws_url parsed;
    if (!aws_http_check(env_value(env, endpoint->variable), &parsed, err)) {
        return error_wrap(err, "%s", endpoint->variable);
    }
    struct buf whole = buf_make(sizeof endpoint->url - 1);
    buf_format(&whole, "%s://%s%s", parsed.secure ? "https" : "http", parsed.authority,
               parsed.path);
    bool fits = !whole.full && !*parsed.query;
    text_copy(endpoint->url, sizeof endpoint->url, whole.data);
    buf_free(&whole);
    return fits || error_set(err, ERROR_INVALID, "%s: not a usable URL: it has a query",
                             endpoint->variable);
}

static const struct partition *partition_of(const char *region)
{
    const struct partition *found = partitions;
    while (!text_starts(region, found->prefix)) {
        found++;
    }
    return found;
}

const char *aws_partition_suffix(const char *region)
{
    return partition_of(region)->suffix;
}

const char *aws_partition_name(const char *region)
{
    return partition_of(region)->name;
}

bool aws_partition_same(const char *a, const char *b)
{
    return partition_of(a) == partition_of(b);
}

static void use_partition(const struct env *env, enum aws_service service,
                          struct aws_endpoint *endpoint)
{
    const struct partition *partition = partition_of(endpoint->region);
    bool fips = is_true(env, "AWS_USE_FIPS_ENDPOINT");
    bool plain_dual =
        services[service].plain_dual && (fips ? partition->plain_dual_fips : partition->plain_dual);
    bool dual = is_true(env, "AWS_USE_DUALSTACK_ENDPOINT") && !plain_dual;
    if (!dual && services[service].plain_fips_in_gov && text_starts(endpoint->region, "us-gov-")) {
        fips = false;
    }
    struct buf url = buf_make(sizeof endpoint->url - 1);
    buf_format(&url, "https://%s%s.%s.%s/", endpoint->signing_name, fips ? "-fips" : "",
               endpoint->region, dual ? partition->dual_suffix : partition->suffix);
    text_copy(endpoint->url, sizeof endpoint->url, url.data);
    buf_free(&url);
}

bool aws_endpoint_find(const struct env *env, enum aws_service service, const char *region,
                       struct aws_endpoint *out_endpoint, struct error *err)
{
    struct aws_endpoint endpoint = {.signing_name = services[service].signing_name};
    text_copy(endpoint.region, sizeof endpoint.region, region);
    endpoint.variable = override(env, service);
    if (endpoint.variable && !use_override(env, &endpoint, err)) {
        return false;
    }
    if (!endpoint.variable) {
        use_partition(env, service, &endpoint);
    }
    *out_endpoint = endpoint;
    return true;
}
