/* SPDX-License-Identifier: Apache-2.0 */
/* matmul, and grouped_matmul: columns in groups, each with its own columns of the input and rows of the weight. */
#include <inttypes.h>

#include "graph/ops/op.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_ROWS, "rows", err));
    EG_TRY(eg_need_matrix(graph, node, 1, EG_IS_TABLE, "a table as its second input", err));
    const eg_type *x = eg_input_type(graph, node, 0), *w = eg_input_type(graph, node, 1);
    if (w->dims[1].k != x->dims[1].k)
        return eg_op_fail(graph, node, 1, err, "of %" PRId64 " wide rows needs a weight [N, %" PRId64 "]", x->dims[1].k,
                          x->dims[1].k);
    *out = *x;
    out->dims[1] = w->dims[0];
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t inner = (uint64_t)eg_input_type(graph, node, 1)->dims[1].k;
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 2 * inner);
}

const eg_op eg_op_matmul = {.name = "matmul",
                            .min_inputs = 2,
                            .max_inputs = 2,
                            .output_count = 1,
                            .flags = EG_OP_ROW_LOCAL,
                            .infer = infer,
                            .flops = flops};

/* --- in groups ----------------------------------------------------------------------------------- */

static eg_status
infer_grouped(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_ROWS, "rows", err));
    EG_TRY(eg_need_matrix(graph, node, 1, EG_IS_TABLE, "a table as its second input", err));
    const eg_type *x = eg_input_type(graph, node, 0), *w = eg_input_type(graph, node, 1);
    int64_t groups = eg_node_int(node, "groups", 0), width = x->dims[1].k;
    EG_TRY(eg_need_int(node, "groups", 1, width, err));
    if (width % groups != 0)
        return eg_op_fail(graph, node, 0, err, "needs a width that is a multiple of %" PRId64 " groups", groups);
    if (w->dims[1].k != width / groups || w->dims[0].k % groups != 0)
        return eg_op_fail(graph, node, 1, err,
                          "of %" PRId64 " wide rows in %" PRId64 " groups needs a weight [a multiple of %" PRId64
                          ", %" PRId64 "]",
                          width, groups, groups, width / groups);
    *out = *x;
    out->dims[1] = w->dims[0];
    return EG_OK;
}

static const eg_attr_spec grouped_attrs[] = {{.name = "groups", .type = EG_ATTR_INT, .required = true}, {0}};

const eg_op eg_op_grouped_matmul = {.name = "grouped_matmul",
                                    .min_inputs = 2,
                                    .max_inputs = 2,
                                    .output_count = 1,
                                    .flags = EG_OP_ROW_LOCAL,
                                    .attrs = grouped_attrs,
                                    .infer = infer_grouped,
                                    .flops = flops};
