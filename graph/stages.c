/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/stages.h"

#include <string.h>

#include "graph/strided.h"

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "the stages");
}

uint32_t
eg_number_spaces(const eg_target *targets, uint32_t target_count, uint32_t *space_of)
{
    uint32_t count = 1;
    for (uint32_t i = 0; i < target_count; i++)
        space_of[i] = eg_target_on_host(&targets[i]) ? 0 : count++;
    return count;
}

/* --- stages -------------------------------------------------------------------------------------- */

typedef struct gathering {
    const eg_graph *graph;
    const uint32_t *space_of;
    eg_partition *partition;
    bool *taken; /* per node */
} gathering;

static bool
is_view(const gathering *g, eg_node_id id)
{
    return eg_node_is_view(g->graph, eg_graph_node(g->graph, id));
}

/* A view that no stage has yet comes with its first reader, if that lies in the view's memory. */
static bool
is_made(const gathering *g, eg_value_id value, uint32_t space)
{
    for (;;) {
        eg_node_id producer = eg_graph_value(g->graph, value)->producer;
        if (!producer || g->taken[producer])
            return true;
        if (!is_view(g, producer) || g->space_of[g->partition->target_of[producer]] != space)
            return false;
        value = eg_graph_node(g->graph, producer)->inputs[0];
    }
}

static bool
inputs_are_made(const gathering *g, const eg_node *node, uint32_t space)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (!is_made(g, node->inputs[i], space))
            return false;
    }
    return true;
}

/* The node, and before it the views behind its inputs that no stage has yet. */
static eg_status
take(gathering *g, eg_stage *stage, eg_node_id id, eg_error *err)
{
    const eg_node *node = eg_graph_node(g->graph, id);
    for (uint32_t i = 0; i < node->input_count; i++) {
        eg_node_id producer = eg_graph_value(g->graph, node->inputs[i])->producer;
        if (producer && !g->taken[producer])
            EG_TRY(take(g, stage, producer, err));
    }
    if (!EG_PUSH(&stage->nodes, id))
        return no_memory(err);
    g->taken[id] = true;
    g->partition->target_of[id] = stage->target;
    return EG_OK;
}

/*
 * A stage for the target of the first node that is left (its inputs are made, since all before it are taken), and in
 * it every later node of that target whose inputs are made by then. As a stretch of a topological order it is convex.
 */
static eg_status
next_stage(gathering *g, size_t from, eg_stage *stage, eg_error *err)
{
    const eg_graph *graph = g->graph;
    stage->target = g->partition->target_of[graph->order.items[from]];
    for (size_t i = from; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        if (!g->taken[id] && !is_view(g, id) && g->partition->target_of[id] == stage->target &&
            inputs_are_made(g, eg_graph_node(graph, id), g->space_of[stage->target]))
            EG_TRY(take(g, stage, id, err));
    }
    return EG_OK;
}

static eg_status
add_stage(gathering *g, eg_stage **out, eg_error *err)
{
    if (!EG_PUSH(&g->partition->stages, (eg_stage){0}))
        return no_memory(err);
    *out = &g->partition->stages.items[g->partition->stages.count - 1];
    return EG_OK;
}

static eg_stage *
stage_with(const gathering *g, eg_node_id id)
{
    for (size_t s = 0; s < g->partition->stages.count; s++) {
        eg_stage *stage = &g->partition->stages.items[s];
        for (size_t i = 0; i < stage->nodes.count; i++) {
            if (stage->nodes.items[i] == id)
                return stage;
        }
    }
    return NULL;
}

/* A view that the host alone reads stands at the end of the stage that makes what it shows. */
static eg_status
take_view(gathering *g, eg_node_id id, eg_error *err)
{
    eg_node_id producer = eg_graph_value(g->graph, eg_graph_node(g->graph, id)->inputs[0])->producer;
    eg_stage *stage = producer ? stage_with(g, producer) : NULL;
    if (!stage) { /* a view of an input: a stage without code */
        EG_TRY(add_stage(g, &stage, err));
        stage->target = g->partition->target_of[id];
    }
    return take(g, stage, id, err);
}

static eg_status
collect_stages(gathering *g, eg_error *err)
{
    for (size_t from = 0; from < g->graph->order.count; from++) {
        eg_node_id id = g->graph->order.items[from];
        eg_stage *stage;
        if (g->taken[id] || is_view(g, id))
            continue;
        EG_TRY(add_stage(g, &stage, err));
        EG_TRY(next_stage(g, from, stage, err));
    }
    for (size_t i = 0; i < g->graph->order.count; i++) {
        if (!g->taken[g->graph->order.items[i]])
            EG_TRY(take_view(g, g->graph->order.items[i], err));
    }
    return EG_OK;
}

eg_status
eg_build_stages(eg_graph *graph, const uint32_t *space_of, eg_partition *partition, eg_error *err)
{
    gathering g = {.graph = graph, .space_of = space_of, .partition = partition};
    g.taken = eg_calloc(graph->nodes.count, sizeof *g.taken);
    if (!g.taken)
        return no_memory(err);
    eg_status status = collect_stages(&g, err);
    eg_free(g.taken);
    EG_TRY(status);
    size_t at = 0;
    for (size_t s = 0; s < partition->stages.count; s++) {
        const eg_stage *stage = &partition->stages.items[s];
        for (size_t i = 0; i < stage->nodes.count; i++)
            graph->order.items[at++] = stage->nodes.items[i];
    }
    return EG_OK;
}

