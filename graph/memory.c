/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/memory.h"

#include <stdio.h>
#include <string.h>

#include "graph/stages.h"
#include "graph/strided.h"

enum { LEAST_ALIGN = 64 };

/* Values that share one piece of memory, with the time during which any of them lives. */
typedef struct alias_set {
    uint64_t bytes, offset;
    uint32_t space, first, last;
    bool keeps_input; /* holds an input of the graph, which nothing may overwrite */
} alias_set;

typedef struct planning {
    const eg_graph *graph;
    const eg_partition *partition;
    const eg_target *targets;
    const eg_dims *bound;
    const uint64_t *scratch_bytes;
    eg_memory_plan *out;
    size_t value_count;
    uint32_t *set_of; /* per space and value: number of its set + 1 */
    EG_VEC(alias_set) sets;
} planning;

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "the memory plan");
}

/* --- lifetimes ----------------------------------------------------------------------------------- */

static eg_status
touch(planning *p, uint32_t space, eg_value_id id, uint32_t step, eg_error *err)
{
    const eg_value *value = eg_graph_value(p->graph, id);
    eg_slot *slot = &p->out->spaces[space].slots[id];
    if (value->flags & EG_VALUE_CONST)
        return EG_OK;
    if (!slot->present) {
        *slot = (eg_slot){.present = true, .first = step, .last = step};
        if (!eg_value_extent(p->graph, id, p->bound, &slot->bytes))
            return eg_fail(err, EG_E_FAILED, "value '%s' is too large to be planned", value->name);
    }
    slot->last = step > slot->last ? step : slot->last;
    return EG_OK;
}

static uint32_t
space_of_end(const planning *p, uint32_t end)
{
    return end == EG_ON_HOST ? 0 : p->out->space_of_target[end];
}

static eg_status
touch_crossings(planning *p, uint32_t stage, uint32_t step, eg_error *err)
{
    for (size_t i = 0; i < p->partition->crossings.count; i++) {
        const eg_crossing *crossing = &p->partition->crossings.items[i];
        if (crossing->before_stage != stage)
            continue;
        EG_TRY(touch(p, space_of_end(p, crossing->from), crossing->value, step, err));
        EG_TRY(touch(p, space_of_end(p, crossing->to), crossing->value, step, err));
    }
    return EG_OK;
}

static eg_status
touch_node(planning *p, uint32_t space, const eg_node *node, uint32_t step, eg_error *err)
{
    for (uint32_t i = 0; i < node->output_count; i++)
        EG_TRY(touch(p, space, node->outputs[i], step, err));
    for (uint32_t i = 0; i < node->input_count; i++)
        EG_TRY(touch(p, space, node->inputs[i], step, err));
    return EG_OK;
}

static uint32_t
home_space(const planning *p, eg_value_id id)
{
    eg_node_id producer = eg_graph_value(p->graph, id)->producer;
    return producer ? p->out->space_of_target[p->partition->target_of[producer]] : 0;
}

static eg_status
find_lifetimes(planning *p, eg_error *err)
{
    const eg_graph *graph = p->graph;
    uint32_t step = 0;
    for (size_t i = 0; i < graph->inputs.count; i++)
        EG_TRY(touch(p, 0, graph->inputs.items[i], step, err));
    for (uint32_t s = 0; s < p->partition->stages.count; s++) {
        const eg_stage *stage = &p->partition->stages.items[s];
        eg_slot *scratch = &p->out->scratch[s];
        EG_TRY(touch_crossings(p, s, ++step, err));
        scratch->first = step + 1;
        for (size_t i = 0; i < stage->nodes.count; i++)
            EG_TRY(touch_node(p, p->out->space_of_target[stage->target], eg_graph_node(graph, stage->nodes.items[i]),
                              ++step, err));
        scratch->last = step;
        scratch->bytes = p->scratch_bytes ? p->scratch_bytes[s] : 0;
        scratch->present = scratch->bytes > 0;
    }
    step++;
    for (size_t i = 0; i < graph->outputs.count; i++)
        EG_TRY(touch(p, home_space(p, graph->outputs.items[i]), graph->outputs.items[i], step, err));
    p->out->step_count = step + 1;
    return EG_OK;
}

/* --- who shares memory with whom ----------------------------------------------------------------- */

static uint32_t *
set_number(planning *p, uint32_t space, eg_value_id id)
{
    return &p->set_of[space * p->value_count + id];
}

