#include "aws/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "aws/advice.h"
#include "aws/json_call.h"
#include "base/text.h"

enum { ARN_COLONS = 6 };

static const char name_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@!-";

static const char form[] =
    "Give its ARN, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX, or its name; "
    "\":KEY:STAGE:VERSION\" may stand behind, as in the \"secrets\" of a task definition.";

static bool not_a_name(const char *why, struct error *err)
{
    error_set(err, ERROR_INVALID, "not the name of a secret: %s", why);
    return error_hint(err, "%s", form);
}

/* Copies up to the next colon and moves the cursor behind it. */
static bool take(const char **cursor, char *out, size_t size)
{
    size_t length = strcspn(*cursor, ":");
    if (length >= size) {
        return false;
    }
    memcpy(out, *cursor, length);
    out[length] = '\0';
    *cursor += length + ((*cursor)[length] == ':');
    return true;
}

/* The length of the name or ARN without what stands behind it. */
static size_t id_length(const char *text)
{
    size_t colons = text_starts(text, "arn:") ? ARN_COLONS : 0;
    size_t length = 0;
    for (; text[length]; length++) {
        if (text[length] == ':' && colons-- == 0) {
            break;
        }
    }
    return length;
}

static bool check_id(struct aws_secret_name *name, struct error *err)
{
    struct aws_arn arn;
    if (!text_starts(name->id, "arn:")) {
        return (*name->id && !name->id[strspn(name->id, name_letters)]) ||
               not_a_name("a name has letters, digits and /_+=.@- only", err);
    }
    if (!aws_arn_parse(name->id, &arn, err)) {
        return error_hint(err, "%s", form);
    }
    if (strcmp(arn.service, "secretsmanager") != 0 || !text_starts(arn.resource, "secret:") ||
        !arn.resource[7]) {
        return not_a_name("it is the ARN of something else", err);
    }
    text_copy(name->region, sizeof name->region, arn.region);
    return true;
}

bool aws_secret_name_parse(const char *text, struct aws_secret_name *out_name, struct error *err)
{
    struct aws_secret_name name = {0};
    size_t length = id_length(text);
    const char *rest = text + length + (text[length] == ':');
    if (length >= sizeof name.id) {
        return not_a_name("it is too long", err);
    }
    if (text_starts(rest, "//")) {
        return not_a_name("it is a URL", err);
    }
    memcpy(name.id, text, length);
    if (!check_id(&name, err)) {
        return false;
    }
    if (!take(&rest, name.json_key, sizeof name.json_key) ||
        !take(&rest, name.stage, sizeof name.stage) ||
        !take(&rest, name.version, sizeof name.version) || *rest) {
        return not_a_name("what stands behind it is more than a key, a stage and a version", err);
    }
    *out_name = name;
    return true;
}

static json_t *make_request(const struct aws_secret_name *name)
{
    json_t *request = json_made(json_object());
    json_put(request, "SecretId", json_safe(name->id));
    if (*name->version) {
        json_put(request, "VersionId", json_safe(name->version));
    }
    if (*name->stage) {
        json_put(request, "VersionStage", json_safe(name->stage));
    }
    return request;
}

static void advise(const struct aws *aws, const struct aws_secret_name *name, const char *region,
                   struct error *err)
{
    struct aws_endpoint endpoint;
    struct aws_secret_name placed = *name;
    struct error ignored;
    text_copy(placed.region, sizeof placed.region, region);
    if (aws_endpoint_find(aws->env, AWS_SECRETS_MANAGER, region, &endpoint, &ignored)) {
        aws_secret_advise(&placed, &endpoint, err);
    }
}

bool aws_secret_read(struct aws *aws, const struct aws_secret_name *name, struct aws_limit *limit,
                     struct aws_secret *out_secret, struct error *err)
{
    char region[AWS_REGION_SIZE];
    text_copy(region, sizeof region, name->region);
    if (!*region && !aws_region_find(aws, limit, region, err)) {
        return false;
    }
    AUTO(json) json_t *request = make_request(name);
    AUTO(json) json_t *answer = NULL;
    const struct aws_json_call call = {.service = AWS_SECRETS_MANAGER,
                                       .region = region,
                                       .target = "secretsmanager.GetSecretValue",
                                       .request = request};
    if (!aws_json_call_send(aws, &call, limit, &answer, err)) {
        advise(aws, name, region, err);
        return false;
    }
    return aws_secret_parse(answer, name->json_key, out_secret, err);
}

void aws_secret_clear(struct aws_secret *secret)
{
    secret_clear(&secret->password);
    free(secret->user);
    free(secret->host);
    free(secret->database);
    *secret = (struct aws_secret){0};
}
