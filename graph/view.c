/* SPDX-License-Identifier: Apache-2.0 */
/* Stages as plugins read them, and the record of what they read. */
#include <string.h>

#include "graph/partition.h"

/* Gives the value a number unless it has one. numbers: graph's id → number + 1. */
static void
number_value(eg_value_id id, uint32_t *numbers, eg_value_id *values, uint32_t *count)
{
    if (numbers[id])
        return;
    values[(*count)++] = id;
    numbers[id] = *count;
}

static eg_status
fill_view(eg_view *view, const eg_node_id *nodes, uint32_t node_count, eg_error *err)
{
    const eg_graph *graph = view->graph;
    uint32_t most = 0;
    for (uint32_t i = 0; i < node_count; i++) {
        const eg_node *node = eg_graph_node(graph, nodes[i]);
        most += node->input_count + node->output_count;
    }
    eg_node_id *own_nodes = eg_arena_calloc(&view->arena, node_count, sizeof *own_nodes);
    uint32_t *numbers = eg_arena_calloc(&view->arena, graph->values.count, sizeof *numbers);
    eg_value_id *values = eg_arena_calloc(&view->arena, most, sizeof *values);
    int64_t *row_strides = eg_arena_calloc(&view->arena, most, sizeof *row_strides);
    view->inputs_read = eg_arena_calloc(&view->arena, node_count, sizeof *view->inputs_read);
    view->attrs_read = eg_arena_calloc(&view->arena, node_count, sizeof *view->attrs_read);
    if (!own_nodes || !numbers || !values || !row_strides || !view->inputs_read || !view->attrs_read)
        return eg_fail_nomem(err, "a view of the graph");
    for (uint32_t i = 0; i < node_count; i++) {
        const eg_node *node = eg_graph_node(graph, nodes[i]);
        if (eg_node_is_view(graph, node))
            continue;
        own_nodes[view->node_count++] = nodes[i];
        for (uint32_t k = 0; k < node->input_count; k++)
            number_value(node->inputs[k], numbers, values, &view->value_count);
        for (uint32_t k = 0; k < node->output_count; k++)
            number_value(node->outputs[k], numbers, values, &view->value_count);
    }
    for (uint32_t i = 0; i < view->value_count; i++) {
        int64_t offset; /* the run's binding says where the rows begin */
        if (!eg_graph_alias_layout(graph, values[i], &offset, &row_strides[i]))
            return eg_fail(err, EG_E_FAILED, "the rows of '%s' are too long", eg_graph_value(graph, values[i])->name);
    }
    view->nodes = own_nodes;
    view->values = values;
    view->row_strides = row_strides;
    view->value_number = numbers;
    return EG_OK;
}

eg_status
eg_view_init(eg_view *view, const eg_graph *graph, const eg_node_id *nodes, uint32_t node_count, eg_error *err)
{
    *view = (eg_view){.graph = graph};
    eg_status status = fill_view(view, nodes, node_count, err);
    if (status != EG_OK)
        eg_view_finish(view);
    return status;
}

void
eg_view_finish(eg_view *view)
{
    eg_arena_finish(&view->arena);
    *view = (eg_view){0};
}

uint32_t
eg_view_number(const eg_view *view, eg_value_id value)
{
    return view->value_number[value] - 1; /* 0 wraps to UINT32_MAX */
}

/* --- the host's accessors; a number out of range is a plugin's mistake and gets an empty answer -- */

static const eg_node *
node_at(const eg_view *view, uint32_t node)
{
    return node < view->node_count ? eg_graph_node(view->graph, view->nodes[node]) : NULL;
}

static void
mark_read(uint64_t *bits, uint32_t i)
{
    if (i < 64)
        __atomic_fetch_or(bits, UINT64_C(1) << i, __ATOMIC_RELAXED);
}

static uint32_t
view_nodes(void *ctx, const eg_view *view)
{
    (void)ctx;
    return view->node_count;
}

static uint32_t
view_values(void *ctx, const eg_view *view)
{
    (void)ctx;
    return view->value_count;
}

