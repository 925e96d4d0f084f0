/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_PAIR | EG_IS_TOKEN | EG_IS_TEXT, "pair, token or text rows", err));
    if (eg_input_type(graph, node, 0)->rank < 2)
        return eg_op_fail(graph, node, 0, err, "needs rows with a width");
    return eg_infer_same_float(graph, node, out, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 5);
}

const eg_op eg_op_softmax = {.name = "softmax",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .output_count = 1,
                             .flags = EG_OP_ROW_LOCAL,
                             .infer = infer,
                             .flops = flops};
