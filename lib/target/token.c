/* The login by a token of RDS IAM. */
#include <string.h>

#include "aws/rds_token.h"
#include "aws/region.h"
#include "base/clock.h"
#include "base/text.h"
#include "target/internal.h"

/* The refusal, with everything that has to be right for a token to be taken. */
static bool refused(const struct pg_asking *asking, const struct pg_address *address,
                    const char *region, struct error *err)
{
    *err = *asking->refused;
    if (!strstr(err->message, "login by IAM") && !strstr(err->message, "password")) {
        return false; /* the server says what it is, and it is not the token */
    }
    char name[AWS_REGION_SIZE];
    bool own = aws_rds_region(address->host, name, sizeof name);
    return error_hint(
        err,
        "%sAllow rds-db:connect on arn:aws:rds-db:%s:ACCOUNT:dbuser:RESOURCE/%s to the task role: "
        "RESOURCE is prx-... of the proxy, or db-... or cluster-... of a database reached "
        "directly. "
        "Switch IAM authentication on there, and GRANT rds_iam TO the user where the token reaches "
        "the database itself. This machine's clock has to be right.",
        own ? ""
            : "database.host has to be the endpoint's own name, as AWS gives it: a token for an "
              "alias (CNAME) or an address is refused. ",
        region, address->user);
}

static bool find_region(struct target *target, struct target_question *question, const char *host,
                        char out_region[AWS_REGION_SIZE], struct error *err)
{
    return aws_rds_region(host, out_region, AWS_REGION_SIZE) ||
           aws_region_find(target->aws, &question->limit, out_region, err);
}

/* Credentials that can be had anew may have been withdrawn since they were read. */
static bool may_help(const struct aws *aws, const struct pg_asking *asking)
{
    return asking->refusals == 1 && aws->credentials.expires_ms != INT64_MAX;
}

bool target_sign_token(struct target *target, struct target_question *question,
                       const struct pg_address *address, struct error *err)
{
    static const char what[] = "no token could be signed for the database's login";
    struct aws *aws = target->aws;
    const struct plan_text *place = &target->plan->database.iam_text;
    char region[AWS_REGION_SIZE];
    if (!find_region(target, question, address->host, region, err)) {
        return target_unread(target, place, question, what, err);
    }
    if (question->asking->refused) {
        if (!may_help(aws, question->asking)) {
            return refused(question->asking, address, region, err);
        }
        aws_credentials_forget(aws);
    }
    if (!aws_credentials_ready(aws, &question->limit, err)) {
        return target_unread(target, place, question, what, err);
    }
    const struct aws_rds_login login = {
        .host = address->host, .port = address->port, .user = address->user, .region = region};
    return aws_rds_token(&login, &aws->credentials, clock_wall_ms() + aws->skew_ms, &target->token,
                         err) ||
           target_unread(target, place, question, what, err);
}