static alias_set *
set_at(planning *p, uint32_t space, eg_value_id id)
{
    return &p->sets.items[*set_number(p, space, id) - 1];
}

static eg_status
own_set(planning *p, uint32_t space, eg_value_id id, eg_error *err)
{
    const eg_slot *slot = &p->out->spaces[space].slots[id];
    const alias_set set = {.bytes = slot->bytes,
                           .space = space,
                           .first = slot->first,
                           .last = slot->last,
                           .keeps_input = (eg_graph_value(p->graph, id)->flags & EG_VALUE_INPUT) != 0};
    if (!EG_PUSH(&p->sets, set))
        return no_memory(err);
    *set_number(p, space, id) = (uint32_t)p->sets.count;
    return EG_OK;
}

static void
join_set(planning *p, uint32_t space, eg_value_id id, eg_value_id of)
{
    const eg_slot *slot = &p->out->spaces[space].slots[id];
    alias_set *set = set_at(p, space, of);
    *set_number(p, space, id) = *set_number(p, space, of);
    set->last = slot->last > set->last ? slot->last : set->last;
}

/* A value in the set that lives on after `step`. */
static eg_value_id
find_reader_of_set(const planning *p, uint32_t space, uint32_t number, uint32_t step)
{
    for (eg_value_id id = 1; id < p->value_count; id++) {
        if (p->set_of[space * p->value_count + id] == number && p->out->spaces[space].slots[id].last > step)
            return id;
    }
    return 0;
}

/*
 * Whether output 0 may be written over input i, which lies in this space: nobody reads that memory later, nor the node
 * itself by another name.
 */
static void
judge_overwriting(planning *p, uint32_t space, const eg_node *node, uint32_t i, eg_sharing *sharing)
{
    const eg_slot *slots = p->out->spaces[space].slots;
    const eg_slot *in = &slots[node->inputs[i]], *out = &slots[node->outputs[0]];
    uint32_t number = *set_number(p, space, node->inputs[i]);
    const alias_set *set = &p->sets.items[number - 1];
    sharing->input = node->inputs[i];
    if (set->keeps_input) {
        sharing->why = EG_APART_IS_INPUT;
    } else if (set->last != out->first) {
        sharing->why = EG_APART_READ_LATER;
        sharing->other = find_reader_of_set(p, space, number, out->first);
    } else if (in->bytes != out->bytes || set->bytes != out->bytes || eg_value_is_strided(p->graph, node->inputs[i])) {
        sharing->why = EG_APART_SIZE;
    }
    for (uint32_t k = 0; k < node->input_count && sharing->why == EG_SHARED; k++) {
        if (k != i && *set_number(p, space, node->inputs[k]) == number) {
            sharing->why = EG_APART_READ_TWICE;
            sharing->other = node->inputs[k];
        }
    }
}

/* Looks for an input that output 0 may be written over; true if there is one. out->input 0: nothing to choose from. */
static bool
choose_sharing(planning *p, uint32_t space, eg_node_id id, uint32_t inplace_mask, eg_sharing *out)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    *out = (eg_sharing){.node = id};
    for (uint32_t i = 0; i < node->input_count && i < 32; i++) {
        if (!(inplace_mask >> i & 1) || !p->out->spaces[space].slots[node->inputs[i]].present)
            continue;
        eg_sharing now = {.node = id};
        judge_overwriting(p, space, node, i, &now);
        if (now.why == EG_SHARED || out->input == 0)
            *out = now;
        if (now.why == EG_SHARED)
            return true;
    }
    return false;
}

static eg_status
share_node(planning *p, eg_node_id id, uint32_t target, eg_error *err)
{
    const eg_node *node = eg_graph_node(p->graph, id);
    uint32_t space = p->out->space_of_target[target];
    uint32_t inplace = p->partition->answers[(size_t)id * p->partition->target_count + target].inplace_mask;
    bool shares = eg_node_is_view(p->graph, node);
    if (shares) {
        join_set(p, space, node->outputs[0], node->inputs[0]);
    } else if (inplace && !p->partition->no_inplace) {
        eg_sharing sharing;
        shares = choose_sharing(p, space, id, inplace, &sharing);
        if (shares)
            join_set(p, space, node->outputs[0], sharing.input);
        if (sharing.input && !EG_PUSH(&p->out->sharings, sharing))
            return no_memory(err);
    }
    for (uint32_t i = shares ? 1 : 0; i < node->output_count; i++)
        EG_TRY(own_set(p, space, node->outputs[i], err));
    return EG_OK;
}

