/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_ROWS, "rows", err));
    const eg_type *x = eg_input_type(graph, node, 0);
    EG_TRY(eg_need_vector(graph, node, 1, x->dims[1].k, "bias", err));
    *out = *x;
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 1);
}

const eg_op eg_op_bias_add = {.name = "bias_add",
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .output_count = 1,
                              .flags = EG_OP_ROW_LOCAL,
                              .infer = infer,
                              .flops = flops};
