/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that no output needs go, and constants that no node reads. Inputs stay: they are the caller's. */
#include "graph/change.h"
#include "graph/pass.h"

extern const eg_pass eg_pass_dce;

static bool
is_needed(const eg_node *node, const uint32_t *uses)
{
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (uses[node->outputs[i]])
            return true;
    }
    return false;
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    uint32_t *uses = eg_calloc(graph->values.count, sizeof *uses);
    if (!uses)
        return eg_fail_nomem(err, "dead code");
    eg_graph_count_uses(graph, uses);
    for (size_t i = graph->order.count; i-- > 0;) {
        eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        if (is_needed(node, uses))
            continue;
        for (uint32_t k = 0; k < node->input_count; k++)
            uses[node->inputs[k]]--;
        node->dead = true;
        context->report->hits++;
    }
    for (eg_value_id id = 1; id < graph->values.count; id++) {
        eg_value *value = eg_graph_value(graph, id);
        if (!(value->flags & EG_VALUE_CONST) || uses[id])
            continue;
        value->flags &= ~(uint32_t)EG_VALUE_CONST;
        value->constant = NULL;
        context->report->hits++;
    }
    eg_graph_compact_order(graph);
    eg_free(uses);
    return EG_OK;
}

const eg_pass eg_pass_dce = {"dce", "removes what no output needs", EG_PASS_ALWAYS | EG_PASS_FIXED_POINT, run};
