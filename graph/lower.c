/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that placing replaces by what defines them: fused ones that a target does not know, and views whose rows lie
 * apart where somebody needs them as one block.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graph/placing.h"
#include "graph/strided.h"

/* Its parts stand where it stood; they have not been asked for yet. */
static eg_status
take_apart(eg_placing *p, eg_node_id id, uint32_t target, const char *reason, eg_error *err)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    eg_lowering lowering = {.name = node->name, .op = node->op->name, .target = target};
    snprintf(lowering.reason, sizeof lowering.reason, "%s", reason);
    if (!EG_PUSH(&p->out->lowered, lowering))
        return eg_fail_nomem(err, "the partitioner");
    EG_TRY(node->op->decompose(p->graph, id, err));
    return eg_placing_prepare(p, err);
}

static bool
runs_fused(const eg_placing *p, const eg_node *node)
{
    return (node->op->flags & EG_OP_FUSED) && !eg_node_is_view(p->graph, node);
}

/* Whether any of the nodes from `first` on goes to the one target of a trial. */
static bool
takes_any_from(eg_placing *trial, eg_node_id first)
{
    for (uint32_t i = 0; i < trial->view.node_count; i++) {
        if (trial->view.nodes[i] >= first && eg_placing_takes(trial, trial->view.nodes[i], 0))
            return true;
    }
    return false;
}

/* Tried on a copy: whether the target would take any of the parts. Else another one may have the node whole. */
static eg_status
takes_parts(const eg_placing *p, eg_node_id id, uint32_t target, bool *out, eg_error *err)
{
    eg_graph copy;
    eg_partition answers = {.target_count = 1};
    eg_placing trial = {.graph = &copy,
                        .targets = &p->targets[target],
                        .target_count = 1,
                        .bound = p->bound,
                        .options = p->options,
                        .out = &answers};
    EG_TRY(eg_graph_clone(p->graph, &copy, err));
    eg_node_id first = (eg_node_id)copy.nodes.count;
    eg_status status = eg_graph_node(&copy, id)->op->decompose(&copy, id, err);
    if (status == EG_OK)
        status = eg_placing_prepare(&trial, err);
    *out = status == EG_OK && takes_any_from(&trial, first);
    eg_placing_finish(&trial);
    eg_partition_finish(&answers);
    eg_graph_finish(&copy);
    return status;
}

/* Whether the node is better off in parts: the target it is wished on does not know it, but knows some of them. */
static eg_status
is_to_be_lowered(eg_placing *p, eg_node_id id, uint32_t wished, bool *out, eg_error *err)
{
    *out = false;
    if (!runs_fused(p, eg_graph_node(p->graph, id)) || eg_placing_takes(p, id, wished) ||
        eg_placing_answer(p, id, wished)->too_large)
        return EG_OK;
    return takes_parts(p, id, wished, out, err);
}

eg_status
eg_lower_refused(eg_placing *p, eg_error *err)
{
    uint32_t turn = 0;
    for (size_t i = 0; i < p->graph->order.count;) {
        eg_node_id id = p->graph->order.items[i];
        uint32_t wished = eg_placing_wish(p, turn);
        bool lowered;
        EG_TRY(is_to_be_lowered(p, id, wished, &lowered, err));
        if (lowered) {
            EG_TRY(take_apart(p, id, wished, eg_placing_answer(p, id, wished)->reason, err));
            continue; /* with the first of its parts, which has its turn now */
        }
        turn += !eg_node_is_view(p->graph, eg_graph_node(p->graph, id));
        i++;
    }
    return EG_OK;
}

eg_status
eg_lower_untaken(eg_placing *p, eg_node_id id, eg_error *err)
{
    if (!runs_fused(p, eg_graph_node(p->graph, id)) || p->options->may_add_targets)
        return eg_placing_nobody_takes(p, id, err);
    return take_apart(p, id, 0, eg_placing_answer(p, id, 0)->reason, err);
}

/* --- views --------------------------------------------------------------------------------------- */

/* The view that sets the value's rows apart: it, or one that it is a view of. */
static eg_node_id
view_to_lower(const eg_placing *p, eg_value_id value)
{
    for (;;) {
        eg_node_id id = eg_graph_value(p->graph, value)->producer;
        const eg_node *node = eg_graph_node(p->graph, id);
        if (node->op->decompose)
            return id;
        value = node->inputs[0];
    }
}

