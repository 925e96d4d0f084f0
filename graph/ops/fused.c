/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ops/fused.h"

#include <inttypes.h>

#include "graph/change.h"

/* --- activations --------------------------------------------------------------------------------- */

typedef struct activation {
    const char *name;
    const eg_op *op;
    const char *form; /* of gelu; NULL: none */
} activation;

static const activation activations[] = {
    {"gelu", &eg_op_gelu, NULL},   {"gelu_tanh", &eg_op_gelu, "tanh"}, {"gelu_quick", &eg_op_gelu, "quick"},
    {"relu", &eg_op_relu, NULL},   {"relu2", &eg_op_relu2, NULL},      {"silu", &eg_op_silu, NULL},
    {"mish", &eg_op_mish, NULL},   {"tanh", &eg_op_tanh, NULL},        {"sigmoid", &eg_op_sigmoid, NULL},
    {"log1p", &eg_op_log1p, NULL},
};
enum { ACTIVATION_COUNT = sizeof activations / sizeof *activations };

static const activation *
find_activation(const char *name)
{
    for (size_t i = 0; i < ACTIVATION_COUNT; i++) {
        if (strcmp(activations[i].name, name) == 0)
            return &activations[i];
    }
    return NULL;
}

const char *
eg_activation_of(const eg_node *node)
{
    const char *form = eg_node_string(node, "form", "");
    for (size_t i = 0; i < ACTIVATION_COUNT; i++) {
        const activation *a = &activations[i];
        if (a->op == node->op && strcmp(a->form ? a->form : "", form) == 0)
            return a->name;
    }
    return NULL;
}

eg_status
eg_need_activation(const eg_node *node, eg_error *err)
{
    const char *name = eg_node_string(node, "activation", NULL);
    if (!name || find_activation(name))
        return EG_OK;
    return eg_fail(err, EG_E_INPUT, "%s has no activation '%s'", node->op->name, name);
}

eg_status
eg_need_input_count(const eg_node *node, uint32_t count, eg_error *err)
{
    if (node->input_count == count)
        return EG_OK;
    return eg_fail(err, EG_E_INPUT, "%s takes %" PRIu32 " inputs with these attributes, got %" PRIu32, node->op->name,
                   count, node->input_count);
}

/* --- norms --------------------------------------------------------------------------------------- */

bool
eg_neutral_layer(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return strcmp(attr->string, "layer") == 0;
}

bool
eg_neutral_usual_eps(const eg_graph *graph, const eg_node *node, const eg_attr *attr)
{
    (void)graph, (void)node;
    return attr->real == 1e-12;
}

eg_attr
eg_norm_eps(const eg_node *norm)
{
    return (eg_attr){.name = "eps", .type = EG_ATTR_FLOAT, .real = eg_node_float(norm, "eps", 0)};
}

eg_attr
eg_norm_kind(const eg_node *norm)
{
    return (eg_attr){.name = "norm", .type = EG_ATTR_STRING, .string = norm->op == &eg_op_rms_norm ? "rms" : "layer"};
}

static bool
is_rms(const eg_node *node)
{
    return strcmp(eg_node_string(node, "norm", "layer"), "rms") == 0;
}

eg_status
eg_need_norm(const eg_graph *graph, const eg_node *node, uint32_t first, int64_t width, eg_error *err)
{
    const char *norm = eg_node_string(node, "norm", "layer");
    if (strcmp(norm, "layer") != 0 && strcmp(norm, "rms") != 0)
        return eg_fail(err, EG_E_INPUT, "%s has no norm '%s'", node->op->name, norm);
    if (eg_node_float(node, "eps", 0) < 0)
        return eg_fail(err, EG_E_INPUT, "%s: eps is negative", node->op->name);
    uint32_t most = first + (is_rms(node) ? 1 : 2);
    if (node->input_count <= first || node->input_count > most)
        return eg_fail(err, EG_E_INPUT,
                       "%s takes %" PRIu32 " to %" PRIu32 " inputs with these attributes, got %" PRIu32, node->op->name,
                       first + 1, most, node->input_count);
    EG_TRY(eg_need_vector(graph, node, first, width, "weight", err));
    return node->input_count > first + 1 ? eg_need_vector(graph, node, first + 1, width, "bias", err) : EG_OK;
}

