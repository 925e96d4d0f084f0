/* SPDX-License-Identifier: Apache-2.0 */
/* One node in the place of another: what fusing and decomposing both do. */
#include <string.h>

#include "graph/change.h"

eg_status
eg_graph_take_over(eg_graph *graph, eg_node_id id, eg_value_id value, eg_error *err)
{
    eg_node *node = eg_graph_node(graph, id);
    eg_value *own = eg_graph_value(graph, node->outputs[0]), *given = eg_graph_value(graph, value);
    if (!eg_type_equal(&own->type, &given->type))
        return eg_fail(err, EG_E_INTERNAL, "%s cannot make '%s': its type is another", node->op->name, given->name);
    own->producer = 0; /* nobody sees it any more */
    given->producer = id;
    node->outputs[0] = value;
    node->name = given->name;
    return EG_OK;
}

void
eg_graph_move_up(eg_graph *graph, size_t from, size_t to)
{
    eg_node_id *order = graph->order.items, moved = order[from];
    if (to >= from)
        return;
    memmove(&order[to + 1], &order[to], (from - to) * sizeof *order);
    order[to] = moved;
}

void
eg_graph_move_last(eg_graph *graph, size_t first, size_t to)
{
    for (size_t i = first; i < graph->order.count; i++)
        eg_graph_move_up(graph, i, to++);
}

size_t
eg_graph_place_of(const eg_graph *graph, eg_node_id node)
{
    size_t place = 0;
    while (place < graph->order.count && graph->order.items[place] != node)
        place++;
    return place;
}

bool
eg_node_set_origins(eg_graph *graph, eg_node_id id, const eg_origin *origins, size_t count)
{
    eg_origin *copy = eg_arena_calloc(&graph->arena, count, sizeof *copy);
    if (!copy)
        return false;
    for (size_t i = 0; i < count; i++) {
        copy[i].op = eg_arena_strdup(&graph->arena, origins[i].op);
        copy[i].name = eg_arena_strdup(&graph->arena, origins[i].name);
        if (!copy[i].op || !copy[i].name)
            return false;
    }
    eg_node *node = eg_graph_node(graph, id);
    node->origins = copy;
    node->origin_count = (uint32_t)count;
    return true;
}
