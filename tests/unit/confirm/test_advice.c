#include "confirm/advice.h"

#include "aws/blocks.h"
#include "confirm/events.h"

static void check(const struct block *block)
{
    AUTO(trigger) struct trigger *trigger = event_of(NULL);
    const struct aws_endpoint endpoint = {.signing_name = "codepipeline",
                                          .region = "eu-west-3",
                                          .variable = block_get(block, "variable"),
                                          .url = "https://codepipeline.eu-west-3.amazonaws.com/"};
    struct error err = {0};
    const struct confirm_question question = {
        .trigger = trigger, .role = block_get(block, "role"), .endpoint = &endpoint};
    const char *code = block_need(block, "code");
    if (block_get(block, "region")) {
        free(trigger->region);
        trigger->region = memory_text(block_get(block, "region"));
    }
    if (block_get(block, "account")) {
        free(trigger->account);
        trigger->account = NULL;
    }
    error_set(&err, ERROR_DENIED, "no");
    error_code(&err, "%s", code);
    error_where(&err, "%s", block_get(block, "where") ? block_get(block, "where") : "");
    error_hint(&err, "%s", block_get(block, "before") ? block_get(block, "before") : "");
    confirm_advise(&question, &err);
    assert_string_equal(confirm_passing(code) ? "yes" : "no", block_need(block, "passing"));
    for (size_t i = 0; block_nth(block, "hint", i); i++) {
        if (!strstr(err.hint, block_nth(block, "hint", i))) {
            fail_msg("hint lacks \"%s\": %s", block_nth(block, "hint", i), err.hint);
        }
    }
    assert_non_null(block_get(block, "hint"));
    assert_null(strchr(err.hint, '{'));
    assert_true(strlen(err.hint) < sizeof err.hint - 1);
}

static void advises_on_every_refusal(void **state)
{
    (void)state;
    blocks_each("advice.txt", check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(advises_on_every_refusal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
