#include "aws/ssm.h"

#include <string.h>

#include "aws/advice.h"
#include "aws/blocks.h"
#include "aws/script.h"
#include "base/memory.h"

static bool ask(struct aws *aws, struct aws_limit *limit, struct error *err)
{
    AUTO(text) char *value = NULL;
    return aws_ssm_read(aws, "/ledger/db/host", limit, &value, err);
}

static void check_advice(const struct block *block)
{
    advice_check(block, ask);
}

static void advises_on_refusals(void **state)
{
    (void)state;
    blocks_each("ssm_advice.txt", check_advice);
}

static const struct {
    const char *name, *answer, *value; /* value NULL: refused */
    const char *url, *body;
} rows[] = {
    {"/ledger/db/host",
     "{\"Parameter\":{\"Name\":\"/ledger/db/host\",\"Type\":\"String\",\"Value\":\" "
     "db.example\\n\","
     "\"Version\":3,\"LastModifiedDate\":1931234567.1}}",
     "db.example", "https://ssm.eu-west-3.amazonaws.com/",
     "{\"Name\":\"/ledger/db/host\",\"WithDecryption\":true}"},
    {"arn:aws:ssm:us-east-1:210987654321:parameter/db", "{\"Parameter\":{\"Value\":\"\"}}", "",
     "https://ssm.us-east-1.amazonaws.com/",
     "{\"Name\":\"arn:aws:ssm:us-east-1:210987654321:parameter/db\",\"WithDecryption\":true}"},
    {"db", "{\"Parameter\":{\"Value\":1}}", NULL, "https://ssm.eu-west-3.amazonaws.com/",
     "{\"Name\":\"db\",\"WithDecryption\":true}"},
    {"db", "{\"Parameter\":\"x\"}", NULL, "https://ssm.eu-west-3.amazonaws.com/",
     "{\"Name\":\"db\",\"WithDecryption\":true}"},
};

static void reads_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *variables[] = ADVICE_VARIABLES;
        AUTO(env) struct env *env = env_take(variables);
        AUTO(aws) struct aws aws = aws_open(env);
        AUTO(text) char *value = NULL;
        struct aws_limit limit = {.deadline = deadline_in(10000)};
        struct error err = {0};
        script_begin();
        script_answer((struct script_answer){.status = 200, .body = rows[i].answer});
        aws.http = script_http;
        assert_int_equal(aws_ssm_read(&aws, rows[i].name, &limit, &value, &err),
                         rows[i].value != NULL);
        assert_string_equal(value ? value : "", rows[i].value ? rows[i].value : "");
        assert_int_equal(err.kind, rows[i].value ? ERROR_NONE : ERROR_DENIED);
        assert_string_equal(script_asked(0)->url, rows[i].url);
        assert_string_equal(script_asked(0)->body, rows[i].body);
        script_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advises_on_refusals),
        cmocka_unit_test(reads_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
