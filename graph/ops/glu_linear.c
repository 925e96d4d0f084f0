/* SPDX-License-Identifier: Apache-2.0 */
/* activation(x · wᵀ + b) ⊙ (x · uᵀ + c): x, w, u, then b and c. */
#include <inttypes.h>

#include "graph/ops/fused.h"

static bool
has_bias(const eg_node *node)
{
    return eg_node_int(node, "bias", 0) == 1;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_int(node, "bias", 0, 1, err));
    EG_TRY(eg_need_activation(node, err));
    EG_TRY(eg_need_input_count(node, has_bias(node) ? 5 : 3, err));
    EG_TRY(eg_op_matmul.infer(graph, node, out, err));
    EG_TRY(eg_need_matrix(graph, node, 2, EG_IS_TABLE, "a table as its third input", err));
    const eg_type *w = eg_input_type(graph, node, 1), *u = eg_input_type(graph, node, 2);
    if (u->dims[0].k != w->dims[0].k || u->dims[1].k != w->dims[1].k)
        return eg_op_fail(graph, node, 2, err, "needs a second weight [%" PRId64 ", %" PRId64 "] as its first",
                          w->dims[0].k, w->dims[1].k);
    for (uint32_t i = 3; i < node->input_count; i++)
        EG_TRY(eg_need_vector(graph, node, i, out->dims[1].k, "bias", err));
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t inner = (uint64_t)eg_input_type(graph, node, 1)->dims[1].k;
    uint64_t after = 1 + 2 * has_bias(node) + (eg_node_attr(node, "activation") ? 5 : 0);
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 4 * inner + after);
}

/* x · wᵀ, + b: branch 0 is the one with the activation. */
static eg_status
add_branch(eg_parts *parts, uint32_t branch, eg_value_id *out, eg_error *err)
{
    const eg_value_id *inputs = parts->fused.inputs;
    eg_value_id operands[] = {inputs[0], inputs[1 + branch]};
    EG_TRY(eg_parts_add(parts, &eg_op_matmul, operands, 2, NULL, 0, out, err));
    if (!has_bias(&parts->fused))
        return EG_OK;
    return eg_parts_add(parts, &eg_op_bias_add, (eg_value_id[]){*out, inputs[3 + branch]}, 2, NULL, 0, out, err);
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    eg_value_id branches[2], y;
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    for (uint32_t i = 0; i < 2; i++)
        EG_TRY(add_branch(&parts, i, &branches[i], err));
    const char *activation = eg_node_string(&parts.fused, "activation", NULL);
    if (activation)
        EG_TRY(eg_parts_add_activation(&parts, activation, branches[0], &branches[0], err));
    EG_TRY(eg_parts_add(&parts, &eg_op_mul, branches, 2, NULL, 0, &y, err));
    return eg_parts_end(&parts, y, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "activation", .type = EG_ATTR_STRING},
    {.name = "bias", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};

const eg_op eg_op_glu_linear = {.name = "glu_linear",
                                .min_inputs = 3,
                                .max_inputs = 5,
                                .output_count = 1,
                                .flags = EG_OP_FUSED | EG_OP_ROW_LOCAL,
                                .attrs = attrs,
                                .infer = infer,
                                .flops = flops,
                                .decompose = decompose};
