/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    const eg_type *x = eg_input_type(graph, node, 0);
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_TABLE, "a table", err));
    if (x->rank != 2)
        return eg_op_fail(graph, node, 0, err, "needs a table [a, b]");
    *out = *x;
    out->dims[0] = x->dims[1];
    out->dims[1] = x->dims[0];
    return EG_OK;
}

const eg_op eg_op_transpose = {.name = "transpose",
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .output_count = 1,
                               .flags = EG_OP_MOVES_DATA,
                               .infer = infer};
