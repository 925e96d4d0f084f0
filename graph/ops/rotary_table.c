/* SPDX-License-Identifier: Apache-2.0 */
/* Cosines and sines of the angles that rotary turns by: [T, w], the cosines of w / 2 frequencies, then their sines. */
#include "graph/ops/op.h"

#include <inttypes.h>

/* Frequencies are given, or made from theta. */
static eg_status
need_frequencies(const eg_graph *graph, const eg_node *node, int64_t width, eg_error *err)
{
    bool has_theta = eg_node_attr(node, "theta") != NULL;
    if (node->input_count == 1)
        return has_theta ? EG_OK : eg_fail(err, EG_E_INPUT, "rotary_table needs 'theta', a number, or frequencies");
    if (has_theta)
        return eg_fail(err, EG_E_INPUT, "rotary_table has frequencies, and theta too");
    return eg_need_vector(graph, node, 1, width / 2, "vector of frequencies", err);
}

/* theta and divide: finite, above 0. */
static eg_status
need_positive(const eg_node *node, const char *name, eg_error *err)
{
    double value = eg_node_float(node, name, 1.0);
    if (value > 0 && value <= 1e30)
        return EG_OK;
    return eg_fail(err, EG_E_INPUT, "%s: %s is %g, but must be above 0", node->op->name, name, value);
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_ids(graph, node, 0, err));
    EG_TRY(eg_need_int(node, "width", 2, INT32_MAX, err));
    EG_TRY(need_positive(node, "theta", err));
    EG_TRY(need_positive(node, "divide", err));
    int64_t width = eg_node_int(node, "width", 2);
    if (width % 2 != 0)
        return eg_fail(err, EG_E_INPUT, "rotary_table: width is %" PRId64 ", but must be even", width);
    EG_TRY(need_frequencies(graph, node, width, err));
    *out = eg_type_token(EG_F32, eg_input_type(graph, node, 0)->set, width);
    return EG_OK;
}

/* A sine or a cosine is some twenty operations. */
static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    return eg_saturating_mul(eg_count_elements(graph, node->outputs[0], dims), 20);
}

static const eg_attr_spec attrs[] = {
    {.name = "divide", .type = EG_ATTR_FLOAT, .neutral = eg_neutral_one},
    {.name = "theta", .type = EG_ATTR_FLOAT},
    {.name = "width", .type = EG_ATTR_INT, .required = true},
    {0},
};

const eg_op eg_op_rotary_table = {.name = "rotary_table",
                                  .min_inputs = 1,
                                  .max_inputs = 2,
                                  .output_count = 1,
                                  .attrs = attrs,
                                  .infer = infer,
                                  .flops = flops};
