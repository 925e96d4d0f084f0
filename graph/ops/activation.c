/* SPDX-License-Identifier: Apache-2.0 */
/* relu, relu2, silu, mish, tanh, sigmoid, log1p: one number in, one out, nothing to say but the name. */
#include "graph/ops/op.h"

/* Operations counted per element, exp, log and tanh as one. */
#define ACTIVATION(op, per_element)                                                                                    \
    static uint64_t op##_flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)                        \
    {                                                                                                                  \
        return eg_elementwise_flops(graph, node, dims, per_element);                                                   \
    }                                                                                                                  \
    const eg_op eg_op_##op = {.name = #op,                                                                             \
                              .min_inputs = 1,                                                                         \
                              .max_inputs = 1,                                                                         \
                              .output_count = 1,                                                                       \
                              .flags = EG_OP_ROW_LOCAL,                                                                \
                              .infer = eg_infer_same_float,                                                            \
                              .flops = op##_flops};
ACTIVATION(relu, 1)
ACTIVATION(relu2, 2)
ACTIVATION(silu, 4)
ACTIVATION(mish, 5)
ACTIVATION(tanh, 1)
ACTIVATION(sigmoid, 3)
ACTIVATION(log1p, 1)
