/* SPDX-License-Identifier: Apache-2.0 */
/* apply(softmax(scores(q, k) + p), v): q, k, v, then p where it is. A text q asks for row 0 of each text alone. */
#include <inttypes.h>

#include "graph/ops/attention.h"
#include "graph/ops/fused.h"

static bool
has_bias(const eg_node *node)
{
    return eg_node_int(node, "bias", 0) == 1;
}

static eg_status
need_bias(const eg_graph *graph, const eg_node *node, int64_t heads, eg_error *err)
{
    const eg_type *k = eg_input_type(graph, node, 1), *p = eg_input_type(graph, node, 3);
    EG_TRY(eg_need_kind(graph, node, 3, EG_IS_PAIR, "a pair value to add to its scores", err));
    EG_TRY(eg_need_same_dtype(graph, node, 3, err));
    int64_t window = eg_node_int(node, "window", 0);
    if (p->set != k->set || p->dims[1].window != window)
        return eg_op_fail(graph, node, 3, err, "needs the pairs of its queries and keys");
    if (p->dims[0].k != heads && p->dims[0].k != 1)
        return eg_op_fail(graph, node, 3, err, "needs pairs of %" PRId64 " heads, or of one", heads);
    return EG_OK;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    int64_t heads, key_heads, width;
    EG_TRY(eg_need_int(node, "bias", 0, 1, err));
    EG_TRY(eg_need_input_count(node, has_bias(node) ? 4 : 3, err));
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN | EG_IS_TEXT, "token or text rows as queries", err));
    for (uint32_t i = 1; i < 3; i++) {
        EG_TRY(eg_need_matrix(graph, node, i, EG_IS_TOKEN, "token rows as keys and values", err));
        EG_TRY(eg_need_same_dtype(graph, node, i, err));
    }
    EG_TRY(eg_need_heads(node, &heads, &key_heads, err));
    EG_TRY(eg_need_int(node, "causal", 0, 1, err));
    EG_TRY(eg_need_int(node, "window", 0, INT32_MAX, err));
    const eg_type *q = eg_input_type(graph, node, 0), *k = eg_input_type(graph, node, 1),
                  *v = eg_input_type(graph, node, 2);
    if (v->set != k->set || (q->kind == EG_TOKEN && q->set != k->set))
        return eg_op_fail(graph, node, 1, err, "needs queries, keys and values of one row set");
    if (q->dims[1].k % heads != 0)
        return eg_op_fail(graph, node, 0, err, "needs a width that is a multiple of %" PRId64 " heads", heads);
    int64_t head_size = q->dims[1].k / heads;
    if (k->dims[1].k % key_heads != 0 || k->dims[1].k / key_heads != head_size)
        return eg_op_fail(graph, node, 1, err, "needs keys of %" PRId64 " heads of %" PRId64, key_heads, head_size);
    if (v->dims[1].k % key_heads != 0)
        return eg_op_fail(graph, node, 2, err, "needs a width that is a multiple of %" PRId64 " heads", key_heads);
    if (__builtin_mul_overflow(v->dims[1].k / key_heads, heads, &width))
        return eg_op_fail(graph, node, 2, err, "needs a width that can be counted");
    *out = *q;
    out->dims[1] = eg_dim_const(width);
    return has_bias(node) ? need_bias(graph, node, heads, err) : EG_OK;
}

/* Pairs of a query and a key, times heads: every two tokens of a text, or one query for all of them. */
static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    const eg_type *q = eg_input_type(graph, node, 0), *k = eg_input_type(graph, node, 1);
    int64_t heads = eg_node_int(node, "heads", 1);
    eg_type pairs = q->kind == EG_TEXT ? eg_type_token(q->dtype, k->set, heads)
                                       : eg_type_pair(q->dtype, k->set, heads, eg_node_int(node, "window", 0));
    uint64_t count;
    if (!eg_type_elements(&pairs, dims, &count))
        return UINT64_MAX;
    uint64_t size = (uint64_t)(q->dims[1].k / heads);
    uint64_t value_size = (uint64_t)(eg_graph_value(graph, node->outputs[0])->type.dims[1].k / heads);
    return eg_saturating_mul(count, 2 * size + 2 * value_size + 5 + has_bias(node));
}

/* The attributes of scores: all but `bias`. */
static uint32_t
score_attrs(const eg_node *fused, eg_attr out[5])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fused->attr_count; i++) {
        if (strcmp(fused->attrs[i].name, "bias") != 0)
            out[count++] = fused->attrs[i];
    }
    return count;
}

static eg_status
add_apply(eg_parts *parts, eg_value_id p, eg_value_id *out, eg_error *err)
{
    const eg_node *fused = &parts->fused;
    int64_t heads = eg_node_int(fused, "heads", 1);
    const eg_attr attrs[] = {
        {.name = "heads", .type = EG_ATTR_INT, .integer = heads},
        {.name = "key_heads", .type = EG_ATTR_INT, .integer = eg_node_int(fused, "key_heads", heads)},
    };
    return eg_parts_add(parts, &eg_op_apply, (eg_value_id[]){p, fused->inputs[2]}, 2, attrs, 2, out, err);
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    eg_attr attrs[5];
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    const eg_node *fused = &parts.fused;
    eg_value_id q = fused->inputs[0], k = fused->inputs[1], y;
    bool one_query = eg_graph_value(graph, q)->type.kind == EG_TEXT;
    if (one_query)
        EG_TRY(eg_parts_add(&parts, &eg_op_spread, (eg_value_id[]){q, k}, 2, NULL, 0, &q, err));
    EG_TRY(eg_parts_add(&parts, &eg_op_scores, (eg_value_id[]){q, k}, 2, attrs, score_attrs(fused, attrs), &y, err));
    if (has_bias(fused))
        EG_TRY(eg_parts_add(&parts, &eg_op_add, (eg_value_id[]){y, fused->inputs[3]}, 2, NULL, 0, &y, err));
    EG_TRY(eg_parts_add(&parts, &eg_op_softmax, &y, 1, NULL, 0, &y, err));
    EG_TRY(add_apply(&parts, y, &y, err));
    if (one_query)
        EG_TRY(eg_parts_add(&parts, &eg_op_first_token, &y, 1, NULL, 0, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "bias", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "causal", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "heads", .type = EG_ATTR_INT, .required = true},
    {.name = "key_heads", .type = EG_ATTR_INT, .neutral = eg_neutral_key_heads},
    {.name = "scale", .type = EG_ATTR_FLOAT, .neutral = eg_neutral_one},
    {.name = "window", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};

const eg_op eg_op_attention = {.name = "attention",
                               .min_inputs = 3,
                               .max_inputs = 4,
                               .output_count = 1,
                               .flags = EG_OP_FUSED,
                               .attrs = attrs,
                               .infer = infer,
                               .flops = flops,
                               .decompose = decompose};
