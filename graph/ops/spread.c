/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TEXT, "text rows", err));
    EG_TRY(eg_need_kind(graph, node, 1, EG_IS_TOKEN, "token rows to spread over", err));
    *out = *eg_input_type(graph, node, 0);
    out->kind = EG_TOKEN;
    out->set = eg_input_type(graph, node, 1)->set;
    out->dims[0] = eg_dim_of(EG_SYM_T, out->set, 1);
    return EG_OK;
}

const eg_op eg_op_spread = {.name = "spread", .min_inputs = 2, .max_inputs = 2, .output_count = 1, .infer = infer};
