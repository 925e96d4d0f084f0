/* SPDX-License-Identifier: Apache-2.0 */
/* A slice along the last axis as a view: the same memory, rows as far apart as those of its input. */
#include "graph/ops/fused.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_TOKEN | EG_IS_TEXT, "token or text rows", err));
    const eg_type *x = eg_input_type(graph, node, 0);
    if (x->rank != 2)
        return eg_op_fail(graph, node, 0, err, "needs rows with one width, [rows, d]");
    int64_t begin = eg_node_int(node, "begin", 0);
    EG_TRY(eg_need_int(node, "begin", 0, x->dims[1].k - 1, err));
    EG_TRY(eg_need_int(node, "end", begin + 1, x->dims[1].k, err));
    *out = *x;
    out->dims[1].k = eg_node_int(node, "end", 0) - begin;
    return EG_OK;
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    eg_value_id y;
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    const eg_node *fused = &parts.fused;
    EG_TRY(eg_parts_add(&parts, &eg_op_slice, fused->inputs, 1, fused->attrs, fused->attr_count, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "begin", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "end", .type = EG_ATTR_INT, .required = true},
    {0},
};

const eg_op eg_op_columns = {.name = "columns",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .output_count = 1,
                             .flags = EG_OP_VIEW | EG_OP_FUSED | EG_OP_ROW_LOCAL,
                             .attrs = attrs,
                             .infer = infer,
                             .decompose = decompose};