static eg_status
find_sets(planning *p, eg_error *err)
{
    for (size_t i = 0; i < p->graph->inputs.count; i++)
        EG_TRY(own_set(p, 0, p->graph->inputs.items[i], err));
    /* Copies are nobody's input when they are made, so they may be given sets before all nodes. */
    for (size_t i = 0; i < p->partition->crossings.count; i++) {
        const eg_crossing *crossing = &p->partition->crossings.items[i];
        EG_TRY(own_set(p, space_of_end(p, crossing->to), crossing->value, err));
    }
    for (size_t s = 0; s < p->partition->stages.count; s++) {
        const eg_stage *stage = &p->partition->stages.items[s];
        for (size_t i = 0; i < stage->nodes.count; i++)
            EG_TRY(share_node(p, stage->nodes.items[i], stage->target, err));
    }
    return EG_OK;
}

/* --- placement ----------------------------------------------------------------------------------- */

static uint32_t
fill_intervals(const planning *p, uint32_t space, eg_interval *out)
{
    uint32_t count = 0;
    for (size_t i = 0; i < p->sets.count; i++) {
        const alias_set *set = &p->sets.items[i];
        if (set->space == space)
            out[count++] = (eg_interval){.bytes = set->bytes, .first = set->first, .last = set->last};
    }
    for (size_t s = 0; s < p->partition->stages.count; s++) {
        const eg_slot *scratch = &p->out->scratch[s];
        if (scratch->present && p->out->space_of_target[p->partition->stages.items[s].target] == space)
            out[count++] = (eg_interval){.bytes = scratch->bytes, .first = scratch->first, .last = scratch->last};
    }
    return count;
}

/* In the order in which fill_intervals() went. */
static void
take_offsets(planning *p, uint32_t space, const eg_interval *intervals)
{
    uint32_t at = 0;
    for (size_t i = 0; i < p->sets.count; i++) {
        if (p->sets.items[i].space == space)
            p->sets.items[i].offset = intervals[at++].offset;
    }
    for (size_t s = 0; s < p->partition->stages.count; s++) {
        eg_slot *scratch = &p->out->scratch[s];
        if (scratch->present && p->out->space_of_target[p->partition->stages.items[s].target] == space)
            scratch->offset = intervals[at++].offset;
    }
}

/* A view with rows apart lies somewhere in its set's memory; all others fill it. */
static eg_status
place_values(planning *p, uint32_t space, eg_error *err)
{
    for (eg_value_id id = 1; id < p->value_count; id++) {
        eg_slot *slot = &p->out->spaces[space].slots[id];
        uint64_t inside = 0;
        if (!slot->present)
            continue;
        if (eg_value_is_strided(p->graph, id) && !eg_value_offset(p->graph, id, &inside))
            return eg_fail(err, EG_E_FAILED, "the rows of '%s' are too long", eg_graph_value(p->graph, id)->name);
        slot->offset = set_at(p, space, id)->offset + inside;
    }
    return EG_OK;
}

/* Naive is each result in memory of its own: what is written in place counts too. */
static eg_status
count_shared(planning *p, uint32_t space, uint64_t *naive, eg_error *err)
{
    const eg_space *plan = &p->out->spaces[space];
    for (size_t i = 0; i < p->out->sharings.count; i++) {
        const eg_sharing *sharing = &p->out->sharings.items[i];
        uint32_t target = p->partition->target_of[sharing->node];
        if (sharing->why != EG_SHARED || p->out->space_of_target[target] != space)
            continue;
        uint64_t bytes = plan->slots[eg_graph_node(p->graph, sharing->node)->outputs[0]].bytes;
        if (__builtin_add_overflow(bytes, plan->align - 1, &bytes) ||
            __builtin_add_overflow(*naive, bytes & ~(plan->align - 1), naive))
            return eg_fail(err, EG_E_FAILED, "the memory plan is larger than an address can say");
    }
    return EG_OK;
}

static eg_status
place(planning *p, eg_interval *intervals, eg_error *err)
{
    for (uint32_t space = 0; space < p->out->space_count; space++) {
        eg_space *plan = &p->out->spaces[space];
        uint32_t count = fill_intervals(p, space, intervals);
        EG_TRY(eg_plan_memory(intervals, count, plan->align, &plan->sizes, err));
        EG_TRY(count_shared(p, space, &plan->sizes.naive, err));
        take_offsets(p, space, intervals);
        EG_TRY(place_values(p, space, err));
    }
    return EG_OK;
}

