/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/extract.h"

/* The value of that name in `out`, which is made where nobody has made it yet. */
static eg_status
find_or_add(const eg_value *value, eg_graph *out, eg_value_id *out_id, eg_error *err)
{
    *out_id = eg_graph_find(out, value->name);
    if (*out_id)
        return EG_OK;
    if (value->flags & EG_VALUE_CONST)
        return eg_graph_add_const(out, value->name, &value->type, value->constant->views, value->constant->view_count,
                                  out_id, err);
    return eg_graph_add_input(out, value->name, &value->type, out_id, err);
}

static eg_status
copy_node(const eg_graph *graph, const eg_node *node, eg_value_id *values, eg_graph *out, eg_error *err)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        EG_TRY(find_or_add(eg_graph_value(graph, node->inputs[i]), out, &values[i], err));
    eg_value_id *outputs = values + node->input_count;
    EG_TRY(eg_graph_add_node(out, node->op, node->name, node->scope, values, node->input_count, node->attrs,
                             node->attr_count, outputs, err));
    /* Passes may have given the further outputs names of their own. */
    for (uint32_t i = 1; i < node->output_count; i++)
        EG_TRY(eg_graph_rename(out, outputs[i], eg_graph_value(graph, node->outputs[i])->name, err));
    return EG_OK;
}

eg_status
eg_graph_extract(const eg_graph *graph, const eg_node_id *nodes, size_t count, eg_graph *out, eg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const eg_node *node = eg_graph_node(graph, nodes[i]);
        eg_value_id *values = eg_calloc((size_t)node->input_count + node->output_count, sizeof *values);
        if (!values)
            return eg_fail_nomem(err, "a part of a graph");
        eg_status status = copy_node(graph, node, values, out, err);
        eg_free(values);
        EG_TRY(status);
    }
    return EG_OK;
}
