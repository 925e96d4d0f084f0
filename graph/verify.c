/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend may rely on, checked after building, after each pass and after reading the text form. */
#include <inttypes.h>
#include <string.h>

#include "graph/change.h"
#include "graph/type.h"

/* Everything that may be true of the values while nodes are looked at in order. */
typedef struct checker {
    const eg_graph *graph;
    bool *known; /* per value: an input, a constant, or made by a node before */
    eg_map names;
} checker;

static eg_status
check_value(checker *check, eg_value_id id, eg_error *err)
{
    const eg_value *value = eg_graph_value(check->graph, id);
    bool taken;
    if (!eg_name_valid(value->name))
        return eg_fail(err, EG_E_INTERNAL, "value %" PRIu32 " has no proper name", id);
    if (!eg_map_put(&check->names, value->name, strlen(value->name), id, &taken))
        return eg_fail_nomem(err, "the names of the graph");
    if (taken)
        return eg_fail(err, EG_E_INTERNAL, "two values are named '%s'", value->name);
    if (eg_graph_find(check->graph, value->name) != id)
        return eg_fail(err, EG_E_INTERNAL, "value '%s' is not found by its name", value->name);
    const char *fault = eg_type_fault(&value->type);
    if (fault)
        return eg_fail(err, EG_E_INTERNAL, "value '%s': %s", value->name, fault);
    if (value->type.set >= check->graph->set_count)
        return eg_fail(err, EG_E_INTERNAL, "value '%s' is of an unknown row set", value->name);
    return EG_OK;
}

/* Blocks lie inside the constant, and as many elements as it has: together they cover it once. */
static eg_status
check_constant(const eg_value *value, eg_error *err)
{
    const eg_type *type = &value->type;
    uint64_t covered = 0, all;
    if (type->kind != EG_TABLE || !value->constant || value->constant->view_count == 0)
        return eg_fail(err, EG_E_INTERNAL, "constant '%s' is no table with blocks", value->name);
    for (uint32_t i = 0; i < value->constant->view_count; i++) {
        const eg_host_view *view = &value->constant->views[i];
        uint64_t elements = 1;
        for (uint32_t a = 0; a < type->rank; a++) {
            if (view->dims[a] < 1 || view->at[a] < 0 || view->dims[a] > type->dims[a].k - view->at[a])
                return eg_fail(err, EG_E_INTERNAL, "constant '%s': block %" PRIu32 " lies outside", value->name, i);
            elements *= (uint64_t)view->dims[a]; /* no more than the constant's own, which are counted below */
        }
        covered += elements;
    }
    if (!eg_type_elements(type, &(eg_dims){.size = sizeof(eg_dims)}, &all) || covered != all)
        return eg_fail(err, EG_E_INTERNAL, "constant '%s' is not covered by its blocks", value->name);
    return EG_OK;
}

static eg_status
check_sources(checker *check, eg_error *err)
{
    const eg_graph *graph = check->graph;
    for (eg_value_id id = 1; id < graph->values.count; id++) {
        const eg_value *value = eg_graph_value(graph, id);
        if (!(value->flags & (EG_VALUE_INPUT | EG_VALUE_CONST)))
            continue;
        if (value->producer)
            return eg_fail(err, EG_E_INTERNAL, "'%s' is made by a node and yet given", value->name);
        EG_TRY(check_value(check, id, err));
        if (value->flags & EG_VALUE_CONST)
            EG_TRY(check_constant(value, err));
        check->known[id] = true;
    }
    for (size_t i = 0; i < graph->inputs.count; i++) {
        if (!(eg_graph_value(graph, graph->inputs.items[i])->flags & EG_VALUE_INPUT))
            return eg_fail(err, EG_E_INTERNAL, "input %zu is none", i);
    }
    return EG_OK;
}

