/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "graph/ops/attention.h"

eg_status
eg_need_heads(const eg_node *node, int64_t *out_heads, int64_t *out_key_heads, eg_error *err)
{
    EG_TRY(eg_need_int(node, "heads", 1, INT32_MAX, err));
    int64_t heads = eg_node_int(node, "heads", 1);
    EG_TRY(eg_need_int(node, "key_heads", 1, heads, err));
    int64_t key_heads = eg_node_int(node, "key_heads", heads);
    if (heads % key_heads != 0)
        return eg_fail(err, EG_E_INPUT, "%s: %" PRId64 " heads cannot share %" PRId64 " key heads evenly",
                       node->op->name, heads, key_heads);
    *out_heads = heads;
    *out_key_heads = key_heads;
    return EG_OK;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    int64_t heads, key_heads;
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_matrix(graph, node, 1, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_same_dtype(graph, node, 1, err));
    EG_TRY(eg_need_heads(node, &heads, &key_heads, err));
    EG_TRY(eg_need_int(node, "causal", 0, 1, err));
    EG_TRY(eg_need_int(node, "window", 0, INT32_MAX, err));
    const eg_type *q = eg_input_type(graph, node, 0), *k = eg_input_type(graph, node, 1);
    if (q->set != k->set)
        return eg_op_fail(graph, node, 1, err, "needs queries and keys of one row set");
    if (q->dims[1].k % heads != 0)
        return eg_op_fail(graph, node, 0, err, "needs a width that is a multiple of %" PRId64 " heads", heads);
    int64_t head_size = q->dims[1].k / heads;
    if (k->dims[1].k != head_size * key_heads)
        return eg_op_fail(graph, node, 1, err, "needs keys of %" PRId64 " heads of %" PRId64, key_heads, head_size);
    *out = eg_type_pair(q->dtype, q->set, heads, eg_node_int(node, "window", 0));
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t size = (uint64_t)(eg_input_type(graph, node, 0)->dims[1].k / eg_node_int(node, "heads", 1));
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 2 * size);
}

static const eg_attr_spec attrs[] = {
    {.name = "heads", .type = EG_ATTR_INT, .required = true},
    {.name = "key_heads", .type = EG_ATTR_INT, .neutral = eg_neutral_key_heads},
    {.name = "scale", .type = EG_ATTR_FLOAT, .neutral = eg_neutral_one},
    {.name = "causal", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "window", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};

const eg_op eg_op_scores = {.name = "scores",
                            .min_inputs = 2,
                            .max_inputs = 2,
                            .output_count = 1,
                            .attrs = attrs,
                            .infer = infer,
                            .flops = flops};
