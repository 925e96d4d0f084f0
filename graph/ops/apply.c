/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "graph/ops/attention.h"

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    int64_t heads, key_heads;
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_PAIR, "pair values", err));
    EG_TRY(eg_need_float(graph, node, 0, err));
    EG_TRY(eg_need_matrix(graph, node, 1, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_same_dtype(graph, node, 1, err));
    EG_TRY(eg_need_heads(node, &heads, &key_heads, err));
    const eg_type *p = eg_input_type(graph, node, 0), *v = eg_input_type(graph, node, 1);
    if (p->set != v->set)
        return eg_op_fail(graph, node, 1, err, "needs pairs and rows of one row set");
    if (p->dims[0].k != heads)
        return eg_op_fail(graph, node, 0, err, "needs pairs of %" PRId64 " heads", heads);
    if (v->dims[1].k % key_heads != 0)
        return eg_op_fail(graph, node, 1, err, "needs a width that is a multiple of %" PRId64 " heads", key_heads);
    int64_t width;
    if (__builtin_mul_overflow(v->dims[1].k / key_heads, heads, &width))
        return eg_op_fail(graph, node, 1, err, "needs a width that can be counted");
    *out = eg_type_token(v->dtype, v->set, width);
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t size = (uint64_t)(eg_graph_value(graph, node->outputs[0])->type.dims[1].k / eg_node_int(node, "heads", 1));
    return eg_saturating_mul(eg_count_elements(graph, node->inputs[0], dims), 2 * size);
}

static const eg_attr_spec attrs[] = {
    {.name = "heads", .type = EG_ATTR_INT, .required = true},
    {.name = "key_heads", .type = EG_ATTR_INT, .neutral = eg_neutral_key_heads},
    {0},
};

const eg_op eg_op_apply = {.name = "apply",
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .output_count = 1,
                           .attrs = attrs,
                           .infer = infer,
                           .flops = flops};
