/* SPDX-License-Identifier: Apache-2.0 */
/* What is computed twice is computed once; constants that are the same bytes are one constant. */
#include "graph/change.h"
#include "graph/identity.h"
#include "graph/pass.h"

extern const eg_pass eg_pass_cse;

typedef struct seen {
    eg_map first; /* everything that decides a result, as bytes → the first node or value that has it */
    eg_arena keys;
} seen;

static void
node_key(const eg_node *node, eg_strbuf *key)
{
    eg_identity_add_op(node, key);
    bool swapped = (node->op->flags & EG_OP_COMMUTES) && node->inputs[0] > node->inputs[1];
    for (uint32_t i = 0; i < node->input_count; i++)
        eg_strbuf_append(key, (const char *)&node->inputs[swapped ? 1 - i : i], sizeof *node->inputs);
}

/* The first thing with this key: `id` itself if there was none. */
static eg_status
first_with(seen *s, const eg_strbuf *key, uint32_t id, uint32_t *out, eg_error *err)
{
    uint64_t first = id;
    if (key->failed)
        return eg_fail_nomem(err, "common subexpressions");
    if (!eg_map_get(&s->first, key->data, key->length, &first)) {
        const char *copy = eg_arena_strndup(&s->keys, key->data, key->length);
        if (!copy || !eg_map_put(&s->first, copy, key->length, id, NULL))
            return eg_fail_nomem(err, "common subexpressions");
    }
    *out = (uint32_t)first;
    return EG_OK;
}

static eg_status
merge_constant(eg_graph *graph, seen *s, eg_value_id id, eg_strbuf *key, eg_pass_context *context, eg_error *err)
{
    eg_value_id first;
    key->length = 0;
    if (!eg_identity_add_constant(eg_graph_value(graph, id), key))
        return EG_OK;
    EG_TRY(first_with(s, key, id, &first, err));
    if (first == id)
        return EG_OK;
    const char *why_not = eg_graph_cannot_replace(graph, id, first);
    if (why_not) {
        eg_pass_refuse(context, eg_graph_value(graph, id)->name, why_not);
        return EG_OK;
    }
    EG_TRY(eg_graph_replace(graph, id, first, err));
    eg_graph_value(graph, id)->flags &= ~(uint32_t)EG_VALUE_CONST;
    eg_graph_value(graph, id)->constant = NULL;
    context->report->hits++;
    return EG_OK;
}

static eg_status
merge_node(eg_graph *graph, seen *s, eg_node_id id, eg_strbuf *key, eg_pass_context *context, eg_error *err)
{
    eg_node_id first;
    eg_node *node = eg_graph_node(graph, id);
    key->length = 0;
    node_key(node, key);
    EG_TRY(first_with(s, key, id, &first, err));
    if (first == id)
        return EG_OK;
    const eg_node *same = eg_graph_node(graph, first);
    for (uint32_t i = 0; i < node->output_count; i++) {
        const char *why_not = eg_graph_cannot_replace(graph, node->outputs[i], same->outputs[i]);
        if (why_not) {
            eg_pass_refuse(context, node->name, why_not);
            return EG_OK;
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++)
        EG_TRY(eg_graph_replace(graph, node->outputs[i], same->outputs[i], err));
    node->dead = true;
    context->report->hits++;
    return EG_OK;
}

static eg_status
merge_all(eg_graph *graph, seen *s, eg_strbuf *key, eg_pass_context *context, eg_error *err)
{
    for (eg_value_id id = 1; id < graph->values.count; id++) {
        if (eg_graph_value(graph, id)->flags & EG_VALUE_CONST)
            EG_TRY(merge_constant(graph, s, id, key, context, err));
    }
    for (size_t i = 0; i < graph->order.count; i++)
        EG_TRY(merge_node(graph, s, graph->order.items[i], key, context, err));
    eg_graph_compact_order(graph);
    return EG_OK;
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    seen s = {0};
    eg_strbuf key = {0};
    eg_status status = merge_all(graph, &s, &key, context, err);
    eg_strbuf_finish(&key);
    eg_map_finish(&s.first);
    eg_arena_finish(&s.keys);
    return status;
}

const eg_pass eg_pass_cse = {"cse", "computes once what is computed twice", EG_PASS_ALWAYS | EG_PASS_FIXED_POINT, run};
