/* Answers of STS. */
#include "aws/sts.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    AUTO(aws_credentials) struct aws_credentials found = {0};
    if (!aws_sts_read((const char *)data, size, &found)) {
        return 0;
    }
    return !aws_credentials_is_plain(found.access_key_id) || !secret_is_set(&found.secret_key) ||
           !secret_is_set(&found.session_token);
}
