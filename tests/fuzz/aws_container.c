/* Answers of the endpoint that hands out a container's credentials. */
#include "aws/credentials.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct error err;
    AUTO(aws_credentials) struct aws_credentials found = {0};
    if (!aws_credentials_parse("it", (const char *)data, size, &found, &err)) {
        return 0;
    }
    return !aws_credentials_is_plain(found.access_key_id);
}
