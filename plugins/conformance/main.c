/* SPDX-License-Identifier: Apache-2.0 */
/* egbert-conformance PLUGIN REFERENCE [GROUP]: the suite as TAP. 0: nothing failed, 1: something did, 2: usage, 4: no plugin. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "plugins/conformance/conformance.h"

static void
print_tap(void *ctx, const eg_check_result *result)
{
    unsigned *number = ctx;
    printf("%sok %u - %s%s%s\n", result->outcome == EG_CHECK_FAIL ? "not " : "", ++*number, result->name,
           result->outcome == EG_CHECK_SKIP ? " # SKIP " : "", result->outcome == EG_CHECK_SKIP ? result->why : "");
    if (result->outcome == EG_CHECK_FAIL)
        printf("# %s\n", result->why);
}

int
main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fputs("egbert: usage: egbert-conformance PLUGIN REFERENCE [GROUP]\n", stderr);
        return 2;
    }
    eg_conformance_options options = {.plugin = argv[1], .reference = argv[2], .only = argc > 3 ? argv[3] : NULL};
    eg_conformance_counts counts;
    eg_error err;
    eg_error_init(&err);
    unsigned number = 0;
    eg_status status = eg_conformance_run(&options, print_tap, &number, &counts, &err);
    if (status != EG_OK) {
        char line[2048];
        eg_error_format(&err, line, sizeof line);
        fprintf(stderr, "egbert: error: %s\n", line);
        return status <= EG_E_BACKEND ? status : EG_E_FAILED;
    }
    printf("1..%u\n# %u passed, %u failed, %u skipped\n", number, counts.passed, counts.failed, counts.skipped);
    return counts.failed > 0;
}
