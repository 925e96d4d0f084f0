/* SPDX-License-Identifier: Apache-2.0 */
/* From the rows of a text to one: first_token, last_token, token; mean, max, sum, mean_sqrt_len, weighted_mean. */
#include <inttypes.h>

#include "graph/ops/op.h"

static eg_status
infer_pick(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_int(node, "skip_prompt", 0, 1, err));
    EG_TRY(eg_need_int(node, "index", INT32_MIN, INT32_MAX, err));
    *out = *eg_input_type(graph, node, 0);
    out->kind = EG_TEXT;
    out->set = 0;
    out->dims[0] = eg_dim_of(EG_SYM_B, 0, 1);
    return EG_OK;
}

/* "begin 3 and end 2 leave no row": whatever the text, where both count from one side. */
static eg_status
need_range(const eg_node *node, eg_error *err)
{
    EG_TRY(eg_need_int(node, "begin", INT32_MIN, INT32_MAX, err));
    EG_TRY(eg_need_int(node, "end", INT32_MIN, INT32_MAX, err));
    if (!eg_node_attr(node, "end"))
        return EG_OK;
    int64_t begin = eg_node_int(node, "begin", 0), end = eg_node_int(node, "end", 0);
    if (end != 0 && ((begin < 0) != (end < 0) || begin < end))
        return EG_OK;
    return eg_fail(err, EG_E_INPUT, "%s: begin %" PRId64 " and end %" PRId64 " leave no row", node->op->name, begin,
                   end);
}

static eg_status
infer_combine(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_float(graph, node, 0, err));
    EG_TRY(need_range(node, err));
    return infer_pick(graph, node, out, err);
}

static uint64_t
one_per_element(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 1);
}

static uint64_t
two_per_element(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 2);
}

static const eg_attr_spec plain[] = {
    {.name = "skip_prompt", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};
static const eg_attr_spec ranged[] = {
    {.name = "begin", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "end", .type = EG_ATTR_INT},
    {.name = "skip_prompt", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};
static const eg_attr_spec indexed[] = {
    {.name = "index", .type = EG_ATTR_INT, .required = true},
    {.name = "skip_prompt", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};

#define POOLING(op, op_attrs, op_infer, op_flops)                                                                      \
    const eg_op eg_op_##op = {.name = #op,                                                                             \
                              .min_inputs = 1,                                                                         \
                              .max_inputs = 1,                                                                         \
                              .output_count = 1,                                                                       \
                              .attrs = op_attrs,                                                                       \
                              .infer = op_infer,                                                                       \
                              .flops = op_flops};
POOLING(first_token, plain, infer_pick, NULL)
POOLING(last_token, plain, infer_pick, NULL)
POOLING(token, indexed, infer_pick, NULL)
POOLING(mean, ranged, infer_combine, one_per_element)
POOLING(max, ranged, infer_combine, one_per_element)
POOLING(sum, ranged, infer_combine, one_per_element)
POOLING(mean_sqrt_len, ranged, infer_combine, one_per_element)
POOLING(weighted_mean, ranged, infer_combine, two_per_element)
