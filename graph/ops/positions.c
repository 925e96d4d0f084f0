/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_ids(graph, node, 0, err));
    EG_TRY(eg_need_int(node, "skip", INT32_MIN, INT32_MAX, err));
    *out = *eg_input_type(graph, node, 0);
    return EG_OK;
}

static const eg_attr_spec attrs[] = {{.name = "skip", .type = EG_ATTR_INT}, {0}};

const eg_op eg_op_positions = {
    .name = "positions", .min_inputs = 1, .max_inputs = 1, .output_count = 1, .attrs = attrs, .infer = infer};
