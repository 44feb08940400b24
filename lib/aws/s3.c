#include "aws/s3.h"

#include <string.h>

#include "aws/endpoint.h"
#include "aws/region.h"
#include "base/text.h"

static const char standard_region[] = "us-east-1";

static size_t letters(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz");
}

/* The region that text begins with, up to a dot; its length, or 0. Its first word has two to four
 * letters, which tells it from what else may stand behind "s3-". */
static size_t take_region(const char *text, char out_region[AWS_REGION_SIZE])
{
    size_t length = letters(text);
    if (length < 2 || length > 4) {
        return 0;
    }
    size_t words = 0;
    for (; text[length] == '-' && letters(text + length + 1) > 0; words++) {
        length += 1 + letters(text + length + 1);
    }
    size_t digits = text[length] == '-' ? strspn(text + length + 1, "0123456789") : 0;
    length += 1 + digits;
    if (words < 1 || words > 2 || digits < 1 || digits > 2 || length >= AWS_REGION_SIZE ||
        text[length] != '.') {
        return 0;
    }
    memcpy(out_region, text, length);
    out_region[length] = '\0';
    return length;
}

/* Whether text is "<region>.<suffix>" of one partition, which is `region`'s if that is given. */
static bool is_regional(const char *text, const char *region)
{
    char named[AWS_REGION_SIZE];
    size_t length = take_region(text, named);
    return length && strcmp(text + length + 1, aws_partition_suffix(named)) == 0 &&
           (!region || aws_partition_same(named, region));
}

static bool is_global(const char *text, const char *region)
{
    return strcmp(text, aws_partition_suffix(standard_region)) == 0 &&
           (!region || aws_partition_same(region, standard_region));
}

/* Whether S3's own part of a host starts here. */
static bool is_service(const char *text, const char *region)
{
    static const char *const regional[] = {"s3.", "s3.dualstack.", "s3-", "s3-fips.",
                                           "s3-fips.dualstack."};
    static const char *const global[] = {"s3.", "s3-external-1."};
    for (size_t i = 0; i < COUNT(regional); i++) {
        if (text_starts(text, regional[i]) && is_regional(text + strlen(regional[i]), region)) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(global); i++) {
        if (text_starts(text, global[i]) && is_global(text + strlen(global[i]), region)) {
            return true;
        }
    }
    return false;
}

bool aws_s3_host(const char *host, const char *region)
{
    if (*host == '.' || strstr(host, "..")) {
        return false;
    }
    for (const char *label = host; label; label = strchr(label, '.')) {
        label += *label == '.';
        if (is_service(label, region)) {
            return true;
        }
    }
    return false;
}
