/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances as rows of a table. The models that this comes from take the logarithm in f32, where it rounds to a bucket's
 * border or beside it; so each step here is rounded to f32, too. The logarithm itself is the double's, rounded once.
 */
#include <math.h>

#include "host.h"

static float
log_f32(float x)
{
    return (float)log((double)x);
}

/* A number of buckets, whole already or cut off; far more than any table has stand for all that are. */
static int64_t
whole_buckets(float n)
{
    return n < (float)INT32_MAX ? (int64_t)n : INT32_MAX;
}

static int64_t
absolute(int64_t distance)
{
    return distance < 0 ? -distance : distance;
}

/* Of a bias: half of the buckets for each sign, half of these for one distance each. */
int64_t
eg_host_bias_bucket(const eg_host_attrs *attrs, int64_t distance)
{
    int64_t half = attrs->buckets / 2, exact = half / 2, n = absolute(distance);
    int64_t first = distance > 0 ? half : 0;
    if (n < exact)
        return first + n;
    float whole = (float)log((double)attrs->max_distance / (double)exact); /* of numbers that are no tensors: double */
    float part = log_f32((float)n / (float)exact) / whole * (float)(half - exact);
    int64_t bucket = exact + whole_buckets(part);
    return first + (bucket < half ? bucket : half - 1);
}

/* Of scores: up to half of the buckets for one distance each, the rest logarithmic up to max_distance and beyond. */
int64_t
eg_host_score_bucket(const eg_host_attrs *attrs, int64_t distance)
{
    int64_t middle = attrs->buckets / 2, n = absolute(distance);
    if (attrs->buckets == 0 || n <= middle)
        return distance;
    float whole = log_f32((float)((double)(attrs->max_distance - 1) / (double)middle));
    float part = log_f32((float)n / (float)middle) / whole * (float)(middle - 1);
    int64_t bucket = whole_buckets(ceilf(part) + (float)middle);
    return distance < 0 ? -bucket : bucket;
}