static eg_status
check_types(checker *check, const eg_node *node, eg_error *err)
{
    eg_type types[EG_MAX_OUTPUTS];
    eg_error why;
    eg_error_init(&why);
    if (eg_node_infer(check->graph, node, types, &why) != EG_OK)
        return eg_fail(err, EG_E_INTERNAL, "node '%s': %s", node->name, why.message);
    for (uint32_t i = 0; i < node->output_count; i++) {
        const eg_value *value = eg_graph_value(check->graph, node->outputs[i]);
        char has[EG_TYPE_TEXT_MAX], gets[EG_TYPE_TEXT_MAX];
        if (eg_type_equal(&value->type, &types[i]))
            continue;
        eg_type_format(&value->type, has, sizeof has);
        eg_type_format(&types[i], gets, sizeof gets);
        return eg_fail(err, EG_E_INTERNAL, "value '%s' is %s, but %s gives %s", value->name, has, node->op->name, gets);
    }
    return EG_OK;
}

static eg_status
check_attrs(checker *check, const eg_node *node, eg_error *err)
{
    eg_error why;
    eg_error_init(&why);
    if (eg_node_check_attrs(node, &why) != EG_OK)
        return eg_fail(err, EG_E_INTERNAL, "node '%s': %s", node->name, why.message);
    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (eg_node_attr_is_neutral(check->graph, node, &node->attrs[i]))
            return eg_fail(err, EG_E_INTERNAL, "node '%s': '%s' says nothing and must be absent", node->name,
                           node->attrs[i].name);
    }
    return EG_OK;
}

static eg_status
check_node(checker *check, eg_node_id id, eg_error *err)
{
    const eg_node *node = eg_graph_node(check->graph, id);
    if (node->dead)
        return eg_fail(err, EG_E_INTERNAL, "node %" PRIu32 " is dead, yet in the order", id);
    if (node->input_count < node->op->min_inputs || node->input_count > node->op->max_inputs ||
        node->output_count != node->op->output_count)
        return eg_fail(err, EG_E_INTERNAL, "node '%s' has the wrong number of values", node->name);
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == 0 || node->inputs[i] >= check->graph->values.count || !check->known[node->inputs[i]])
            return eg_fail(err, EG_E_INTERNAL, "node '%s' reads input %" PRIu32 " before it is made", node->name, i);
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        const eg_value *value = eg_graph_value(check->graph, node->outputs[i]);
        if (value->producer != id || check->known[node->outputs[i]])
            return eg_fail(err, EG_E_INTERNAL, "value '%s' is made twice", value->name);
        EG_TRY(check_value(check, node->outputs[i], err));
        check->known[node->outputs[i]] = true;
    }
    if (strcmp(node->name, eg_graph_value(check->graph, node->outputs[0])->name) != 0)
        return eg_fail(err, EG_E_INTERNAL, "node '%s' is not named as its output", node->name);
    EG_TRY(check_attrs(check, node, err));
    return check_types(check, node, err);
}

static eg_status
check_all(checker *check, eg_error *err)
{
    const eg_graph *graph = check->graph;
    size_t live = 0;
    EG_TRY(check_sources(check, err));
    for (size_t i = 0; i < graph->order.count; i++)
        EG_TRY(check_node(check, graph->order.items[i], err));
    for (size_t i = 1; i < graph->nodes.count; i++)
        live += !graph->nodes.items[i].dead;
    if (live != graph->order.count)
        return eg_fail(err, EG_E_INTERNAL, "%zu nodes are live, %zu in the order", live, graph->order.count);
    for (size_t i = 0; i < graph->outputs.count; i++) {
        eg_value_id id = graph->outputs.items[i];
        if (!check->known[id] || !(eg_graph_value(graph, id)->flags & EG_VALUE_OUTPUT))
            return eg_fail(err, EG_E_INTERNAL, "output '%s' is not made", eg_graph_value(graph, id)->name);
    }
    return EG_OK;
}

eg_status
eg_graph_verify(const eg_graph *graph, eg_error *err)
{
    checker check = {.graph = graph, .known = eg_calloc(graph->values.count, sizeof *check.known)};
    if (!check.known)
        return eg_fail_nomem(err, "the verifier");
    eg_status status = check_all(&check, err);
    eg_free(check.known);
    eg_map_finish(&check.names);
    return status;
}
