/* SPDX-License-Identifier: Apache-2.0 */
/* activation(x · wᵀ + b) + r: x, w, then b and r where they are. */
#include <inttypes.h>

#include "graph/ops/fused.h"

static bool
has(const eg_node *node, const char *what)
{
    return eg_node_int(node, what, 0) == 1;
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_int(node, "bias", 0, 1, err));
    EG_TRY(eg_need_int(node, "residual", 0, 1, err));
    EG_TRY(eg_need_activation(node, err));
    EG_TRY(eg_need_input_count(node, 2 + has(node, "bias") + has(node, "residual"), err));
    EG_TRY(eg_op_matmul.infer(graph, node, out, err));
    if (has(node, "bias"))
        EG_TRY(eg_need_vector(graph, node, 2, out->dims[1].k, "bias", err));
    uint32_t last = node->input_count - 1;
    if (has(node, "residual") && !eg_type_equal(out, eg_input_type(graph, node, last))) {
        char type[EG_TYPE_TEXT_MAX];
        eg_type_format(out, type, sizeof type);
        return eg_op_fail(graph, node, last, err, "needs a residual like its result, %s", type);
    }
    return EG_OK;
}

static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t inner = (uint64_t)eg_input_type(graph, node, 1)->dims[1].k;
    uint64_t after = has(node, "bias") + has(node, "residual") + (eg_node_attr(node, "activation") ? 5 : 0);
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 2 * inner + after);
}

static eg_status
write_parts(eg_parts *parts, eg_error *err)
{
    const eg_node *fused = &parts->fused;
    const char *activation = eg_node_string(fused, "activation", NULL);
    eg_value_id y;
    EG_TRY(eg_parts_add(parts, &eg_op_matmul, fused->inputs, 2, NULL, 0, &y, err));
    if (has(fused, "bias"))
        EG_TRY(eg_parts_add(parts, &eg_op_bias_add, (eg_value_id[]){y, fused->inputs[2]}, 2, NULL, 0, &y, err));
    if (activation)
        EG_TRY(eg_parts_add_activation(parts, activation, y, &y, err));
    eg_value_id residual = fused->inputs[fused->input_count - 1];
    if (has(fused, "residual"))
        EG_TRY(eg_parts_add(parts, &eg_op_add, (eg_value_id[]){y, residual}, 2, NULL, 0, &y, err));
    return eg_parts_end(parts, y, err);
}

static eg_status
decompose(eg_graph *graph, eg_node_id node, eg_error *err)
{
    eg_parts parts;
    EG_TRY(eg_parts_begin(&parts, graph, node, err));
    return write_parts(&parts, err);
}

static const eg_attr_spec attrs[] = {
    {.name = "activation", .type = EG_ATTR_STRING},
    {.name = "bias", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {.name = "residual", .type = EG_ATTR_INT, .neutral = eg_neutral_zero},
    {0},
};

const eg_op eg_op_linear = {.name = "linear",
                            .min_inputs = 2,
                            .max_inputs = 4,
                            .output_count = 1,
                            .flags = EG_OP_FUSED | EG_OP_ROW_LOCAL,
                            .attrs = attrs,
                            .infer = infer,
                            .flops = flops,
                            .decompose = decompose};
