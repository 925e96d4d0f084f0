/* SPDX-License-Identifier: Apache-2.0 */
/* where(c, a, b): kinds and widths mix as in arithmetic, first those of a and b, then theirs and c's. */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    eg_type chosen;
    EG_TRY(eg_need_float(graph, node, 0, err));
    EG_TRY(eg_infer_joined(graph, node, 1, eg_input_type(graph, node, 1), 2, &chosen, err));
    return eg_infer_joined(graph, node, 1, &chosen, 0, out, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_count_elements(graph, node->outputs[0], dims);
}

const eg_op eg_op_where = {.name = "where",
                           .min_inputs = 3,
                           .max_inputs = 3,
                           .output_count = 1,
                           .flags = EG_OP_ROW_LOCAL,
                           .infer = infer,
                           .flops = flops};
