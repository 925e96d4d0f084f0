/* SPDX-License-Identifier: Apache-2.0 */
/* layer_norm, rms_norm, normalize: a row by its own statistics. */
#include "graph/ops/op.h"

static eg_status
need_eps(const eg_node *node, eg_error *err)
{
    if (eg_node_float(node, "eps", 0) >= 0)
        return EG_OK;
    return eg_fail(err, EG_E_INPUT, "%s: eps is negative", node->op->name);
}

static eg_status
infer_learned(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    static const char *const what[] = {"", "weight", "bias"};
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_ROWS, "rows", err));
    EG_TRY(need_eps(node, err));
    const eg_type *x = eg_input_type(graph, node, 0);
    for (uint32_t i = 1; i < node->input_count; i++)
        EG_TRY(eg_need_vector(graph, node, i, x->dims[1].k, what[i], err));
    *out = *x;
    return EG_OK;
}

static eg_status
infer_normalize(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_kind(graph, node, 0, EG_IS_ROWS, "rows", err));
    EG_TRY(need_eps(node, err));
    if (eg_input_type(graph, node, 0)->rank < 2)
        return eg_op_fail(graph, node, 0, err, "needs rows with a width");
    return eg_infer_same_float(graph, node, out, err);
}

static uint64_t
layer_norm_flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 8);
}

static uint64_t
rms_norm_flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 4);
}

static uint64_t
normalize_flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_elementwise_flops(graph, node, dims, 3);
}

static bool
is_usual_eps(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return attr->real == 1e-12;
}

static const eg_attr_spec needs_eps[] = {{.name = "eps", .type = EG_ATTR_FLOAT, .required = true}, {0}};
static const eg_attr_spec may_have_eps[] = {{.name = "eps", .type = EG_ATTR_FLOAT, .neutral = is_usual_eps}, {0}};

const eg_op eg_op_layer_norm = {.name = "layer_norm",
                                .min_inputs = 2,
                                .max_inputs = 3,
                                .output_count = 1,
                                .flags = EG_OP_ROW_LOCAL,
                                .attrs = needs_eps,
                                .infer = infer_learned,
                                .flops = layer_norm_flops};
const eg_op eg_op_rms_norm = {.name = "rms_norm",
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .output_count = 1,
                              .flags = EG_OP_ROW_LOCAL,
                              .attrs = needs_eps,
                              .infer = infer_learned,
                              .flops = rms_norm_flops};
const eg_op eg_op_normalize = {.name = "normalize",
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .output_count = 1,
                               .flags = EG_OP_ROW_LOCAL,
                               .attrs = may_have_eps,
                               .infer = infer_normalize,
                               .flops = normalize_flops};
