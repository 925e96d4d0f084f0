/* SPDX-License-Identifier: Apache-2.0 */
/* One way to say a thing: nodes that do nothing go, a constant operand stands second. */
#include <string.h>

#include "graph/change.h"
#include "graph/pass.h"

extern const eg_pass eg_pass_canonicalise;

static const eg_node *
maker_of(const eg_graph *graph, eg_value_id id)
{
    const eg_value *value = eg_graph_value(graph, id);
    return value->producer ? eg_graph_node(graph, value->producer) : NULL;
}

static bool
is_op(const eg_node *node, const char *name)
{
    return node && strcmp(node->op->name, name) == 0;
}

/* The value that the node's result equals, or 0. */
static eg_value_id
same_as(const eg_graph *graph, const eg_node *node)
{
    eg_value_id in = node->inputs[0];
    const eg_type *from = &eg_graph_value(graph, in)->type, *to = &eg_graph_value(graph, node->outputs[0])->type;
    if (is_op(node, "scale"))
        return eg_node_float(node, "factor", 0) == 1.0 && !eg_node_attr(node, "offset") ? in : 0;
    if (is_op(node, "concat"))
        return node->input_count == 1 ? in : 0;
    if (is_op(node, "slice") || is_op(node, "cast"))
        return eg_type_equal(from, to) ? in : 0;
    const eg_node *before = maker_of(graph, in);
    if (is_op(node, "transpose") && is_op(before, "transpose"))
        return before->inputs[0];
    return 0;
}

static eg_status
remove_neutral(eg_graph *graph, eg_node *node, eg_pass_context *context, eg_error *err)
{
    eg_value_id same = same_as(graph, node);
    if (!same)
        return EG_OK;
    const char *why_not = eg_graph_cannot_replace(graph, node->outputs[0], same);
    if (why_not) {
        eg_pass_refuse(context, node->name, why_not);
        return EG_OK;
    }
    EG_TRY(eg_graph_replace(graph, node->outputs[0], same, err));
    node->dead = true;
    context->report->hits++;
    return EG_OK;
}

static bool
is_constant(const eg_graph *graph, eg_value_id id)
{
    return (eg_graph_value(graph, id)->flags & EG_VALUE_CONST) != 0;
}

static void
order_operands(const eg_graph *graph, eg_node *node, eg_pass_context *context)
{
    if (!(node->op->flags & EG_OP_COMMUTES) || !is_constant(graph, node->inputs[0]) ||
        is_constant(graph, node->inputs[1]))
        return;
    eg_value_id constant = node->inputs[0];
    node->inputs[0] = node->inputs[1];
    node->inputs[1] = constant;
    context->report->hits++;
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        order_operands(graph, node, context);
        EG_TRY(remove_neutral(graph, node, context, err));
    }
    eg_graph_compact_order(graph);
    return EG_OK;
}

const eg_pass eg_pass_canonicalise = {"canonicalise", "removes nodes that do nothing, puts constant operands second",
                                      EG_PASS_ALWAYS | EG_PASS_FIXED_POINT, run};
