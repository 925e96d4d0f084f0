/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host of one node, so that a backend can be tested through plugin.h alone: it loads a plugin, opens device 0, and
 * runs a case under different circumstances.
 */
#ifndef EG_TEST_BACKEND_HARNESS_H
#define EG_TEST_BACKEND_HARNESS_H

#include <stdbool.h>

#include "op_cases.h"

typedef struct backend {
    const eg_plugin *plugin;
    eg_host host;
    eg_device *device;
    const eg_device_ops *ops;
    uint32_t threads;
    char error[1024]; /* why the last call failed */
} backend;

bool backend_open(backend *b, const char *path, const char *options, uint32_t threads);
void backend_close(backend *b);

/* How a case is run. */
typedef struct run_style {
    bool split;           /* weights are two tensors, one below the other */
    bool strided;         /* rows further apart than they are wide, with guards between */
    int inplace;          /* the output shares this input's memory; -1: its own */
    bool cancelled;       /* the run's flag is set before it begins */
    const int32_t *index; /* replaces the i32 input's elements */
} run_style;

/* What support() says; the reason is in b->error. */
uint32_t backend_support(backend *b, const op_case *c, uint32_t *inplace_mask);
/* Runs the case; got (the output's count of elements) may be NULL. A guard overwritten is EG_E_INTERNAL. */
eg_status backend_run(backend *b, const op_case *c, run_style style, void *got);

#endif
