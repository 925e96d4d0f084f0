/* SPDX-License-Identifier: Apache-2.0 */
/* shift and unfold: each row looks at other rows of its text, so neither is row-local. */
#include <inttypes.h>

#include "base/checked.h"
#include "graph/ops/op.h"

static eg_status
infer_shift(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_int(node, "by", INT32_MIN, INT32_MAX, err));
    *out = *eg_input_type(graph, node, 0);
    return EG_OK;
}

static const eg_attr_spec shift_attrs[] = {{.name = "by", .type = EG_ATTR_INT, .required = true}, {0}};

const eg_op eg_op_shift = {
    .name = "shift", .min_inputs = 1, .max_inputs = 1, .output_count = 1, .attrs = shift_attrs, .infer = infer_shift};

static eg_status
infer_unfold(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_int(node, "kernel", 1, INT32_MAX, err));
    int64_t kernel = eg_node_int(node, "kernel", 1);
    *out = *eg_input_type(graph, node, 0);
    if (!eg_mul_i64(out->dims[1].k, kernel, &out->dims[1].k))
        return eg_op_fail(graph, node, 0, err, "of %" PRId64 " neighbours needs narrower rows", kernel);
    return EG_OK;
}

static const eg_attr_spec unfold_attrs[] = {{.name = "kernel", .type = EG_ATTR_INT, .required = true}, {0}};

const eg_op eg_op_unfold = {.name = "unfold",
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .output_count = 1,
                            .attrs = unfold_attrs,
                            .infer = infer_unfold};
