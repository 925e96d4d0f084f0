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

/* One line for each in ops/ops.def. */
#define EG_REF_OP(symbol) extern const eg_host_op eg_ref_op_##symbol;
#include "ops/ops.def"
#undef EG_REF_OP

#endif
