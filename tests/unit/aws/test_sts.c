#include "aws/sts.h"

#include "aws/chain.h"
#include "base/clock.h"

#define ROLE "arn:aws:iam::210987654321:role/deploy"

static void check_answer(const struct block *block)
{
    struct aws_credentials found = {0};
    const char *text = block_need(block, "answer");
    const char *id = block_get(block, "id");
    assert_int_equal(aws_sts_read(text, strlen(text), &found), id != NULL);
    if (id) {
        assert_string_equal(found.access_key_id, id);
        assert_string_equal(secret_reveal(&found.secret_key), block_need(block, "secret"));
        assert_string_equal(secret_reveal(&found.session_token), block_need(block, "token"));
        char ends[CLOCK_TEXT_SIZE];
        clock_format(found.expires_ms, ends);
        assert_string_equal(ends, block_need(block, "ends"));
    }
    aws_credentials_clear(&found);
}

static void reads_answers(void **state)
{
    (void)state;
    blocks_each("sts_answers.txt", check_answer);
}

static void check_advice(const struct block *block)
{
    struct error err = {0};
    struct aws_endpoint endpoint = {.signing_name = "sts",
                                    .region = "eu-west-3",
                                    .url = "https://sts.eu-west-3.amazonaws.com/",
                                    .variable = block_get(block, "variable")};
    error_set(&err, ERROR_DENIED, "why");
    error_code(&err, "%s", block_need(block, "code"));
    error_hint(&err, "as it was");
    aws_sts_advise(ROLE, &endpoint, &err);
    chain_find(err.hint, block_need(block, "hint"));
}

static void advises(void **state)
{
    (void)state;
    blocks_each("sts_advice.txt", check_advice);
}

/* Two sessions: the one that asks, with keys, and the role's. */
struct roles {
    char *variables[4];
    struct env *env;
    struct aws base, role;
    struct aws_limit limit;
    struct error err;
};

static void open_roles(struct roles *roles)
{
    *roles = (struct roles){.variables = {memory_text("AWS_ACCESS_KEY_ID=AKIA1"),
                                          memory_text("AWS_SECRET_ACCESS_KEY=hidden"),
                                          memory_text("AWS_REGION=eu-west-3")}};
    roles->env = env_take(roles->variables);
    roles->base = aws_open(roles->env);
    roles->base.http = script_http;
    roles->base.pause_ms = 1;
    roles->limit = (struct aws_limit){.deadline = deadline_in(30000)};
    script_begin();
}

static void close_roles(struct roles *roles)
{
    script_end();
    aws_close(&roles->role);
    aws_close(&roles->base);
    env_free(roles->env);
    for (size_t i = 0; roles->variables[i]; i++) {
        free(roles->variables[i]);
    }
}

static bool assume(struct roles *roles, const char *arn, const char *name)
{
    return aws_assume_role(&roles->base, arn, name, &roles->limit, &roles->role, &roles->err);
}

#define ANSWER(id, ends)                                                                           \
    ((struct script_answer){                                                                       \
        .status = 200,                                                                             \
        .body = "<Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>hidden"            \
                "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>" ends                \
                "</Expiration></Credentials>"})

static void signs_as_the_role_and_renews_through_its_base(void **state)
{
    (void)state;
    struct roles roles;
    open_roles(&roles);
    script_answer(ANSWER("ASIA1", "2131-03-14T15:20:11Z"));
    assert_true(assume(&roles, ROLE, "postlude-0198"));
    assert_string_equal(script_asked(0)->url, "https://sts.eu-west-3.amazonaws.com/");
    chain_find(script_asked(0)->body, "RoleSessionName=postlude-0198");
    chain_find(script_asked(0)->headers, "Credential=AKIA1/");
    assert_string_equal(roles.role.credentials.access_key_id, "ASIA1");
    assert_string_equal(roles.base.credentials.access_key_id, "AKIA1");
    assert_true(aws_credentials_ready(&roles.role, &roles.limit, &roles.err));

    roles.role.credentials.expires_ms = clock_wall_ms() + 840000;
    script_answer(ANSWER("ASIA2", "2131-03-14T15:20:11Z"));
    assert_true(aws_credentials_ready(&roles.role, &roles.limit, &roles.err));
    assert_string_equal(roles.role.credentials.access_key_id, "ASIA2");
    chain_find(script_asked(1)->headers, "Credential=AKIA1/");

    aws_credentials_forget(&roles.role);
    script_answer(ANSWER("ASIA3", "2131-03-14T15:20:11Z"));
    assert_true(aws_credentials_ready(&roles.role, &roles.limit, &roles.err));
    assert_string_equal(roles.role.credentials.access_key_id, "ASIA3");
    close_roles(&roles);
}

static void leaves_nothing_behind_when_refused(void **state)
{
    (void)state;
    struct roles roles;
    open_roles(&roles);
    script_answer((struct script_answer){
        .status = 403,
        .body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: u is not authorized "
                "to perform: sts:AssumeRole on resource: r</Message></Error></ErrorResponse>"});
    assert_false(assume(&roles, ROLE, NULL));
    assert_int_equal(roles.err.kind, ERROR_DENIED);
    assert_string_equal(roles.err.code, "AccessDenied");
    chain_find(roles.err.message, "could not assume " ROLE);
    chain_find(roles.err.hint, "sts:AssumeRole on " ROLE);
    assert_null(roles.role.env);
    assert_false(assume(&roles, "deploy", NULL));
    assert_int_equal(roles.err.kind, ERROR_INVALID);
    assert_false(assume(&roles, ROLE, "two words"));
    assert_int_equal(roles.err.kind, ERROR_INVALID);
    close_roles(&roles);
}

static void a_bare_session_looks_for_nothing(void **state)
{
    (void)state;
    struct roles roles;
    open_roles(&roles);
    struct aws bare = aws_open_bare(&roles.base);
    assert_false(aws_credentials_ready(&bare, &roles.limit, &roles.err));
    assert_int_equal(roles.err.kind, ERROR_DENIED);
    text_copy(bare.credentials.access_key_id, sizeof bare.credentials.access_key_id, "ASIA1");
    bare.credentials.expires_ms = 0;
    assert_true(aws_credentials_ready(&bare, &roles.limit, &roles.err));
    aws_credentials_forget(&bare);
    assert_string_equal(bare.credentials.access_key_id, "ASIA1");
    aws_close(&bare);
    close_roles(&roles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(advises),
        cmocka_unit_test(a_bare_session_looks_for_nothing),
        cmocka_unit_test(leaves_nothing_behind_when_refused),
        cmocka_unit_test(signs_as_the_role_and_renews_through_its_base),
    };
    (void)chain_check;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
