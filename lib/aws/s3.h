/* S3, as far as we meet it: URLs of its that others signed. Pure. */
#ifndef POSTLUDE_AWS_S3_H
#define POSTLUDE_AWS_S3_H

#include <stdbool.h>

/* Whether host (lower case) is one of S3's, of a bucket or none: s3.<region>,
 * s3.dualstack.<region>, s3-fips.<region>, s3-<region>, and in the standard partition s3 alone,
 * each before the suffix of the region's partition. No website, access-point or VPC endpoint. With
 * a region, of that region's partition only; NULL: of any. */
bool aws_s3_host(const char *host, const char *region);

#endif