static eg_status
lower_view(eg_placing *p, eg_value_id value, const char *reason, eg_error *err)
{
    return take_apart(p, view_to_lower(p, value), EG_ON_HOST, reason, err);
}

eg_status
eg_lower_outputs(eg_placing *p, eg_error *err)
{
    for (size_t i = 0; i < p->graph->outputs.count;) {
        eg_value_id value = p->graph->outputs.items[i];
        if (!eg_value_is_strided(p->graph, value)) {
            i++;
            continue;
        }
        EG_TRY(lower_view(p, value, "its rows lie apart, and it is an output", err));
    }
    return EG_OK;
}

static bool
reads(const eg_node *node, eg_value_id value)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == value)
            return true;
    }
    return false;
}

/* Where plain host memory is at hand, if anywhere. */
static uint32_t
any_host_target(const eg_placing *p)
{
    for (uint32_t t = 0; t < p->target_count; t++) {
        if (p->space_of[t] == 0)
            return t;
    }
    return 0;
}

static uint32_t
target_of_maker(const eg_placing *p, eg_value_id value)
{
    eg_node_id maker = eg_graph_value(p->graph, eg_graph_alias_root(p->graph, value))->producer;
    return maker ? p->out->target_of[maker] : any_host_target(p);
}

/* A view lies where its first reader is; one that only the host reads, where its root was made. */
static void
give_targets(eg_placing *p)
{
    for (size_t i = p->graph->order.count; i-- > 0;) {
        eg_node_id id = p->graph->order.items[i];
        const eg_node *node = eg_graph_node(p->graph, id);
        if (!eg_node_is_view(p->graph, node))
            continue;
        uint32_t target = target_of_maker(p, node->outputs[0]);
        for (size_t k = p->graph->order.count; k-- > i + 1;) {
            eg_node_id reader = p->graph->order.items[k];
            if (reads(eg_graph_node(p->graph, reader), node->outputs[0]))
                target = p->out->target_of[reader];
        }
        p->out->target_of[id] = target;
    }
}

static bool
is_read_elsewhere(const eg_placing *p, eg_value_id value, uint32_t space)
{
    for (size_t i = 0; i < p->graph->order.count; i++) {
        eg_node_id id = p->graph->order.items[i];
        if (p->space_of[p->out->target_of[id]] != space && reads(eg_graph_node(p->graph, id), value))
            return true;
    }
    return false;
}

/* Why a view with rows apart cannot be one where it has been put; NULL if it can. */
static const char *
why_not_a_view(const eg_placing *p, eg_node_id id)
{
    eg_value_id value = eg_graph_node(p->graph, id)->outputs[0];
    uint32_t target = p->out->target_of[id];
    uint64_t offset, align = p->targets[target].align;
    if (!eg_value_is_strided(p->graph, value))
        return NULL;
    if (!eg_value_offset(p->graph, value, &offset) || (align && offset % align))
        return "its first row does not begin where the device wants values to begin";
    if (is_read_elsewhere(p, value, p->space_of[target]))
        return "its rows lie apart, and it is read in two memories";
    return NULL;
}

/* Nodes that came in the place of views, where their inputs are made if that target takes them. */
static eg_status
place_new(eg_placing *p, size_t old_count, eg_error *err)
{
    for (size_t i = 0; i < p->graph->order.count; i++) {
        eg_node_id id = p->graph->order.items[i];
        const eg_node *node = eg_graph_node(p->graph, id);
        if (id < old_count || eg_node_is_view(p->graph, node))
            continue;
        if (!eg_placing_place(p, id, target_of_maker(p, node->inputs[0])))
            return eg_placing_nobody_takes(p, id, err);
    }
    return EG_OK;
}

eg_status
eg_place_views(eg_placing *p, eg_error *err)
{
    give_targets(p);
    for (size_t i = 0; i < p->graph->order.count;) {
        eg_node_id id = p->graph->order.items[i];
        const char *why = eg_node_is_view(p->graph, eg_graph_node(p->graph, id)) ? why_not_a_view(p, id) : NULL;
        if (!why) {
            i++;
            continue;
        }
        size_t old_count = p->graph->nodes.count;
        EG_TRY(lower_view(p, eg_graph_node(p->graph, id)->outputs[0], why, err));
        EG_TRY(place_new(p, old_count, err));
        give_targets(p);
        i = 0; /* other views may have moved */
    }
    return EG_OK;
}
