/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/checked.h"
#include "graph/ops/op.h"

static eg_status
need_joinable(const eg_graph *graph, const eg_node *node, uint32_t i, uint32_t axis, eg_error *err)
{
    const eg_type *first = eg_input_type(graph, node, 0), *other = eg_input_type(graph, node, i);
    EG_TRY(eg_need_kind(graph, node, i, 1 << first->kind, "inputs of one row kind", err));
    EG_TRY(eg_need_same_dtype(graph, node, i, err));
    if (other->rank != first->rank || other->set != first->set)
        return eg_op_fail(graph, node, i, err, "needs the rank and row set of '%s'",
                          eg_graph_value(graph, node->inputs[0])->name);
    for (uint32_t a = 0; a < first->rank; a++) {
        if (a != axis && !eg_dim_equal(&first->dims[a], &other->dims[a]))
            return eg_op_fail(graph, node, i, err, "along axis %" PRIu32 " needs the other sizes of '%s'", axis,
                              eg_graph_value(graph, node->inputs[0])->name);
    }
    return EG_OK;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    const eg_type *first = eg_input_type(graph, node, 0);
    int64_t last = (int64_t)first->rank - 1;
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_ROWS, "token, text or table rows", err));
    if (first->kind != EG_TABLE && first->rank < 2)
        return eg_op_fail(graph, node, 0, err, "needs rows with a width");
    EG_TRY(eg_need_int(node, "axis", first->kind == EG_TABLE ? 0 : last, last, err));
    uint32_t axis = (uint32_t)eg_node_int(node, "axis", last);
    *out = *first;
    for (uint32_t i = 1; i < node->input_count; i++) {
        EG_TRY(need_joinable(graph, node, i, axis, err));
        if (!eg_add_i64(out->dims[axis].k, eg_input_type(graph, node, i)->dims[axis].k, &out->dims[axis].k))
            return eg_op_fail(graph, node, i, err, "needs a width that can be counted");
    }
    return EG_OK;
}

static const eg_attr_spec attrs[] = {{.name = "axis", .type = EG_ATTR_INT, .neutral = eg_neutral_last_axis}, {0}};

const eg_op eg_op_concat = {.name = "concat",
                            .min_inputs = 1,
                            .max_inputs = UINT32_MAX,
                            .output_count = 1,
                            .flags = EG_OP_MOVES_DATA | EG_OP_ROW_LOCAL,
                            .attrs = attrs,
                            .infer = infer};