static eg_status
view_value(void *ctx, const eg_view *view, uint32_t number, eg_value_info *out)
{
    (void)ctx;
    if (number >= view->value_count)
        return EG_E_USAGE;
    const eg_value *value = eg_graph_value(view->graph, view->values[number]);
    const eg_type *type = &value->type;
    eg_value_info info = {.size = sizeof info,
                          .dtype = type->dtype,
                          .kind = type->kind,
                          .set = type->set,
                          .rank = type->rank,
                          .is_weight = (value->flags & EG_VALUE_CONST) != 0,
                          .row_stride = view->row_strides[number],
                          .name = value->name};
    memcpy(info.dims, type->dims, sizeof info.dims);
    /* The caller's struct may be an older, shorter one. */
    uint32_t size = out->size;
    memcpy(out, &info, size < sizeof info ? size : sizeof info);
    out->size = size;
    return EG_OK;
}

static const char *
node_op(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    const eg_node *at = node_at(view, node);
    return at ? at->op->name : "";
}

static const char *
node_name(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    const eg_node *at = node_at(view, node);
    return at ? at->name : "";
}

static uint32_t
node_inputs(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    const eg_node *at = node_at(view, node);
    return at ? at->input_count : 0;
}

static uint32_t
node_outputs(void *ctx, const eg_view *view, uint32_t node)
{
    (void)ctx;
    const eg_node *at = node_at(view, node);
    return at ? at->output_count : 0;
}

static uint32_t
node_input(void *ctx, const eg_view *view, uint32_t node, uint32_t i)
{
    (void)ctx;
    const eg_node *at = node_at(view, node);
    if (!at || i >= at->input_count)
        return UINT32_MAX;
    mark_read(&view->inputs_read[node], i);
    return eg_view_number(view, at->inputs[i]);
}

static uint32_t
node_output(void *ctx, const eg_view *view, uint32_t node, uint32_t i)
{
    (void)ctx;
    const eg_node *at = node_at(view, node);
    return at && i < at->output_count ? eg_view_number(view, at->outputs[i]) : UINT32_MAX;
}

static const eg_attr *
read_attr(const eg_view *view, uint32_t node, const char *name, eg_attr_type type)
{
    const eg_node *at = node_at(view, node);
    const eg_attr *attr = at ? eg_node_attr(at, name) : NULL;
    if (!attr || attr->type != type)
        return NULL;
    mark_read(&view->attrs_read[node], (uint32_t)(attr - at->attrs));
    return attr;
}

static int32_t
attr_int(void *ctx, const eg_view *view, uint32_t node, const char *name, int64_t *out)
{
    (void)ctx;
    const eg_attr *attr = read_attr(view, node, name, EG_ATTR_INT);
    if (attr)
        *out = attr->integer;
    return attr != NULL;
}

static int32_t
attr_float(void *ctx, const eg_view *view, uint32_t node, const char *name, double *out)
{
    (void)ctx;
    const eg_attr *attr = read_attr(view, node, name, EG_ATTR_FLOAT);
    if (attr)
        *out = attr->real;
    return attr != NULL;
}

static int32_t
attr_string(void *ctx, const eg_view *view, uint32_t node, const char *name, const char **out)
{
    (void)ctx;
    const eg_attr *attr = read_attr(view, node, name, EG_ATTR_STRING);
    if (attr)
        *out = attr->string;
    return attr != NULL;
}

static int32_t
attr_ints(void *ctx, const eg_view *view, uint32_t node, const char *name, const int64_t **out, uint32_t *out_count)
{
    (void)ctx;
    const eg_attr *attr = read_attr(view, node, name, EG_ATTR_INTS);
    if (attr) {
        *out = attr->ints;
        *out_count = attr->count;
    }
    return attr != NULL;
}

static eg_weight *
view_weight(void *ctx, const eg_view *view, uint32_t value)
{
    (void)ctx;
    return view->weights && value < view->value_count ? view->weights[value] : NULL;
}

void
eg_view_fill_host(eg_host *host)
{
    host->view_nodes = view_nodes;
    host->view_values = view_values;
    host->view_value = view_value;
    host->node_op = node_op;
    host->node_name = node_name;
    host->node_inputs = node_inputs;
    host->node_outputs = node_outputs;
    host->node_input = node_input;
    host->node_output = node_output;
    host->attr_int = attr_int;
    host->attr_float = attr_float;
    host->attr_string = attr_string;
    host->attr_ints = attr_ints;
    host->view_weight = view_weight;
}
