/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another order of the nodes, where one of three tried needs less memory at its peak than the given one: by what each
 * step adds to the live bytes, and depth first from the outputs, inputs taken from the left or from the right.
 */
#include <string.h>

#include "graph/change.h"
#include "graph/pass.h"
#include "graph/type.h"

extern const eg_pass eg_pass_order;

typedef struct scheduler {
    const eg_graph *graph;
    uint64_t *bytes;      /* per value: that live because of it; 0 for inputs, constants and views */
    uint32_t *uses;       /* per value that is no view: reads to come, also through views */
    uint32_t *missing;    /* per node: inputs not made yet */
    uint32_t *place;      /* per node: in the given order */
    eg_node_id *given;    /* the given order */
    eg_node_id *found;    /* the order being made */
    eg_node_id *waiting;  /* nodes that could be next; or those on the way down */
    uint32_t *first_read; /* per value: its readers are reads[first_read[v]] to reads[first_read[v + 1]] */
    eg_node_id *reads;
    size_t count, found_count, waiting_count;
} scheduler;

static const eg_node *
node_of(const scheduler *s, eg_node_id id)
{
    return eg_graph_node(s->graph, id);
}

/* --- set-up -------------------------------------------------------------------------------------- */

static void
note_readers(scheduler *s)
{
    size_t values = s->graph->values.count;
    for (size_t i = 0; i < s->count; i++) {
        const eg_node *node = node_of(s, s->given[i]);
        for (uint32_t k = 0; k < node->input_count; k++)
            s->first_read[node->inputs[k] + 1]++;
    }
    for (size_t v = 1; v <= values; v++)
        s->first_read[v] += s->first_read[v - 1];
    const uint32_t total = s->first_read[values];
    for (size_t i = s->count; i-- > 0;) {
        const eg_node *node = node_of(s, s->given[i]);
        /* Filled from behind: first_read[v + 1] goes down to where v's readers begin, and is then one too far. */
        for (uint32_t k = node->input_count; k-- > 0;)
            s->reads[--s->first_read[node->inputs[k] + 1]] = s->given[i];
    }
    memmove(s->first_read, s->first_read + 1, values * sizeof *s->first_read);
    s->first_read[values] = total;
}

static eg_status
scheduler_init(scheduler *s, const eg_graph *graph, const eg_dims *sizes, eg_arena *arena, eg_error *err)
{
    size_t values = graph->values.count, nodes = graph->nodes.count, reads = 0;
    *s = (scheduler){.graph = graph, .count = graph->order.count};
    for (size_t i = 0; i < s->count; i++)
        reads += eg_graph_node(graph, graph->order.items[i])->input_count;
    s->bytes = eg_arena_calloc(arena, values, sizeof *s->bytes);
    s->uses = eg_arena_calloc(arena, values, sizeof *s->uses);
    s->missing = eg_arena_calloc(arena, nodes, sizeof *s->missing);
    s->place = eg_arena_calloc(arena, nodes, sizeof *s->place);
    s->given = eg_arena_calloc(arena, s->count, sizeof *s->given);
    s->found = eg_arena_calloc(arena, s->count, sizeof *s->found);
    s->waiting = eg_arena_calloc(arena, s->count + reads, sizeof *s->waiting);
    s->first_read = eg_arena_calloc(arena, values + 1, sizeof *s->first_read);
    s->reads = eg_arena_calloc(arena, reads, sizeof *s->reads);
    if (!s->bytes || !s->uses || !s->missing || !s->place || !s->given || !s->found || !s->waiting || !s->first_read ||
        !s->reads)
        return eg_fail_nomem(err, "the order of nodes");
    memcpy(s->given, graph->order.items, s->count * sizeof *s->given);
    for (size_t i = 0; i < s->count; i++) {
        const eg_node *node = node_of(s, s->given[i]);
        s->place[s->given[i]] = (uint32_t)i;
        for (uint32_t k = 0; k < node->output_count; k++) {
            eg_value_id id = node->outputs[k];
            if (eg_graph_alias_root(graph, id) == id &&
                !eg_type_bytes(&eg_graph_value(graph, id)->type, sizes, &s->bytes[id]))
                s->bytes[id] = UINT64_MAX / 4;
        }
    }
    note_readers(s);
    return EG_OK;
}

/* --- by what each step adds ---------------------------------------------------------------------- */

static void
count_missing(scheduler *s)
{
    s->found_count = s->waiting_count = 0;
    memset(s->uses, 0, s->graph->values.count * sizeof *s->uses);
    for (size_t i = 0; i < s->count; i++) {
        const eg_node *node = node_of(s, s->given[i]);
        uint32_t missing = 0;
        for (uint32_t k = 0; k < node->input_count; k++) {
            s->uses[eg_graph_alias_root(s->graph, node->inputs[k])]++;
            missing += eg_graph_value(s->graph, node->inputs[k])->producer != 0;
        }
        s->missing[s->given[i]] = missing;
        if (missing == 0)
            s->waiting[s->waiting_count++] = s->given[i];
    }
    for (size_t i = 0; i < s->graph->outputs.count; i++)
        s->uses[eg_graph_alias_root(s->graph, s->graph->outputs.items[i])]++;
}