/* --- what goes in, out and across ---------------------------------------------------------------- */

typedef struct border {
    const eg_graph *graph;
    const uint32_t *space_of;
    eg_partition *partition;
    uint32_t *stage_of;  /* per node */
    uint32_t *listed_in; /* per value: the last stage that lists it as an input, + 1 */
    bool *leaves;        /* per value: listed as an output of its stage */
    uint64_t *present;   /* per value: bit per space that holds it */
} border;

static eg_status
add_crossing(border *b, eg_value_id value, uint32_t from, uint32_t to, uint32_t space, uint32_t stage, eg_error *err)
{
    eg_crossing crossing = {.value = value, .from = from, .to = to, .before_stage = stage};
    if (eg_value_is_strided(b->graph, value))
        return eg_fail(err, EG_E_INTERNAL, "'%s' is to be copied, but its rows lie apart",
                       eg_graph_value(b->graph, value)->name);
    b->present[value] |= UINT64_C(1) << space;
    return EG_PUSH(&b->partition->crossings, crossing) ? EG_OK : no_memory(err);
}

/* Makes the value present where the stage reads it: by way of the host unless it is there already. */
static eg_status
bring(border *b, eg_value_id id, uint32_t stage_index, eg_error *err)
{
    uint32_t target = b->partition->stages.items[stage_index].target, space = b->space_of[target];
    if (b->present[id] >> space & 1)
        return EG_OK;
    if (!(b->present[id] & 1)) {
        uint32_t maker = b->partition->target_of[eg_graph_value(b->graph, id)->producer];
        EG_TRY(add_crossing(b, id, maker, EG_ON_HOST, 0, stage_index, err));
    }
    return space == 0 ? EG_OK : add_crossing(b, id, EG_ON_HOST, target, space, stage_index, err);
}

static eg_status
add_stage_output(border *b, eg_value_id id, eg_error *err)
{
    eg_node_id producer = eg_graph_value(b->graph, id)->producer;
    if (!producer || b->leaves[id])
        return EG_OK;
    b->leaves[id] = true;
    eg_stage *maker = &b->partition->stages.items[b->stage_of[producer]];
    return EG_PUSH(&maker->outputs, id) ? EG_OK : no_memory(err);
}

static eg_status
read_by_stage(border *b, eg_value_id id, uint32_t stage_index, eg_error *err)
{
    const eg_value *value = eg_graph_value(b->graph, id);
    bool made_here = value->producer && b->stage_of[value->producer] == stage_index;
    if ((value->flags & EG_VALUE_CONST) || made_here || b->listed_in[id] == stage_index + 1)
        return EG_OK;
    b->listed_in[id] = stage_index + 1;
    if (!EG_PUSH(&b->partition->stages.items[stage_index].inputs, id))
        return no_memory(err);
    EG_TRY(add_stage_output(b, id, err));
    return bring(b, id, stage_index, err);
}

static eg_status
walk_stage(border *b, uint32_t stage_index, eg_error *err)
{
    const eg_stage *stage = &b->partition->stages.items[stage_index];
    uint32_t space = b->space_of[stage->target];
    for (size_t i = 0; i < stage->nodes.count; i++) {
        const eg_node *node = eg_graph_node(b->graph, stage->nodes.items[i]);
        for (uint32_t k = 0; k < node->input_count; k++)
            EG_TRY(read_by_stage(b, node->inputs[k], stage_index, err));
        for (uint32_t k = 0; k < node->output_count; k++) {
            b->present[node->outputs[k]] |= UINT64_C(1) << space;
            if (eg_graph_value(b->graph, node->outputs[k])->flags & EG_VALUE_OUTPUT)
                EG_TRY(add_stage_output(b, node->outputs[k], err));
        }
    }
    return EG_OK;
}

static eg_status
walk_stages(border *b, eg_error *err)
{
    for (size_t s = 0; s < b->partition->stages.count; s++) {
        const eg_stage *stage = &b->partition->stages.items[s];
        for (size_t i = 0; i < stage->nodes.count; i++)
            b->stage_of[stage->nodes.items[i]] = (uint32_t)s;
    }
    for (size_t i = 0; i < b->graph->inputs.count; i++)
        b->present[b->graph->inputs.items[i]] = 1;
    for (uint32_t s = 0; s < b->partition->stages.count; s++)
        EG_TRY(walk_stage(b, s, err));
    return EG_OK;
}

eg_status
eg_build_crossings(const eg_graph *graph, const uint32_t *space_of, eg_partition *partition, eg_error *err)
{
    border b = {.graph = graph, .space_of = space_of, .partition = partition};
    b.stage_of = eg_calloc(graph->nodes.count, sizeof *b.stage_of);
    b.listed_in = eg_calloc(graph->values.count, sizeof *b.listed_in);
    b.leaves = eg_calloc(graph->values.count, sizeof *b.leaves);
    b.present = eg_calloc(graph->values.count, sizeof *b.present);
    eg_status status = b.stage_of && b.listed_in && b.leaves && b.present ? walk_stages(&b, err) : no_memory(err);
    eg_free(b.present);
    eg_free(b.leaves);
    eg_free(b.listed_in);
    eg_free(b.stage_of);
    return status;
}
