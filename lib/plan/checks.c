#include "plan/checks.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum {
    PLAN_NAME_MAX = 63,
    ID_MAX = 200,
    ACCOUNT_DIGITS = 12,
    ROLE_MAX = 700,
    SECRET_COLONS = 3,
    SECRET_ARN_COLONS = 9
};

static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static bool wrong(struct plan_wrong *out_wrong, const char *message, const char *hint)
{
    *out_wrong = (struct plan_wrong){.message = message, .hint = hint};
    return false;
}

bool plan_check_plan(const char *text, struct plan_wrong *out_wrong)
{
    size_t length = strlen(text);
    if (!length || length > PLAN_NAME_MAX || !strchr(lower_digits, text[0]) ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != length) {
        return wrong(out_wrong, "is not a plan's name",
                     "Use 1 to 63 lower-case letters, digits, \"_\" and \"-\", starting with a "
                     "letter or digit.");
    }
    return true;
}

bool plan_check_line(const char *text, struct plan_wrong *out_wrong)
{
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            return wrong(out_wrong, "holds a control character",
                         "Remove it; a line break at the end often comes from how a variable was "
                         "set.");
        }
    }
    return true;
}

bool plan_check_reason(const char *text, struct plan_wrong *out_wrong)
{
    static const char *const none[] = {"true", "false", "yes", "no", "on", "off"};
    for (size_t i = 0; i < COUNT(none); i++) {
        if (strcasecmp(text, none[i]) == 0) {
            return wrong(
                out_wrong, "gives no reason",
                "Say why it may run below applied ones, for whoever reads the plan later.");
        }
    }
    return plan_check_line(text, out_wrong);
}

bool plan_check_account(const char *text, struct plan_wrong *out_wrong)
{
    if (strlen(text) != ACCOUNT_DIGITS || strspn(text, "0123456789") != ACCOUNT_DIGITS) {
        return wrong(out_wrong, "holds what is not an AWS account id",
                     "Account ids have 12 digits, leading zeros included.");
    }
    return true;
}

/* A name of Parameter Store: a path, an ARN, perhaps with a version or label behind it. */
static bool check_parameter(const char *name, struct plan_wrong *out_wrong)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/:");
    return (length > 0 && !name[length]) ||
           wrong(out_wrong, "names no parameter of Parameter Store",
                 "Write ssm: and the parameter's name, as in ssm:/orders/db/host.");
}

bool plan_check_host(const char *text, struct plan_wrong *out_wrong)
{
    if (text_starts(text, "ssm:")) {
        return check_parameter(text + 4, out_wrong);
    }
    if (strstr(text, "://")) {
        *out_wrong = (struct plan_wrong){
            .message = "is a URL",
            .hint = "Give the host name alone, and the rest in \"port\", \"name\", \"user\" and "
                    "\"password\".",
            .secret = true};
        return false;
    }
    if (strcspn(text, " ,@") != strlen(text)) {
        *out_wrong =
            (struct plan_wrong){.message = "is not one host name",
                                .hint = "Give one host name, without blanks, commas and \"@\".",
                                .secret = true};
        return false;
    }
    const char *colon = strchr(text, ':');
    if (colon && !strchr(colon + 1, ':')) {
        return wrong(out_wrong, "holds a port", "Give the port in \"port\".");
    }
    return plan_check_line(text, out_wrong);
}

/* arn:partition:iam::account:role/path/name */
bool plan_check_role(const char *text, struct plan_wrong *out_wrong)
{
    static const char hint[] = "Give the role's ARN, arn:aws:iam::ACCOUNT:role/NAME, in the "
                               "account of the pipeline.";
    const char *account = text_starts(text, "arn:aws") ? strstr(text, ":iam::") : NULL;
    if (!account) {
        return wrong(out_wrong, "is not the ARN of a role", hint);
    }
    account += strlen(":iam::");
    const char *role = account + strspn(account, "0123456789");
    size_t length = strspn(role, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 ":/_+=,.@-");
    bool fine = role == account + ACCOUNT_DIGITS && text_starts(role, ":role/") &&
                length > strlen(":role/") && !role[length] && !text_ends(role, "/") &&
                strlen(text) <= ROLE_MAX;
    return fine || wrong(out_wrong, "is not the ARN of a role", hint);
}

bool plan_check_name(const char *text, struct plan_wrong *out_wrong)
{
    if (text_starts(text, "ssm:")) {
        return wrong(out_wrong, "cannot come from Parameter Store",
                     "Only \"host\" can; let the task definition's \"secrets\" put the parameter "
                     "into a variable, and write ${NAME}.");
    }
    return plan_check_line(text, out_wrong);
}

