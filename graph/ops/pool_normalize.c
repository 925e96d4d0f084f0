/* SPDX-License-Identifier: Apache-2.0 */
/* normalize(pool(x)), pool being the name of a primitive pooling that needs no more than skip_prompt. */
#include "graph/ops/fused.h"

static const eg_op *const poolings[] = {&eg_op_first_token, &eg_op_last_token,    &eg_op_mean,         &eg_op_max,
                                        &eg_op_sum,         &eg_op_mean_sqrt_len, &eg_op_weighted_mean};

static const eg_op *
pooling_of(const eg_node *node)
{
    const char *name = eg_node_string(node, "pool", "");
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++) {
        if (strcmp(poolings[i]->name, name) == 0)
            return poolings[i];
    }
    return NULL;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_int(node, "skip_prompt", 0, 1, err));
    if (!pooling_of(node))
        return eg_fail(err, EG_E_INPUT, "pool_normalize has no pooling '%s'", eg_node_string(node, "pool", ""));
    if (eg_node_float(node, "eps", 0) < 0)
        return eg_fail(err, EG_E_INPUT, "pool_normalize: eps is negative");
    return pooling_of(node)->infer(graph, node, out, err);
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    const eg_op *pooling = pooling_of(node);
    uint64_t pooled = pooling->flops ? pooling->flops(graph, node, dims) : 0, sum;
    uint64_t rows = eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 3);
    return __builtin_add_overflow(pooled, rows, &sum) ? UINT64_MAX : sum;
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    eg_value_id y;
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    const eg_node *fused = &parts.fused;
    const eg_attr skip = {.name = "skip_prompt", .type = EG_ATTR_INT, .integer = eg_node_int(fused, "skip_prompt", 0)};
    const eg_attr eps = {.name = "eps", .type = EG_ATTR_FLOAT, .real = eg_node_float(fused, "eps", 1e-12)};
    EG_TRY(eg_parts_add(&parts, pooling_of(fused), fused->inputs, 1, &skip, 1, &y, err));
    EG_TRY(eg_parts_add(&parts, &eg_op_normalize, &y, 1, &eps, 1, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "eps", .type = EG_ATTR_FLOAT, .neutral = eg_neutral_usual_eps},
    {.name = "pool", .type = EG_ATTR_STRING, .required = true},
    {.name = "skip_prompt", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};

const eg_op eg_op_pool_normalize = {.name = "pool_normalize",
                                    .min_inputs = 1,
                                    .max_inputs = 1,
                                    .output_count = 1,
                                    .flags = EG_OP_FUSED,
                                    .attrs = attrs,
                                    .infer = infer,
                                    .flops = flops,
                                    .decompose = decompose};
