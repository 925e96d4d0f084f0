/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transpose, slice, concat and squeeze of constants become constants: other views of the same bytes. No data moves
 * and nothing is computed; arithmetic on constants is a backend's work at load.
 */
#include <string.h>

#include "graph/change.h"
#include "graph/constant.h"
#include "graph/pass.h"

extern const eg_pass eg_pass_fold;

/* Input i's blocks as they stand in the result. offset: where the input begins along the axis of a concat. */
static bool
add_views(const eg_graph *graph, const eg_node *node, uint32_t i, int64_t offset, eg_view_list *out)
{
    const eg_value *in = eg_graph_value(graph, node->inputs[i]);
    uint32_t last = in->type.rank - 1, axis = (uint32_t)eg_node_int(node, "axis", last);
    const char *op = node->op->name;
    for (uint32_t v = 0; v < in->constant->view_count; v++) {
        eg_host_view view = in->constant->views[v];
        bool any = true;
        if (strcmp(op, "transpose") == 0)
            view = eg_view_transposed(view);
        else if (strcmp(op, "squeeze") == 0)
            view = eg_view_squeezed(view, last);
        else if (strcmp(op, "slice") == 0)
            any = eg_view_cut(&view, axis, eg_node_int(node, "begin", 0), eg_node_int(node, "end", 0));
        else
            view.at[axis] += offset;
        if (any && !EG_PUSH(out, view))
            return false;
    }
    return true;
}

static bool
collect_views(const eg_graph *graph, const eg_node *node, eg_view_list *out)
{
    int64_t offset = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const eg_type *type = &eg_graph_value(graph, node->inputs[i])->type;
        if (!add_views(graph, node, i, offset, out))
            return false;
        offset += type->dims[eg_node_int(node, "axis", (int64_t)type->rank - 1)].k;
    }
    return true;
}

/* The node's result becomes a constant of the same name. */
static eg_status
fold_node(eg_graph *graph, eg_node *node, eg_error *err)
{
    eg_view_list views = {0};
    eg_value *result = eg_graph_value(graph, node->outputs[0]);
    eg_const *constant = eg_arena_calloc(&graph->arena, 1, sizeof *constant);
    bool fits = constant && collect_views(graph, node, &views);
    if (fits) {
        constant->view_count = (uint32_t)views.count;
        constant->views = eg_arena_calloc(&graph->arena, views.count, sizeof *views.items);
        fits = constant->views != NULL;
    }
    if (fits) {
        memcpy(constant->views, views.items, views.count * sizeof *views.items);
        result->constant = constant;
        result->flags |= EG_VALUE_CONST;
        result->producer = 0;
        node->dead = true;
    }
    eg_free(views.items);
    return fits ? EG_OK : eg_fail_nomem(err, "folded constants");
}

static bool
reads_constants_only(const eg_graph *graph, const eg_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!(eg_graph_value(graph, node->inputs[i])->flags & EG_VALUE_CONST))
            return false;
    }
    return node->input_count > 0;
}

static const char *
why_not(const eg_graph *graph, const eg_node *node)
{
    if (!(node->op->flags & EG_OP_MOVES_DATA))
        return "its inputs are constants, but it computes: that is the work of 'precompute'";
    if (eg_graph_value(graph, node->outputs[0])->flags & EG_VALUE_OUTPUT)
        return "it is an output";
    return NULL;
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        if (!reads_constants_only(graph, node))
            continue;
        const char *refusal = why_not(graph, node);
        if (refusal) {
            eg_pass_refuse(context, node->name, refusal);
            continue;
        }
        EG_TRY(fold_node(graph, node, err));
        context->report->hits++;
    }
    eg_graph_compact_order(graph);
    return EG_OK;
}

const eg_pass eg_pass_fold = {"fold", "turns transposed, cut and joined constants into constants, without moving data",
                              EG_PASS_ALWAYS | EG_PASS_FIXED_POINT, run};
