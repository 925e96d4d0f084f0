/* SPDX-License-Identifier: Apache-2.0 */
/* normalize(pool(x)), pool being the name of a primitive pooling whose attributes it has too. */
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

static bool
has_attr(const eg_op *op, const char *name)
{
    for (const eg_attr_spec *spec = op->attrs; spec->name; spec++) {
        if (strcmp(spec->name, name) == 0)
            return true;
    }
    return false;
}

/* The attributes that are the pooling's. */
static const char *const shared[] = {"begin", "end", "skip_prompt"};
enum { SHARED = sizeof shared / sizeof *shared };

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN, "token rows", err));
    EG_TRY(eg_need_int(node, "skip_prompt", 0, 1, err));
    if (!pooling_of(node))
        return eg_fail(err, EG_E_INPUT, "pool_normalize has no pooling '%s'", eg_node_string(node, "pool", ""));
    if (eg_node_float(node, "eps", 0) < 0)
        return eg_fail(err, EG_E_INPUT, "pool_normalize: eps is negative");
    for (size_t i = 0; i < SHARED; i++) {
        if (eg_node_attr(node, shared[i]) && !has_attr(pooling_of(node), shared[i]))
            return eg_fail(err, EG_E_INPUT, "pool_normalize: %s has no '%s'", pooling_of(node)->name, shared[i]);
    }
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
    eg_attr attrs[SHARED];
    uint32_t count = 0;
    for (size_t i = 0; i < SHARED; i++) {
        const eg_attr *attr = eg_node_attr(fused, shared[i]);
        if (attr)
            attrs[count++] = *attr;
    }
    const eg_attr eps = {.name = "eps", .type = EG_ATTR_FLOAT, .real = eg_node_float(fused, "eps", 1e-12)};
    EG_TRY(eg_parts_add(&parts, pooling_of(fused), fused->inputs, 1, attrs, count, &y, err));
    EG_TRY(eg_parts_add(&parts, &eg_op_normalize, &y, 1, &eps, 1, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "begin", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "end", .type = EG_ATTR_INT},
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