/* --- decomposing --------------------------------------------------------------------------------- */

eg_status
eg_parts_begin(eg_parts *parts, eg_graph *graph, eg_node_id fused, eg_error *err)
{
    *parts = (eg_parts){
        .graph = graph, .fused = *eg_graph_node(graph, fused), .fused_id = fused, .first = graph->order.count};
    parts->given = eg_arena_calloc(&graph->arena, parts->fused.origin_count, sizeof *parts->given);
    return parts->given ? EG_OK : eg_fail_nomem(err, "a node's parts");
}

static const eg_origin *
next_origin(eg_parts *parts, const eg_op *op)
{
    for (uint32_t i = 0; i < parts->fused.origin_count; i++) {
        const eg_origin *origin = &parts->fused.origins[i];
        if (!parts->given[i] && strcmp(origin->op, op->name) == 0) {
            parts->given[i] = true;
            return origin;
        }
    }
    return NULL;
}

eg_status
eg_parts_add(eg_parts *parts, const eg_op *op, const eg_value_id *inputs, uint32_t input_count, const eg_attr *attrs,
             uint32_t attr_count, eg_value_id *out, eg_error *err)
{
    eg_graph *graph = parts->graph;
    const eg_origin *origin = next_origin(parts, op);
    eg_strbuf made = {0};
    if (!origin)
        eg_strbuf_printf(&made, "%s.%s", parts->fused.name, op->name);
    if (made.failed)
        return eg_fail_nomem(err, "a node's parts");
    eg_status status = eg_graph_add_node(graph, op, origin ? origin->name : made.data, parts->fused.scope, inputs,
                                         input_count, attrs, attr_count, out, err);
    eg_strbuf_finish(&made);
    if (status != EG_OK)
        return status;
    eg_node_id id = eg_graph_value(graph, *out)->producer;
    eg_graph_node(graph, id)->origin = parts->fused.origin;
    bool renamed = origin && strcmp(origin->name, eg_graph_node(graph, id)->name) != 0;
    if (renamed && !eg_node_set_origins(graph, id, origin, 1))
        return eg_fail_nomem(err, "a node's parts");
    return EG_OK;
}

eg_status
eg_parts_add_activation(eg_parts *parts, const char *name, eg_value_id x, eg_value_id *out, eg_error *err)
{
    const activation *a = find_activation(name);
    const eg_attr form = {.name = "form", .type = EG_ATTR_STRING, .string = a->form};
    return eg_parts_add(parts, a->op, &x, 1, &form, a->form ? 1 : 0, out, err);
}

eg_status
eg_parts_add_norm(eg_parts *parts, uint32_t first, eg_value_id x, eg_value_id *out, eg_error *err)
{
    const eg_node *fused = &parts->fused;
    eg_value_id inputs[3] = {x};
    uint32_t count = 1;
    for (uint32_t i = first; i < fused->input_count; i++)
        inputs[count++] = fused->inputs[i];
    const eg_attr eps = {.name = "eps", .type = EG_ATTR_FLOAT, .real = eg_node_float(fused, "eps", 0)};
    return eg_parts_add(parts, is_rms(fused) ? &eg_op_rms_norm : &eg_op_layer_norm, inputs, count, &eps, 1, out, err);
}

eg_status
eg_parts_end(eg_parts *parts, eg_value_id last, eg_error *err)
{
    eg_graph *graph = parts->graph;
    eg_node_id id = eg_graph_value(graph, last)->producer;
    EG_TRY(eg_graph_take_over(graph, id, parts->fused.outputs[0], err));
    /* Named as the node that it stands for, it needs no list to say so. */
    eg_node *node = eg_graph_node(graph, id);
    if (node->origin_count == 1 && strcmp(node->origins[0].name, node->name) == 0)
        node->origin_count = 0;
    eg_graph_move_last(graph, parts->first, eg_graph_place_of(graph, parts->fused_id));
    eg_graph_remove(graph, parts->fused_id);
    return EG_OK;
}
