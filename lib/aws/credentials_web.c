#include "aws/credentials.h"
#include "aws/session.h"
#include "aws/sts.h"

static const char file_name[] = "AWS_WEB_IDENTITY_TOKEN_FILE";
static const char role_name[] = "AWS_ROLE_ARN";
static const char session_name[] = "AWS_ROLE_SESSION_NAME";

static bool misconfigured(struct error *err, const char *name)
{
    err->kind = ERROR_DENIED;
    error_code(err, "BadCredentials");
    return error_wrap(err, "%s", name);
}

static bool read_role(const struct env *env, struct aws_role *out_role, struct error *err)
{
    const char *arn = env_value(env, role_name);
    if (!arn) {
        error_set(err, ERROR_DENIED, "%s is set, but %s is not", file_name, role_name);
        error_code(err, "HalfCredentials");
        return error_hint(err, "Set both. On EKS annotate the service account with "
                               "eks.amazonaws.com/role-arn before the pod is made.");
    }
    struct aws_role ignored;
    if (!aws_sts_role(arn, NULL, &ignored, err)) {
        return misconfigured(err, role_name);
    }
    return aws_sts_role(arn, env_value(env, session_name), out_role, err) ||
           misconfigured(err, session_name);
}

bool aws_credentials_web(struct aws *aws, struct aws_limit *limit,
                         struct aws_credentials *out_credentials, struct buf *why,
                         struct error *err)
{
    const char *file = env_value(aws->env, file_name);
    struct aws_role role;
    if (!file) {
        buf_format(why, "%s is not set", file_name);
        return true;
    }
    if (!read_role(aws->env, &role, err)) {
        return false;
    }
    /* Nobody's session: to find a region must not ask for the credentials looked for here. */
    AUTO(aws) struct aws nobody = aws_open_bare(aws);
    if (!aws_sts_web_identity(&nobody, &role, file, limit, out_credentials, err)) {
        return error_wrap(err, "%s", file_name);
    }
    out_credentials->source = "web identity";
    return true;
}
