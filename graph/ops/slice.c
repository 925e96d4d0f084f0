/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    const eg_type *x = eg_input_type(graph, node, 0);
    int64_t last = (int64_t)x->rank - 1;
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_ROWS, "token, text or table rows", err));
    if (x->kind != EG_TABLE && x->rank < 2)
        return eg_op_fail(graph, node, 0, err, "needs rows with a width");
    EG_TRY(eg_need_int(node, "axis", x->kind == EG_TABLE ? 0 : 1, last, err));
    uint32_t axis = (uint32_t)eg_node_int(node, "axis", last);
    int64_t begin = eg_node_int(node, "begin", 0);
    EG_TRY(eg_need_int(node, "begin", 0, x->dims[axis].k - 1, err));
    EG_TRY(eg_need_int(node, "end", begin + 1, x->dims[axis].k, err));
    *out = *x;
    out->dims[axis].k = eg_node_int(node, "end", 0) - begin;
    return EG_OK;
}

static const eg_attr_spec attrs[] = {
    {.name = "axis", .type = EG_ATTR_INT, .neutral = eg_neutral_last_axis},
    {.name = "begin", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "end", .type = EG_ATTR_INT, .required = true},
    {0},
};

const eg_op eg_op_slice = {.name = "slice",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .output_count = 1,
                           .flags = EG_OP_MOVES_DATA | EG_OP_ROW_LOCAL,
                           .attrs = attrs,
                           .infer = infer};
