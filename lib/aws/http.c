#include "aws/http.h"

bool aws_http_check(const char *url, struct aws_url *out_url, struct error *err)
{
    if (!aws_url_parse(url, out_url, err)) {
        return false;
    }
    if (!out_url->secure && !aws_url_is_local(out_url)) {
        error_set(err, ERROR_INVALID, "%s: plain http is refused", out_url->authority);
        error_where(err, "%s", out_url->authority);
        return error_hint(err, "Use https; plain http goes only to loopback addresses and to the "
                               "credentials endpoints of ECS, EKS and EC2.");
    }
    return true;
}

void aws_http_clear(struct aws_http_response *response)
{
    buf_wipe(&response->body);
    *response = (struct aws_http_response){0};
}
