/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on constants alone becomes a constant, computed once by whoever has kernels (eg_computer). Moves of data
 * stay fold's: one is taken along only where a computation stands behind it.
 */
#include "graph/change.h"
#include "graph/extract.h"
#include "graph/pass.h"

extern const eg_pass eg_pass_precompute;

typedef struct precompute {
    eg_graph *graph;
    bool *fixed;                /* per value: it depends on constants alone */
    bool *feeds;                /* per value: something that is computed reads it */
    bool *stays;                /* per value: the graph itself reads it afterwards */
    EG_VEC(eg_node_id) nodes;   /* what is computed, in an order of execution */
    EG_VEC(eg_value_id) wanted; /* results of these that the graph reads */
    eg_graph work;
} precompute;

/* --- what is computed ---------------------------------------------------------------------------- */

static bool
any_output(const eg_node *node, const bool *of_value)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (of_value[node->outputs[i]])
            return true;
    return false;
}

static void
mark_inputs(const eg_node *node, bool *of_value)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        of_value[node->inputs[i]] = true;
}

static bool
computes(const eg_node *node)
{
    return !(node->op->flags & EG_OP_MOVES_DATA);
}

/* All its inputs are, and it makes tables. An output is somebody's to read where it is made. */
static bool
is_fixed(const precompute *p, const eg_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (!p->fixed[node->inputs[i]])
            return false;
    for (uint32_t i = 0; i < node->output_count; i++) {
        const eg_value *value = eg_graph_value(p->graph, node->outputs[i]);
        if (value->type.kind != EG_TABLE || (value->flags & EG_VALUE_OUTPUT))
            return false;
    }
    return node->input_count > 0;
}

static void
find_fixed(precompute *p)
{
    for (eg_value_id id = 1; id < p->graph->values.count; id++)
        p->fixed[id] = eg_graph_value(p->graph, id)->flags & EG_VALUE_CONST;
    for (size_t i = 0; i < p->graph->order.count; i++) {
        const eg_node *node = eg_graph_node(p->graph, p->graph->order.items[i]);
        for (uint32_t k = 0; k < node->output_count && is_fixed(p, node); k++)
            p->fixed[node->outputs[k]] = true;
    }
}

static bool
want(precompute *p, const eg_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (!EG_PUSH(&p->wanted, node->outputs[i]))
            return false;
    return true;
}

static void
turn_round(uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        uint32_t last = ids[count - 1 - i];
        ids[count - 1 - i] = ids[i];
        ids[i] = last;
    }
}

/* Whether an output of the graph comes of it: what does not is dce's, and nobody computes it. */
static bool
is_needed(const precompute *p, const eg_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        if (eg_graph_value(p->graph, node->outputs[i])->flags & EG_VALUE_OUTPUT)
            return true;
    return any_output(node, p->feeds) || any_output(node, p->stays);
}

/* From the last node to the first: who reads a value is known before the node that makes it is looked at. */
static bool
choose_nodes(precompute *p)
{
    for (size_t i = p->graph->order.count; i-- > 0;) {
        eg_node_id id = p->graph->order.items[i];
        const eg_node *node = eg_graph_node(p->graph, id);
        if (!is_needed(p, node))
            continue;
        bool fixed = p->fixed[node->outputs[0]], is_read = any_output(node, p->stays);
        if (!fixed || (!computes(node) && is_read))
            mark_inputs(node, p->stays);
        if (!fixed || !(computes(node) || any_output(node, p->feeds)))
            continue;
        mark_inputs(node, p->feeds);
        if (!EG_PUSH(&p->nodes, id) || (computes(node) && is_read && !want(p, node)))
            return false;
    }
    turn_round(p->nodes.items, p->nodes.count);
    turn_round(p->wanted.items, p->wanted.count);
    return true;
}

static eg_status
choose(precompute *p, eg_error *err)
{
    size_t values = p->graph->values.count;
    p->fixed = eg_calloc(3 * values, sizeof *p->fixed);
    if (!p->fixed)
        return eg_fail_nomem(err, "constants to compute");
    p->feeds = p->fixed + values;
    p->stays = p->feeds + values;
    find_fixed(p);
    return choose_nodes(p) ? EG_OK : eg_fail_nomem(err, "constants to compute");
}

/* --- computing ----------------------------------------------------------------------------------- */