/* Bytes made less bytes freed. */
static double
bytes_added(const scheduler *s, const eg_node *node)
{
    double added = 0;
    for (uint32_t k = 0; k < node->output_count; k++)
        added += (double)s->bytes[node->outputs[k]];
    for (uint32_t k = 0; k < node->input_count; k++) {
        eg_value_id root = eg_graph_alias_root(s->graph, node->inputs[k]);
        uint32_t own = 0;
        for (uint32_t j = 0; j < node->input_count; j++)
            own += eg_graph_alias_root(s->graph, node->inputs[j]) == root;
        if (s->uses[root] == own)
            added -= (double)s->bytes[root] / own; /* its reads by this node are all that are left */
    }
    return added;
}

/* The waiting node that adds least; of two alike the one that was given first. */
static size_t
cheapest(const scheduler *s)
{
    size_t best = 0;
    double least = 0;
    for (size_t i = 0; i < s->waiting_count; i++) {
        double added = bytes_added(s, node_of(s, s->waiting[i]));
        bool earlier = s->place[s->waiting[i]] < s->place[s->waiting[best]];
        if (i == 0 || added < least || (!(added > least) && earlier)) {
            best = i;
            least = added;
        }
    }
    return best;
}

static void
by_bytes(scheduler *s)
{
    count_missing(s);
    while (s->waiting_count) {
        size_t at = cheapest(s);
        eg_node_id id = s->waiting[at];
        const eg_node *node = node_of(s, id);
        s->waiting[at] = s->waiting[--s->waiting_count];
        s->found[s->found_count++] = id;
        for (uint32_t k = 0; k < node->input_count; k++)
            s->uses[eg_graph_alias_root(s->graph, node->inputs[k])]--;
        for (uint32_t k = 0; k < node->output_count; k++) {
            eg_value_id value = node->outputs[k];
            for (uint32_t i = s->first_read[value]; i < s->first_read[value + 1]; i++) {
                if (--s->missing[s->reads[i]] == 0)
                    s->waiting[s->waiting_count++] = s->reads[i];
            }
        }
    }
}

/* --- depth first --------------------------------------------------------------------------------- */

enum { UNSEEN = 0, ENTERED, DONE };

/* Everything that the node needs, then the node. */
static void
place_with_inputs(scheduler *s, eg_node_id root, bool from_right)
{
    s->waiting[0] = root;
    s->waiting_count = 1;
    while (s->waiting_count) {
        eg_node_id id = s->waiting[s->waiting_count - 1];
        const eg_node *node = node_of(s, id);
        if (s->missing[id] != UNSEEN) {
            s->waiting_count--;
            if (s->missing[id] == ENTERED)
                s->found[s->found_count++] = id;
            s->missing[id] = DONE;
            continue;
        }
        s->missing[id] = ENTERED;
        for (uint32_t k = 0; k < node->input_count; k++) { /* the last pushed comes first */
            uint32_t input = from_right ? k : node->input_count - 1 - k;
            eg_node_id producer = eg_graph_value(s->graph, node->inputs[input])->producer;
            if (producer && s->missing[producer] == UNSEEN)
                s->waiting[s->waiting_count++] = producer;
        }
    }
}

static void
depth_first(scheduler *s, bool from_right)
{
    s->found_count = 0;
    memset(s->missing, 0, s->graph->nodes.count * sizeof *s->missing);
    for (size_t i = 0; i < s->graph->outputs.count; i++) {
        eg_node_id producer = eg_graph_value(s->graph, s->graph->outputs.items[i])->producer;
        if (producer)
            place_with_inputs(s, producer, from_right);
    }
    for (size_t i = 0; i < s->count; i++) /* what no output needs, if that was not removed */
        place_with_inputs(s, s->given[i], from_right);
}

/* --- the best of them ---------------------------------------------------------------------------- */

static void
keep_if_better(scheduler *s, eg_graph *graph, const eg_dims *sizes, uint64_t *best, eg_node_id *best_order)
{
    size_t size = s->count * sizeof *s->found;
    memcpy(graph->order.items, s->found, size);
    uint64_t peak = eg_graph_peak(graph, sizes);
    if (peak >= *best)
        return;
    *best = peak;
    memcpy(best_order, s->found, size);
}

static eg_status
reorder(eg_graph *graph, eg_pass_context *context, eg_arena *arena, eg_error *err)
{
    scheduler s;
    EG_TRY(scheduler_init(&s, graph, context->sizes, arena, err));
    eg_node_id *best_order = eg_arena_calloc(arena, s.count, sizeof *best_order);
    if (!best_order)
        return eg_fail_nomem(err, "the order of nodes");
    memcpy(best_order, s.given, s.count * sizeof *best_order);
    uint64_t best = eg_graph_peak(graph, context->sizes);
    by_bytes(&s);
    keep_if_better(&s, graph, context->sizes, &best, best_order);
    for (int from_right = 0; from_right < 2; from_right++) {
        depth_first(&s, from_right);
        keep_if_better(&s, graph, context->sizes, &best, best_order);
    }
    for (size_t i = 0; i < s.count; i++) {
        graph->order.items[i] = best_order[i];
        context->report->hits += best_order[i] != s.given[i];
    }
    return EG_OK;
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    eg_arena arena = {0};
    if (!context->sizes) {
        eg_pass_refuse(context, graph->name, "no sizes are given");
        return EG_OK;
    }
    eg_status status = graph->order.count ? reorder(graph, context, &arena, err) : EG_OK;
    eg_arena_finish(&arena);
    return status;
}

const eg_pass eg_pass_order = {"order", "runs nodes in another order where that lowers the peak of memory",
                               EG_PASS_ALWAYS, run};