/* --- all ----------------------------------------------------------------------------------------- */

static eg_status
prepare(planning *p, eg_error *err)
{
    eg_memory_plan *out = p->out;
    uint32_t targets = p->partition->target_count;
    out->space_of_target = eg_arena_calloc(&out->arena, targets, sizeof *out->space_of_target);
    out->scratch = eg_arena_calloc(&out->arena, p->partition->stages.count, sizeof *out->scratch);
    if (!out->space_of_target || !out->scratch)
        return no_memory(err);
    out->space_count = eg_number_spaces(p->targets, targets, out->space_of_target);
    out->spaces = eg_arena_calloc(&out->arena, out->space_count, sizeof *out->spaces);
    p->set_of = eg_calloc(p->value_count, out->space_count * sizeof *p->set_of);
    if (!out->spaces || !p->set_of)
        return no_memory(err);
    for (uint32_t i = 0; i < out->space_count; i++) {
        eg_space *space = &out->spaces[i];
        space->target = EG_ON_HOST;
        space->align = LEAST_ALIGN;
        space->slots = eg_arena_calloc(&out->arena, p->value_count, sizeof *space->slots);
        if (!space->slots)
            return no_memory(err);
    }
    for (uint32_t t = 0; t < targets; t++) {
        eg_space *space = &out->spaces[out->space_of_target[t]];
        if (out->space_of_target[t])
            space->target = t;
        if (p->targets[t].align > space->align)
            space->align = p->targets[t].align;
    }
    return EG_OK;
}

static eg_status
plan(planning *p, eg_error *err)
{
    EG_TRY(prepare(p, err));
    EG_TRY(find_lifetimes(p, err));
    EG_TRY(find_sets(p, err));
    eg_interval *intervals = eg_calloc(p->sets.count + p->partition->stages.count, sizeof *intervals);
    if (!intervals)
        return no_memory(err);
    eg_status status = place(p, intervals, err);
    eg_free(intervals);
    return status;
}

eg_status
eg_plan_graph_memory(const eg_graph *graph, const eg_partition *partition, const eg_target *targets,
                     const eg_dims *bound, const uint64_t *scratch_bytes, eg_memory_plan *out, eg_error *err)
{
    *out = (eg_memory_plan){0};
    planning p = {.graph = graph,
                  .partition = partition,
                  .targets = targets,
                  .bound = bound,
                  .scratch_bytes = scratch_bytes,
                  .out = out,
                  .value_count = graph->values.count};
    eg_status status = plan(&p, err);
    eg_free(p.sets.items);
    eg_free(p.set_of);
    if (status != EG_OK)
        eg_memory_plan_finish(out);
    return status;
}

/* A node after this one that reads the value; NULL: the host does. */
static const eg_node *
later_reader(const eg_graph *graph, eg_node_id after, eg_value_id value)
{
    bool passed = false;
    for (size_t i = 0; i < graph->order.count; i++) {
        const eg_node *node = eg_graph_node(graph, graph->order.items[i]);
        for (uint32_t k = 0; passed && k < node->input_count; k++) {
            if (node->inputs[k] == value)
                return node;
        }
        passed |= graph->order.items[i] == after;
    }
    return NULL;
}

void
eg_sharing_format(const eg_graph *graph, const eg_sharing *sharing, char *out, size_t n)
{
    const char *input = eg_graph_value(graph, sharing->input)->name;
    const char *other = sharing->other ? eg_graph_value(graph, sharing->other)->name : "";
    const eg_node *reader = NULL;
    switch (sharing->why) {
    case EG_SHARED:
        snprintf(out, n, "%s", "");
        break;
    case EG_APART_IS_INPUT:
        snprintf(out, n, "'%s' is an input of the graph", input);
        break;
    case EG_APART_READ_LATER:
        reader = later_reader(graph, sharing->node, sharing->other);
        if (reader)
            snprintf(out, n, "'%s' is read later by '%s'", other, reader->name);
        else
            snprintf(out, n, "'%s' is an output", other);
        break;
    case EG_APART_SIZE:
        snprintf(out, n, "'%s' takes another number of bytes", input);
        break;
    case EG_APART_READ_TWICE:
        snprintf(out, n, "'%s' lies there too, and is read by the same node", other);
        break;
    }
}

void
eg_memory_plan_finish(eg_memory_plan *plan)
{
    eg_free(plan->sharings.items);
    eg_arena_finish(&plan->arena);
    *plan = (eg_memory_plan){0};
}