static bool
has_data(const eg_graph *work)
{
    for (eg_value_id id = 1; id < work->values.count; id++) {
        const eg_const *constant = eg_graph_value(work, id)->constant;
        for (uint32_t i = 0; constant && i < constant->view_count; i++)
            if (!constant->views[i].data)
                return false;
    }
    return true;
}

static eg_status
make_work(precompute *p, eg_error *err)
{
    EG_TRY(eg_graph_init(&p->work, p->graph->name, err));
    EG_TRY(eg_graph_extract(p->graph, p->nodes.items, p->nodes.count, &p->work, err));
    for (size_t i = 0; i < p->wanted.count; i++) {
        const char *name = eg_graph_value(p->graph, p->wanted.items[i])->name;
        EG_TRY(eg_graph_add_output(&p->work, eg_graph_find(&p->work, name), err));
    }
    return EG_OK;
}

static eg_status
become_constant(eg_graph *graph, eg_value_id id, const void *data, eg_error *err)
{
    eg_value *value = eg_graph_value(graph, id);
    eg_const *constant = eg_arena_calloc(&graph->arena, 1, sizeof *constant);
    eg_host_view *view = eg_arena_calloc(&graph->arena, 1, sizeof *view);
    if (!constant || !view)
        return eg_fail_nomem(err, "a computed constant");
    *view = (eg_host_view){.size = sizeof *view, .dtype = value->type.dtype, .data = data};
    int64_t stride = 1;
    for (uint32_t i = value->type.rank; i-- > 0; stride *= value->type.dims[i].k) {
        view->dims[i] = value->type.dims[i].k;
        view->strides[i] = stride;
    }
    *constant = (eg_const){1, view};
    value->constant = constant;
    value->flags |= EG_VALUE_CONST;
    value->producer = 0;
    return EG_OK;
}

static bool
reads_nothing_dead(const eg_graph *graph, const eg_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (!eg_graph_is_live(graph, node->inputs[i]))
            return false;
    return true;
}

/* A move of data that the graph reads as well stays in it. What reads a value that is gone was itself for nobody. */
static void
remove_nodes(precompute *p, eg_pass_context *context)
{
    for (size_t i = 0; i < p->nodes.count; i++) {
        eg_node *node = eg_graph_node(p->graph, p->nodes.items[i]);
        node->dead = computes(node) || !any_output(node, p->stays);
        context->report->hits += computes(node);
    }
    for (size_t i = 0; i < p->graph->order.count; i++) {
        eg_node *node = eg_graph_node(p->graph, p->graph->order.items[i]);
        node->dead = node->dead || !reads_nothing_dead(p->graph, node);
    }
    eg_graph_compact_order(p->graph);
}

static eg_status
compute(precompute *p, eg_pass_context *context, eg_error *err)
{
    EG_TRY(make_work(p, err));
    const void **data = eg_calloc(p->wanted.count, sizeof *data);
    if (!data)
        return eg_fail_nomem(err, "computed constants");
    eg_status status = EG_OK;
    if (has_data(&p->work)) /* without a checkpoint there are sizes only */
        status = context->computer->compute(context->computer->user, &p->work, data, err);
    for (size_t i = 0; i < p->wanted.count && status == EG_OK; i++)
        status = become_constant(p->graph, p->wanted.items[i], data[i], err);
    eg_free(data);
    EG_TRY(status);
    remove_nodes(p, context);
    return EG_OK;
}

static void
refuse(precompute *p, eg_pass_context *context)
{
    for (size_t i = 0; i < p->nodes.count; i++) {
        const eg_node *node = eg_graph_node(p->graph, p->nodes.items[i]);
        if (computes(node))
            eg_pass_refuse(context, node->name, "it depends on constants alone, but there is nobody to compute it");
    }
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    precompute p = {.graph = graph};
    eg_status status = choose(&p, err);
    if (status == EG_OK && p.wanted.count && context->computer)
        status = compute(&p, context, err);
    else if (status == EG_OK)
        refuse(&p, context);
    eg_free(p.fixed);
    eg_free(p.nodes.items);
    eg_free(p.wanted.items);
    eg_graph_finish(&p.work);
    return status;
}

const eg_pass eg_pass_precompute = {"precompute", "computes once, at load, what depends on weights alone",
                                    EG_PASS_ALWAYS | EG_PASS_FIXED_POINT, run};
