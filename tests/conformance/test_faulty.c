/* SPDX-License-Identifier: Apache-2.0 */
/* The suite must find each fault of faulty.c, and say what it is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plugins/conformance/conformance.h"

typedef struct {
    const char *reason;   /* what a failure shall say */
    unsigned with_reason; /* failures that do */
    char other[512];      /* one that does not */
} found;

static void
note(void *ctx, const eg_check_result *result)
{
    found *f = ctx;
    if (result->outcome != EG_CHECK_FAIL)
        return;
    if (f->reason && strstr(result->why, f->reason))
        f->with_reason++;
    else
        snprintf(f->other, sizeof f->other, "%.200s: %.300s", result->name, result->why);
}

static eg_conformance_counts
run(const char *fault, const char *group, found *f)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/egbert-faulty-%s.so", getenv("EG_TEST_FAULTY_PLUGINS"), fault);
    eg_conformance_options options = {.plugin = path, .reference = getenv("EG_TEST_REFERENCE"), .only = group};
    eg_conformance_counts counts;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_conformance_run(&options, note, f, &counts, &err), EG_OK, "%s", err.message);
    return counts;
}

static void
expect_found(const char *fault, const char *group, const char *reason)
{
    /* A sanitizer ends the process where a signal would have. */
    if (EG_SANITIZER != EG_SANITIZE_NONE && strncmp(reason, "crashes", 7) == 0)
        reason = "ends the process";
    found f = {.reason = reason};
    eg_conformance_counts counts = run(fault, group, &f);
    cr_expect(counts.failed > 0 && f.with_reason > 0, "%s: %u failed, none with '%s' (%s)", fault, counts.failed,
              reason, f.other);
}

Test(faulty, nothing_is_found_where_nothing_is_wrong)
{
    found f = {0};
    eg_conformance_counts counts = run("none", NULL, &f);
    cr_expect_eq(counts.failed, 0, "%s", f.other);
    cr_expect_gt(counts.passed, 1000);
}

Test(faulty, wrong_number)
{
    expect_found("wrong-number", "op/matmul", "element 0");
}

Test(faulty, nan)
{
    expect_found("nan", "op/add", "got nan");
}

Test(faulty, writes_before_its_memory)
{
    expect_found("writes-before", "op/relu", "byte -4 of");
}

Test(faulty, writes_behind_its_memory)
{
    expect_found("writes-behind", "op/relu", "crashes");
}

Test(faulty, writes_rows_of_the_bound)
{
    expect_found("writes-padding", "op/tanh", "was written");
}

Test(faulty, writes_an_input)
{
    expect_found("writes-input", "op/tanh", "the input 'x' was written");
}

Test(faulty, shares_memory_between_runs)
{
    expect_found("race", "concurrency", "beside others");
}

Test(faulty, ignores_the_cancel_flag)
{
    expect_found("ignores-cancel", "cancel", "the status is 0");
}

Test(faulty, ignores_a_failed_allocation)
{
    expect_found("ignores-alloc", "allocations", "crashes (SIG");
}

Test(faulty, leaks)
{
    expect_found("leaks", "allocations", "never freed");
}

Test(faulty, says_yes_and_does_not_compile)
{
    expect_found("lies", "op/gelu", "support() said yes");
}

Test(faulty, says_no_without_a_reason)
{
    expect_found("no-reason", "op/gelu", "without a reason");
}

Test(faulty, says_yes_to_what_it_has_not_read)
{
    expect_found("reads-nothing", "op/scores", "without reading");
}

Test(faulty, forgets_what_a_fused_op_was_told)
{
    expect_found("forgets-causal", "op/attention", "more than");
}

Test(faulty, gives_times_that_cannot_be)
{
    expect_found("wrong-times", "profile", "at another time than the run");
}

Test(faulty, crashes)
{
    expect_found("segfault", "op/relu", "crashes (SIG");
}

Test(faulty, ends_the_process)
{
    expect_found("hangs-up", "op/relu", "ends the process");
}

Test(faulty, an_unknown_group_is_an_error)
{
    eg_conformance_options options = {.plugin = "x", .reference = "y", .only = "no such group"};
    eg_conformance_counts counts;
    found f = {0};
    cr_expect_eq(eg_conformance_run(&options, note, &f, &counts, NULL), EG_E_USAGE);
}
