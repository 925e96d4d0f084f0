/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_ids(graph, node, 0, err));
    EG_TRY(eg_need_int(node, "to", INT32_MIN, INT32_MAX, err));
    *out = eg_type_token(EG_F32, eg_input_type(graph, node, 0)->set, 1);
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 1);
}

static const eg_attr_spec attrs[] = {{.name = "to", .type = EG_ATTR_INT, .required = true}, {0}};

const eg_op eg_op_equal = {.name = "equal",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .output_count = 1,
                           .flags = EG_OP_ROW_LOCAL,
                           .attrs = attrs,
                           .infer = infer,
                           .flops = flops};
