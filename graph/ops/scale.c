/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, eg_node_attr(node, "offset") ? 2 : 1);
}

static bool
neutral_offset(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return attr->real == 0.0;
}

static const eg_attr_spec attrs[] = {
    {.name = "factor", .type = EG_ATTR_FLOAT, .required = true},
    {.name = "offset", .type = EG_ATTR_FLOAT, .neutral = neutral_offset},
    {0},
};

const eg_op eg_op_scale = {.name = "scale",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .output_count = 1,
                           .flags = EG_OP_ROW_LOCAL,
                           .attrs = attrs,
                           .infer = eg_infer_same_float,
                           .flops = flops};
