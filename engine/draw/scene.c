/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan to boxes, wires and groups: what is drawn, not yet where. */
#include <string.h>

#include "engine/draw/draw.h"

static bool
is_wanted(const eg_node *node, const char *scope)
{
    return !scope || strcmp(node->scope, scope) == 0;
}

static const char *
output_name(const eg_plan *plan, eg_value_id value)
{
    for (uint32_t i = 0; i < plan->output_count; i++)
        for (uint32_t k = 0; k < plan->outputs[i].count; k++)
            if (eg_plan_output_value(plan, &plan->outputs[i], k) == value)
                return plan->outputs[i].name;
    return NULL;
}

/* --- boxes --------------------------------------------------------------------------------------- */

/* Equal ops of the origins once, in the order in which they first come. */
static eg_status
fill_chips(eg_scene *scene, const eg_node *node, eg_box *box, eg_error *err)
{
    if (node->origin_count == 0)
        return EG_OK;
    eg_chip *chips = eg_arena_calloc(&scene->arena, node->origin_count, sizeof *chips);
    if (!chips)
        return eg_fail_nomem(err, "a drawing");
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->origin_count; i++) {
        uint32_t k = 0;
        while (k < count && strcmp(chips[k].op, node->origins[i].op) != 0)
            k++;
        if (k == count)
            chips[count++].op = node->origins[i].op;
        chips[k].count++;
    }
    box->chips = chips;
    box->chip_count = count;
    return EG_OK;
}

static eg_status
fill_weights(eg_scene *scene, const eg_node *node, eg_box *box, eg_error *err)
{
    eg_value_id *weights = eg_arena_calloc(&scene->arena, node->input_count ? node->input_count : 1, sizeof *weights);
    if (!weights)
        return eg_fail_nomem(err, "a drawing");
    for (uint32_t i = 0; i < node->input_count; i++)
        if (eg_graph_value(&scene->plan->built.graph, node->inputs[i])->flags & EG_VALUE_CONST)
            weights[box->weight_count++] = node->inputs[i];
    box->weights = weights;
    return EG_OK;
}

static eg_status
add_box(eg_scene *scene, const eg_box *box, eg_error *err)
{
    if (!EG_PUSH(&scene->boxes, *box))
        return eg_fail_nomem(err, "a drawing");
    scene->box_of[box->value] = (uint32_t)scene->boxes.count;
    return EG_OK;
}

/* Follows the order; a node of another scope than the one before begins a group. */
static eg_status
group_of(eg_scene *scene, const char *scope, uint32_t *out, eg_error *err)
{
    size_t count = scene->groups.count;
    if (count == 0 || strcmp(scene->groups.items[count - 1].scope, scope) != 0) {
        if (!EG_PUSH(&scene->groups, ((eg_group){.scope = scope})))
            return eg_fail_nomem(err, "a drawing");
        count++;
    }
    *out = (uint32_t)count - 1;
    return EG_OK;
}

static eg_status
add_outside(eg_scene *scene, eg_value_id value, eg_error *err)
{
    if (scene->box_of[value])
        return EG_OK;
    eg_box box = {.value = value, .target = EG_ON_HOST};
    EG_TRY(group_of(scene, "", &box.group, err));
    return add_box(scene, &box, err);
}

static eg_status
add_node(eg_scene *scene, eg_node_id id, eg_error *err)
{
    const eg_plan *plan = scene->plan;
    const eg_node *node = eg_graph_node(&plan->built.graph, id);
    eg_box box = {.node = id, .value = node->outputs[0], .is_view = eg_node_is_view(&plan->built.graph, node)};
    box.target = box.is_view ? EG_ON_HOST : plan->partition.target_of[id];
    for (uint32_t i = 0; i < node->output_count && !box.output; i++)
        box.output = output_name(plan, node->outputs[i]);
    EG_TRY(group_of(scene, node->scope, &box.group, err));
    EG_TRY(fill_chips(scene, node, &box, err));
    EG_TRY(fill_weights(scene, node, &box, err));
    EG_TRY(add_box(scene, &box, err));
    for (uint32_t i = 1; i < node->output_count; i++)
        scene->box_of[node->outputs[i]] = (uint32_t)scene->boxes.count;
    return EG_OK;
}

/* Whether the value is made by no node that is drawn, and is no weight. */
static bool
comes_from_outside(const eg_graph *graph, eg_value_id value, const char *scope)
{
    const eg_value *v = eg_graph_value(graph, value);
    return !(v->flags & EG_VALUE_CONST) && (v->producer == 0 || !is_wanted(eg_graph_node(graph, v->producer), scope));
}

static eg_status
add_all_outside(eg_scene *scene, const char *scope, eg_error *err)
{
    const eg_graph *graph = &scene->plan->built.graph;
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        if (!is_wanted(node, scope))
            continue;
        for (uint32_t k = 0; k < node->input_count; k++)
            if (comes_from_outside(graph, node->inputs[k], scope))
                EG_TRY(add_outside(scene, node->inputs[k], err));
    }
    return EG_OK;
}

static eg_status
add_all_nodes(eg_scene *scene, const char *scope, eg_error *err)
{
    const eg_graph *graph = &scene->plan->built.graph;
    bool any = false;
    for (size_t i = 0; i < graph->order.count; i++) {
        if (!is_wanted(eg_graph_node(graph, graph->order.items[i]), scope))
            continue;
        EG_TRY(add_node(scene, graph->order.items[i], err));
        any = true;
    }
    if (scope && !any)
        return eg_fail(err, EG_E_USAGE, "no node of the graph has the scope '%.100s'", scope);
    return EG_OK;
}

/* --- wires --------------------------------------------------------------------------------------- */

static bool
has_wire(const eg_scene *scene, size_t first, uint32_t from)
{
    for (size_t i = first; i < scene->wires.count; i++)
        if (scene->wires.items[i].from == from)
            return true;
    return false;
}

/* One wire from each box that a node reads, also where it reads it twice. */
static eg_status
add_wires(eg_scene *scene, eg_error *err)
{
    for (uint32_t to = 0; to < scene->boxes.count; to++) {
        if (scene->boxes.items[to].node == 0)
            continue;
        const eg_node *node = eg_graph_node(&scene->plan->built.graph, scene->boxes.items[to].node);
        size_t first = scene->wires.count;
        for (uint32_t i = 0; i < node->input_count; i++) {
            uint32_t from = scene->box_of[node->inputs[i]];
            if (from == 0 || has_wire(scene, first, from - 1))
                continue;
            if (!EG_PUSH(&scene->wires, ((eg_wire){.from = from - 1, .to = to})))
                return eg_fail_nomem(err, "a drawing");
        }
        scene->boxes.items[to].first_wire = (uint32_t)first;
        scene->boxes.items[to].wire_count = (uint32_t)(scene->wires.count - first);
    }
    return EG_OK;
}

/* --- the scene ----------------------------------------------------------------------------------- */

eg_status
eg_scene_make(const eg_plan *plan, const char *scope, eg_scene *out, eg_error *err)
{
    out->plan = plan;
    out->box_of = eg_arena_calloc(&out->arena, plan->built.graph.values.count + 1, sizeof *out->box_of);
    if (!out->box_of)
        return eg_fail_nomem(err, "a drawing");
    EG_TRY(add_all_outside(out, scope, err));
    EG_TRY(add_all_nodes(out, scope, err));
    return add_wires(out, err);
}

void
eg_scene_finish(eg_scene *scene)
{
    eg_free(scene->boxes.items);
    eg_free(scene->wires.items);
    eg_free(scene->groups.items);
    eg_arena_finish(&scene->arena);
}
