/* SPDX-License-Identifier: Apache-2.0 */
/* A bias for scores that falls with the distance of query and key, for each head at a slope of its own. */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_TOKEN, "token rows, whose pairs it is for", err));
    EG_TRY(eg_need_int(node, "heads", 1, INT32_MAX, err));
    *out = eg_type_pair(EG_F32, eg_input_type(graph, node, 0)->set, eg_node_int(node, "heads", 1), 0);
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_count_elements(graph, node->outputs[0], dims);
}

static const eg_attr_spec attrs[] = {{.name = "heads", .type = EG_ATTR_INT, .required = true}, {0}};

const eg_op eg_op_alibi = {.name = "alibi",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .output_count = 1,
                           .attrs = attrs,
                           .infer = infer,
                           .flops = flops};
