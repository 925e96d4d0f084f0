/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference backend: every op of docs/ops.md as plain loops, f32 with double sums, one thread. It is the oracle of
 * the tests and the last resort of the engine, and stays as simple as it is. How nodes are read and values are found is
 * backends/host's; what is computed with them is here.
 */
#ifndef EG_REFERENCE_H
#define EG_REFERENCE_H

#include "backends/host/host.h"

/* y[m][n] = Σ x[m][k] · w[n][k] · factor, sums in double in the order of k; panel: eg_ref_panel_bytes(k) bytes. */
void eg_ref_matmul_block(const float *x, int64_t ldx, const float *w, int64_t ldw, float *y, int64_t ldy, int64_t m,
                         int64_t n, int64_t k, double factor, double *panel);
uint64_t eg_ref_panel_bytes(int64_t k);

double eg_ref_activation(eg_host_activation activation, double x);

/* --- rows of one node, for it and for the fused ops that contain it; x and y may be the same ------- */

typedef struct eg_ref_norm {
    const float *weight, *bias; /* bias may be NULL */
    double eps;
    bool rms;
} eg_ref_norm;

/* Of a node whose weight is that input. */
eg_ref_norm eg_ref_norm_of(const eg_host_call *call, uint32_t weight);
void eg_ref_norm_row(const eg_ref_norm *norm, const float *x, float *y, int64_t n);
void eg_ref_normalize_row(double eps, const float *x, float *y, int64_t n);

/* A query's row of scores: -inf for the keys that it must not see. */
void eg_ref_mask_row(const eg_host_pair *pair, bool causal, int64_t query, float *row);
/* Over the valid keys of the query; padding gets 0. */
void eg_ref_softmax_keys(const eg_host_pair *pair, int64_t query, const float *x, float *y);
/* y[0..size) = Σ p[j] · v[j]. */
void eg_ref_apply_row(const float *p, int64_t keys, const float *v, int64_t stride, float *y, int64_t size);

/* One line for each in ops/ops.def. */
#define EG_REF_OP(symbol) extern const eg_host_op eg_ref_op_##symbol;
#include "ops/ops.def"
#undef EG_REF_OP

#endif
