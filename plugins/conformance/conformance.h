/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite: whether a plugin keeps the promises of <egbert/plugin.h>. Every op that it claims is compared
 * with the reference backend at odd sizes; what it refuses is skipped, and so is everything if it finds no device.
 *
 * Each group of checks runs in a child process, where both plugins are opened; one that crashes or hangs fails its
 * check and the next group goes on. The calling process opens nothing, and must have no other threads.
 */
#ifndef EG_PLUGINS_CONFORMANCE_H
#define EG_PLUGINS_CONFORMANCE_H

#include <egbert/plugin.h>

typedef enum { EG_CHECK_PASS, EG_CHECK_FAIL, EG_CHECK_SKIP } eg_check_outcome;

typedef struct eg_check_result {
    const char *name; /* "op/matmul/2: B=3" */
    eg_check_outcome outcome;
    const char *why; /* "" with a pass */
} eg_check_result;

typedef struct eg_conformance_options {
    const char *plugin;    /* path */
    const char *reference; /* path of the reference backend, the oracle */
    const char *options;   /* for open(), or NULL */
    const char *only;      /* checks whose group's name contains this; NULL: all */
    uint32_t device;
    uint32_t threads; /* of a run; 0: 2 */
} eg_conformance_options;

typedef struct eg_conformance_counts {
    uint32_t passed, failed, skipped;
} eg_conformance_counts;

/*
 * Calls report for each result in turn. EG_OK whatever the results are; EG_E_BACKEND if a plugin does not load,
 * EG_E_USAGE if `only` names no group.
 */
EG_NODISCARD eg_status eg_conformance_run(const eg_conformance_options *options,
                                          void (*report)(void *ctx, const eg_check_result *result), void *ctx,
                                          eg_conformance_counts *out, eg_error *err);

#endif
