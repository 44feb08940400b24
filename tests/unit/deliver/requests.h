/* Requests of CloudFormation to be answered. */
#ifndef POSTLUDE_TESTS_DELIVER_REQUESTS_H
#define POSTLUDE_TESTS_DELIVER_REQUESTS_H

#include <string.h>

#include "check.h"
#include "trigger/trigger.h"

#define STACK "arn:aws:cloudformation:eu-west-3:210987654321:stack/orders/9a7e"
#define S3_URL                                                                                     \
    "https://cloudformation-custom-resource-response-euwest3.s3.eu-west-3.amazonaws.com/"          \
    "arn%3Aaws%3A%7CMigration%7Cc2d4?X-Amz-Signature=0c0ffee&X-Amz-Security-Token=a%2Fb%2B%3D"

/* A request of that type; physical may be NULL. */
UNUSED static struct trigger *request_read(const char *type, const char *url, const char *physical)
{
    AUTO(buf) struct buf text = buf_make(65536);
    buf_format(&text,
               "{\"RequestType\":\"%s\",\"ResponseURL\":\"%s\",\"StackId\":\"" STACK
               "\",\"RequestId\":\"c2d4\",\"LogicalResourceId\":\"Migration\"",
               type, url);
    if (physical) {
        buf_format(&text, ",\"PhysicalResourceId\":\"%s\"", physical);
    }
    buf_char(&text, '}');
    const struct trigger_input input = {.event = text.data, .event_length = text.length};
    struct trigger *trigger = NULL;
    struct error err;
    assert_true(trigger_read(&input, &trigger, &err));
    assert_int_equal(trigger->request->wrong.kind, ERROR_NONE);
    return trigger;
}

#endif
