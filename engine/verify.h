/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eg_verify() in parts: which values of the model the arrays of a golden file are of, how far apart two tensors are, what
 * may be the cause. Thread-safety: a verification belongs to the thread of its context.
 */
#ifndef EG_ENGINE_VERIFY_H
#define EG_ENGINE_VERIFY_H

#include "engine/batch.h"

/* A value of the model that arrays of the golden are of. */
typedef struct eg_verify_value {
    const char *name;
    bool known;            /* the model has it */
    bool is_output;        /* what people ask for, not a value on the way */
    eg_type type;          /* of one layer */
    uint32_t layers;       /* 1 unless stacked */
    bool stacked, used;    /* used: arrays are of it */
    const uint32_t *order; /* per layer: where its node stands in the graph */
} eg_verify_value;

/* An array of the golden. */
typedef struct eg_verify_array {
    eg_tensor_view want;
    uint32_t value;
    int64_t text; /* of a pair value: an array for each text; else -1 */
} eg_verify_array;

/* How far a tensor is from the one wanted. */
typedef struct eg_difference {
    bool compared, fits;
    double max_abs; /* NaN where a number is not finite */
    double allowed;
    double cosine;  /* NaN where nothing can be said */
    uint32_t layer; /* where it first differs, else where it differs most */
    uint64_t at;    /* the element of that layer that is farthest off, counted in the whole array */
    double want, got;
} eg_difference;

typedef struct eg_verification {
    eg_context *context;
    const eg_verify_options *options;
    double tolerance;
    eg_arena arena;
    eg_token_list list;
    eg_model_graph graph; /* before all passes, with all values */
    EG_VEC(eg_verify_value) values;
    EG_VEC(eg_verify_array) arrays;
    eg_difference *fused, *plain; /* per array: by the plan that users run, and with each op by itself */
    uint32_t runs_done, runs;     /* for progress */
    const char *cause, *pass;     /* found out; NULL: not */
} eg_verification;

/* verify_golden.c: takes the tokens and finds the value of each array. EG_E_INPUT names the array. */
EG_NODISCARD eg_status eg_verify_take(eg_verification *v, const eg_golden *golden, eg_error *err);

/* What is run and compared: the arrays of the values chosen, by a plan of these passes. */
typedef struct eg_verify_run {
    const char *fuse;          /* NULL: those of the context */
    const eg_variant *variant; /* NULL: the model as it is */
    uint32_t only;             /* a value's number; UINT32_MAX: all that are used */
} eg_verify_run;

/* verify_compare.c: fills differences of the arrays concerned; the others stay. */
EG_NODISCARD eg_status eg_verify_compare(eg_verification *v, const eg_verify_run *run, eg_difference *differences,
                                         eg_error *err);
/* The array that is off and whose value comes first in the graph; NULL: all compared ones fit. */
const eg_verify_array *eg_verify_first_bad(const eg_verification *v, const eg_difference *differences);

/* verify_cause.c: fills v->cause, or v->pass. */
EG_NODISCARD eg_status eg_verify_find_cause(eg_verification *v, eg_error *err);
EG_NODISCARD eg_status eg_verify_find_pass(eg_verification *v, eg_error *err);

/* verify_report.c */
void eg_verify_report(const eg_verification *v, eg_strbuf *out);

#endif