/* arn:partition:secretsmanager:region:account:secret:name */
static bool is_secret_arn(const char *text)
{
    static const char service[] = ":secretsmanager:";
    static const char type[] = ":secret:";
    const char *rest = text + strlen("arn:");
    rest += strcspn(rest, ":");
    if (!text_starts(rest, service)) {
        return false;
    }
    rest += strlen(service);
    size_t region = strcspn(rest, ":");
    rest += region + (rest[region] == ':');
    size_t account = strspn(rest, "0123456789");
    rest += account;
    return region > 0 && account == ACCOUNT_DIGITS && text_starts(rest, type) &&
           rest[strlen(type)] && rest[strlen(type)] != ':';
}

/* lib/aws takes it apart; here is what can be told without, and what must not be shown: ECS puts
 * the secret itself into a variable of its "secrets". */
bool plan_check_secret(const char *text, struct plan_wrong *out_wrong)
{
    static const char form[] =
        "Give its name or ARN, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, "
        "perhaps with \":KEY:STAGE:VERSION\" behind; "
        "the variable belongs to the \"environment\" of the task "
        "definition, not to its \"secrets\".";
    size_t length =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@!:-");
    size_t colons = 0;
    for (const char *at = strchr(text, ':'); at; at = strchr(at + 1, ':')) {
        colons++;
    }
    size_t most = text_starts(text, "arn:") ? SECRET_ARN_COLONS : SECRET_COLONS;
    if (text[length] || strstr(text, "://") || colons > most) {
        *out_wrong = (struct plan_wrong){
            .message = "is not the name of a secret", .hint = form, .secret = true};
        return false;
    }
    if (text_starts(text, "arn:") && !is_secret_arn(text)) {
        return wrong(out_wrong,
                     strstr(text, ":secretsmanager:") ? "is not the whole ARN of a secret"
                                                      : "is the ARN of something else",
                     form);
    }
    return true;
}

/* arn:partition:sns:region:account:name, where a FIFO topic's name ends in .fifo. */
bool plan_check_topic(const char *text, struct plan_wrong *out_wrong)
{
    static const char hint[] =
        "Give the topic's ARN, arn:aws:sns:REGION:ACCOUNT:NAME, or remove the line to publish "
        "nothing.";
    const char *fields[5] = {text};
    for (size_t i = 1; i < COUNT(fields); i++) {
        const char *colon = strchr(fields[i - 1], ':');
        if (!colon) {
            return wrong(out_wrong, "is not the ARN of an SNS topic", hint);
        }
        fields[i] = colon + 1;
    }
    const char *account_end = strchr(fields[4], ':');
    const char *name = account_end ? account_end + 1 : "";
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    bool fine = text_starts(text, "arn:aws") && text_starts(fields[2], "sns:") &&
                fields[3][0] != ':' && account_end == fields[4] + ACCOUNT_DIGITS &&
                strspn(fields[4], "0123456789") == ACCOUNT_DIGITS && length > 0 &&
                (!name[length] || strcmp(name + length, ".fifo") == 0);
    return fine || wrong(out_wrong,
                         text_starts(fields[2], "sns:") && account_end && strchr(name, ':')
                             ? "is the ARN of a subscription, not of a topic"
                             : "is not the ARN of an SNS topic",
                         hint);
}

/* Whether the text begins with a query's first word, or with what has to be lexed to tell. */
static bool begins_query(const char *text)
{
    static const char *const words[] = {"select", "with", "values", "table"};
    text += strspn(text, "( \t\r\n\f\v");
    for (size_t i = 0; i < COUNT(words); i++) {
        size_t length = strlen(words[i]);
        if (strncasecmp(text, words[i], length) == 0 &&
            (!text[length] || strchr(" \t\r\n\f\v(*'\"/-+$.", text[length]))) {
            return true;
        }
    }
    return text_starts(text, "--") || text_starts(text, "/*");
}

/* lib/sql splits it before it is run; here is only what can be told without, so that no query that
 * is right is refused: behind a quote or a comment a semicolon may be text. */
bool plan_check_query(const char *text, struct plan_wrong *out_wrong)
{
    static const char hint[] = "Write one SELECT that returns one true when all is well.";
    if (!begins_query(text)) {
        return wrong(out_wrong, "is not a query", hint);
    }
    const char *first = text + strcspn(text, ";'\"$-/");
    if (*first == ';' && first[strspn(first, "; \t\r\n\f\v")]) {
        return wrong(out_wrong, "holds several statements", hint);
    }
    return true;
}

bool plan_check_id(const char *text, struct plan_wrong *out_wrong)
{
    size_t length = strlen(text);
    if (length > ID_MAX) {
        return wrong(out_wrong, "is longer than 200 bytes", "Give it a shorter \"id\".");
    }
    if (length && (text[0] == ' ' || text[length - 1] == ' ')) {
        return wrong(out_wrong, "starts or ends with a blank", "Give it an \"id\" without.");
    }
    return plan_check_line(text, out_wrong) ||
           wrong(out_wrong, out_wrong->message, "Choose an id without.");
}
