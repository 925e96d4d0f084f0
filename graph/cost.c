/* SPDX-License-Identifier: Apache-2.0 */
/* Work and traffic of nodes and graphs, for reports. Sums saturate: they are for people. */
#include <string.h>

#include "graph/change.h"
#include "graph/pass.h"
#include "graph/type.h"

static uint64_t
saturating_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t
value_bytes(const eg_graph *graph, eg_value_id id, const eg_dims *dims)
{
    uint64_t bytes;
    return eg_type_bytes(&eg_graph_value(graph, id)->type, dims, &bytes) ? bytes : UINT64_MAX;
}

/* As the blocks lie in the file. */
static uint64_t
constant_bytes(const eg_value *value)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < value->constant->view_count; i++) {
        const eg_host_view *view = &value->constant->views[i];
        uint64_t bytes = eg_dtype_size(view->dtype);
        for (uint32_t a = 0; a < value->type.rank; a++) {
            if (__builtin_mul_overflow(bytes, (uint64_t)view->dims[a], &bytes))
                bytes = UINT64_MAX;
        }
        total = saturating_add(total, bytes);
    }
    return total;
}

/* A gather reads the rows it gives, not its whole table; an embed_norm has a table before each index. */
static bool
reads_rows_only(const eg_node *node, uint32_t input)
{
    if (strcmp(node->op->name, "embed_norm") == 0)
        return input % 2 == 0 && input < 2 * (uint64_t)eg_node_int(node, "tables", 0);
    return input == 0 && strcmp(node->op->name, "gather") == 0;
}

void
eg_node_cost(const eg_graph *graph, eg_node_id id, const eg_dims *dims, eg_cost *out)
{
    const eg_node *node = eg_graph_node(graph, id);
    *out = (eg_cost){.flops = node->op->flops ? node->op->flops(graph, node, dims) : 0};
    if (node->op->flags & EG_OP_VIEW)
        return;
    for (uint32_t i = 0; i < node->output_count; i++)
        out->write_bytes = saturating_add(out->write_bytes, value_bytes(graph, node->outputs[i], dims));
    for (uint32_t i = 0; i < node->input_count; i++) {
        const eg_value *value = eg_graph_value(graph, node->inputs[i]);
        if (reads_rows_only(node, i))
            out->weight_bytes = saturating_add(out->weight_bytes, out->write_bytes);
        else if (value->flags & EG_VALUE_CONST)
            out->weight_bytes = saturating_add(out->weight_bytes, constant_bytes(value));
        else
            out->read_bytes = saturating_add(out->read_bytes, value_bytes(graph, node->inputs[i], dims));
    }
}

/* --- a whole graph ------------------------------------------------------------------------------- */

static void
measure_values(const eg_graph *graph, const uint32_t *uses, eg_graph_stat *out)
{
    for (eg_value_id id = 1; id < graph->values.count; id++) {
        const eg_value *value = eg_graph_value(graph, id);
        if (!eg_graph_is_live(graph, id) || ((value->flags & EG_VALUE_CONST) && uses[id] == 0))
            continue;
        out->values++;
        if (value->flags & EG_VALUE_CONST)
            out->weight_bytes = saturating_add(out->weight_bytes, constant_bytes(value));
    }
}

/* Bytes that live while each node runs, views counted as what they show; the largest sum. */
static uint64_t
measure_peak(const eg_graph *graph, uint32_t *uses, const eg_dims *sizes)
{
    uint64_t live = 0, peak = 0;
    memset(uses, 0, graph->values.count * sizeof *uses);
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        for (uint32_t k = 0; k < node->input_count; k++)
            uses[eg_graph_alias_root(graph, node->inputs[k])]++;
    }
    for (size_t i = 0; i < graph->outputs.count; i++)
        uses[eg_graph_alias_root(graph, graph->outputs.items[i])]++;
    for (size_t i = 0; i < graph->inputs.count; i++)
        live = saturating_add(live, value_bytes(graph, graph->inputs.items[i], sizes));
    peak = live;
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        for (uint32_t k = 0; k < node->output_count; k++) {
            if (eg_graph_alias_root(graph, node->outputs[k]) == node->outputs[k])
                live = saturating_add(live, value_bytes(graph, node->outputs[k], sizes));
        }
        peak = live > peak ? live : peak;
        for (uint32_t k = 0; k < node->input_count; k++) {
            eg_value_id root = eg_graph_alias_root(graph, node->inputs[k]);
            if (--uses[root] == 0 && eg_graph_value(graph, root)->producer && live != UINT64_MAX)
                live -= value_bytes(graph, root, sizes);
        }
        for (uint32_t k = 0; k < node->output_count; k++) {
            eg_value_id id = node->outputs[k];
            if (eg_graph_alias_root(graph, id) == id && uses[id] == 0 && live != UINT64_MAX)
                live -= value_bytes(graph, id, sizes);
        }
    }
    return peak;
}

uint64_t
eg_graph_peak(const eg_graph *graph, const eg_dims *sizes)
{
    uint32_t *uses = eg_calloc(graph->values.count, sizeof *uses);
    uint64_t peak = uses ? measure_peak(graph, uses, sizes) : UINT64_MAX;
    eg_free(uses);
    return peak;
}

void
eg_graph_measure(const eg_graph *graph, const eg_dims *sizes, eg_graph_stat *out)
{
    *out = (eg_graph_stat){.nodes = (uint32_t)graph->order.count};
    uint32_t *uses = eg_calloc(graph->values.count, sizeof *uses);
    if (!uses)
        return;
    eg_graph_count_uses(graph, uses);
    measure_values(graph, uses, out);
    for (size_t i = 0; sizes && i < graph->order.count; i++) {
        eg_cost cost;
        eg_node_cost(graph, graph->order.items[i], sizes, &cost);
        out->flops = saturating_add(out->flops, cost.flops);
        out->bytes = saturating_add(out->bytes, saturating_add(cost.read_bytes, cost.write_bytes));
    }
    if (sizes)
        out->peak = measure_peak(graph, uses, sizes);
    eg_free(uses);
}
