/* Answers of SNS and of what stands in front of it. */
#include "aws/fault.h"
#include "aws/sns.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size > 65536) {
        return 0;
    }
    AUTO(aws_http) struct aws_http_response response = {.status = 400, .body = buf_make(size)};
    buf_add(&response.body, data, size);
    struct aws_fault fault;
    aws_fault_read(&response, &fault);
    (void)aws_fault_judge(&fault);
    struct aws_sns_receipt receipt;
    return aws_sns_read_receipt(&response, &receipt) && !*receipt.message_id;
}
