/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket of every distance of -4096 .. 4096 is the one that the models' own code gives (tests/golden/make_buckets.py). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/host/host.h"

enum { FARTHEST = 4096 };

static long
take_number(const char **text)
{
    char *end;
    long number = strtol(*text, &end, 10);
    *text = end;
    return number;
}

/* "kind buckets max_distance first bucket first bucket …" */
static void
check_line(const char *line)
{
    bool is_bias = strncmp(line, "bias ", 5) == 0;
    cr_assert(is_bias || strncmp(line, "scores ", 7) == 0);
    const char *at = strchr(line, ' ');
    eg_host_attrs attrs = {0};
    attrs.buckets = take_number(&at);
    attrs.max_distance = take_number(&at);
    long first = take_number(&at), want = take_number(&at), next = take_number(&at);
    cr_assert_eq(first, -FARTHEST);
    for (long distance = first; distance <= FARTHEST; distance++) {
        if (*at == ' ' && distance == next) {
            want = take_number(&at);
            next = *at == ' ' ? take_number(&at) : FARTHEST + 1;
        }
        int64_t got = is_bias ? eg_host_bias_bucket(&attrs, distance) : eg_host_score_bucket(&attrs, distance);
        cr_expect_eq(got, want, "%.20s: distance %ld is in bucket %lld, not %ld", line, distance, (long long)got, want);
    }
}

Test(buckets, every_distance)
{
    const char *path = getenv("EGBERT_TEST_BUCKETS");
    cr_assert_not_null(path);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    char *line = NULL;
    size_t room = 0;
    int lines = 0;
    for (; getline(&line, &room, file) > 0; lines++)
        check_line(line);
    cr_assert_eq(lines, 33);
    free(line);
    fclose(file);
}

/* No distance, however far, leaves the numbers. */
Test(buckets, far_distances)
{
    eg_host_attrs few = {.buckets = 4, .max_distance = 4}, close = {.buckets = 2147483646, .max_distance = INT32_MAX};
    int64_t far = INT32_MAX;
    cr_expect_eq(eg_host_bias_bucket(&few, far), 3);
    cr_expect_eq(eg_host_bias_bucket(&few, -far), 1);
    cr_expect_gt(eg_host_score_bucket(&few, far), eg_host_score_bucket(&few, 3));
    cr_expect_lt(eg_host_score_bucket(&few, -far), eg_host_score_bucket(&few, -3));
    cr_expect_geq(eg_host_score_bucket(&close, far), close.buckets / 2);
}
