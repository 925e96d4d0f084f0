/* SPDX-License-Identifier: Apache-2.0 */
/* norm(a + b): a, b, weight, bias. */
#include "graph/ops/fused.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    for (uint32_t i = 0; i < 2; i++)
        EG_TRY(eg_need_matrix(graph, node, i, EG_IS_ROWS, "rows", err));
    const eg_type *a = eg_input_type(graph, node, 0);
    if (!eg_type_equal(a, eg_input_type(graph, node, 1)))
        return eg_op_fail(graph, node, 1, err, "needs two inputs like '%s'",
                          eg_graph_value(graph, node->inputs[0])->name);
    *out = *a;
    return eg_need_norm(graph, node, 2, a->dims[1].k, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, eg_node_attr(node, "norm") ? 5 : 9);
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    eg_value_id y;
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    EG_TRY(eg_parts_add(&parts, &eg_op_add, parts.fused.inputs, 2, NULL, 0, &y, err));
    EG_TRY(eg_parts_add_norm(&parts, 2, y, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "eps", .type = EG_ATTR_FLOAT, .required = true},
    {.name = "norm", .type = EG_ATTR_STRING, .neutral = eg_neutral_layer},
    {0},
};

const eg_op eg_op_add_norm = {.name = "add_norm",
                              .min_inputs = 3,
                              .max_inputs = 4,
                              .output_count = 1,
                              .flags = EG_OP_FUSED | EG_OP_ROW_LOCAL,
                              .attrs = attrs,
                              .infer = infer,
                              .flops = flops,
                              .decompose = decompose};
