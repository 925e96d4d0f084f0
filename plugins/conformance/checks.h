/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of checks: each runs in a process of its own and says what it found. */
#ifndef EG_CONFORMANCE_CHECKS_H
#define EG_CONFORMANCE_CHECKS_H

#include "plugins/conformance/conformance.h"
#include "plugins/conformance/harness.h"

typedef struct checker {
    const eg_conformance_options *options;
    uint32_t threads;
    const char *group;
    const eg_plugin *plugin, *reference_plugin; /* NULL before load_both() */
    int answer;                                 /* descriptor of the parent's end */
} checker;

/* Begins a check; what follows until the next begin belongs to it. */
void check_begin(checker *k, const char *fmt, ...) EG_PRINTF(2, 3);
void check_pass(checker *k);
void check_skip(checker *k, const char *fmt, ...) EG_PRINTF(2, 3);
void check_fail(checker *k, const char *fmt, ...) EG_PRINTF(2, 3);
/* The check that was begun does not apply, and is not reported. */
void check_drop(checker *k);
/* Pass, skip with EG_E_UNSUPPORTED, or fail with err's message. */
void check_settle(checker *k, eg_status status, const eg_error *err);

EG_NODISCARD eg_status load_plugin(checker *k, eg_error *err);
EG_NODISCARD eg_status load_reference(checker *k, eg_error *err);

typedef struct check_group {
    const char *name;
    void (*run)(checker *k, uint32_t number);
    uint32_t number;
} check_group;

extern const check_group general_groups[];
extern const uint32_t general_group_count;

/* Every op: op_group_name(i) for i below op_group_count, run by check_op. */
extern const uint32_t op_group_count;
const char *op_group_name(uint32_t number);
void check_op(checker *k, uint32_t number);

/* The times that the extension profile.v1 gives, where it is offered (profile.c). */
void check_profile(checker *k, uint32_t number);

/* Opens the tested device and the reference; the outcome is a check of its own. */
bool open_both(checker *k, subject *s, subject *reference);
/* Both devices and a case that the tested one takes all of, or neither. */
bool open_both_and_build(checker *k, subject *s, subject *reference, check_case *c);

/* A small encoder layer with pooling; several texts. Used by the checks that want more than one node. */
void build_layer(check_case *c);
/* A graph of random ops over token rows. */
void build_random(check_case *c);
/* The same of fused ops, and of what lies between them. */
void build_fused_layer(check_case *c);
void build_random_fused(check_case *c);

#endif
