/* SPDX-License-Identifier: Apache-2.0 */
/* The first columns of each head turned by the angles of a rotary_table, in pairs. */
#include "graph/ops/op.h"

#include <inttypes.h>

static eg_status
need_style(const eg_node *node, eg_error *err)
{
    const char *style = eg_node_string(node, "style", "half");
    if (strcmp(style, "half") == 0 || strcmp(style, "interleaved") == 0)
        return EG_OK;
    eg_status status = eg_fail(err, EG_E_INPUT, "rotary: style is '%s'", style);
    return eg_hint(err, status, "it is half or interleaved");
}

static eg_status
infer(const eg_graph *graph, const eg_node *node, eg_type *out, eg_error *err)
{
    EG_TRY(eg_need_matrix(graph, node, 0, EG_IS_TOKEN | EG_IS_TEXT, "token or text rows", err));
    EG_TRY(eg_need_matrix(graph, node, 1, EG_IS_TOKEN | EG_IS_TEXT, "the rows of a rotary_table", err));
    EG_TRY(eg_need_same_dtype(graph, node, 1, err));
    EG_TRY(eg_need_int(node, "heads", 1, INT32_MAX, err));
    EG_TRY(need_style(node, err));
    const eg_type *x = eg_input_type(graph, node, 0), *t = eg_input_type(graph, node, 1);
    if (x->kind != t->kind || x->set != t->set)
        return eg_op_fail(graph, node, 1, err, "needs a table of the same rows as what it turns");
    int64_t heads = eg_node_int(node, "heads", 1);
    if (x->dims[1].k % heads != 0)
        return eg_op_fail(graph, node, 0, err, "needs a width that is a multiple of %" PRId64 " heads", heads);
    if (t->dims[1].k % 2 != 0 || t->dims[1].k > x->dims[1].k / heads)
        return eg_op_fail(graph, node, 1, err, "needs a table of an even width, at most that of a head (%" PRId64 ")",
                          x->dims[1].k / heads);
    *out = *x;
    return EG_OK;
}

/* Three operations for each number that is turned. */
static uint64_t
flops(const eg_graph *graph, const eg_node *node, const eg_dims *dims)
{
    uint64_t turned =
        eg_saturating_mul(eg_count_elements(graph, node->inputs[1], dims), (uint64_t)eg_node_int(node, "heads", 1));
    return eg_saturating_mul(turned, 3);
}

static bool
neutral_style(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return strcmp(attr->string, "half") == 0;
}

static const eg_attr_spec attrs[] = {
    {.name = "heads", .type = EG_ATTR_INT, .required = true},
    {.name = "style", .type = EG_ATTR_STRING, .neutral = neutral_style},
    {0},
};

const eg_op eg_op_rotary = {.name = "rotary",
                            .min_inputs = 2,
                            .max_inputs = 2,
                            .output_count = 1,
                            .flags = EG_OP_ROW_LOCAL,
                            .attrs = attrs,
                            .infer = infer,
                            .flops = flops};
