/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    const eg_type *x = eg_input_type(graph, node, 0);
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_ROWS, "token, text or table rows", err));
    if (x->rank < 2 || x->dims[x->rank - 1].k != 1)
        return eg_op_fail(graph, node, 0, err, "needs a last axis of 1");
    *out = *x;
    out->dims[--out->rank] = (eg_dim){0};
    return EG_OK;
}

const eg_op eg_op_squeeze = {.name = "squeeze",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .output_count = 1,
                             .flags = EG_OP_MOVES_DATA | EG_OP_VIEW | EG_OP_ROW_LOCAL,
                             .infer = infer};
