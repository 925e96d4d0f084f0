/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where only the first row of each text of a value is wanted, the choice moves up through whatever works row by row, and
 * through attention, which then has one query per text. So the last layer computes keys and values for all rows and all
 * else for one.
 */
#include <string.h>

#include "graph/change.h"
#include "graph/ops/op.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_first_token;

typedef struct lifter {
    eg_rewriter r;
    EG_VEC(eg_node_id) open; /* choices that may still move */
} lifter;

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "a rewrite");
}

static bool
is_plain_choice(const eg_node *node)
{
    return node->op == &eg_op_first_token && eg_node_int(node, "skip_prompt", 0) == 0;
}

/* Ids, positions: what gather, embed_norm and equal look at goes with tokens and is never chosen from. */
static bool
reads_indices(const lifter *l, const eg_node *maker)
{
    for (uint32_t i = 0; i < maker->input_count; i++) {
        if (eg_graph_value(l->r.graph, maker->inputs[i])->type.dtype == EG_I32)
            return true;
    }
    return false;
}

static const char *
why_not_through(lifter *l, const eg_node *maker)
{
    if (maker->op == &eg_op_attention)
        return NULL;
    if (maker->op == &eg_op_apply)
        return "attention is not one node";
    if (reads_indices(l, maker))
        return "indices are of tokens";
    if (maker->op->flags & EG_OP_ROW_LOCAL)
        return NULL;
    const char *why = eg_arena_printf(l->r.context->arena, "%s looks at other rows too", maker->op->name);
    return why ? why : "it looks at other rows too";
}

/* The place behind the node that makes the value. */
static size_t
place_behind(const eg_graph *graph, eg_value_id value)
{
    eg_node_id producer = eg_graph_value(graph, value)->producer;
    return producer ? eg_graph_place_of(graph, producer) + 1 : 0;
}

/* A choice that is there already, moved up to where it can be made. */
static eg_value_id
known_choice(lifter *l, eg_value_id token)
{
    eg_graph *graph = l->r.graph;
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        const eg_node *node = eg_graph_node(graph, id);
        if (node->dead || !is_plain_choice(node) || node->inputs[0] != token)
            continue;
        eg_graph_move_up(graph, i, place_behind(graph, token));
        return node->outputs[0];
    }
    return 0;
}

/* What a node for one row stands for: the same as that for all rows, but under names of its own, for its values are
 * others. */
static eg_status
give_origins(lifter *l, const eg_node *all_rows, eg_node_id to, eg_error *err)
{
    uint32_t count = all_rows->origin_count ? all_rows->origin_count : 1;
    const eg_origin itself = {all_rows->op->name, all_rows->name};
    eg_origin *origins = eg_calloc(count, sizeof *origins);
    bool fits = origins != NULL;
    for (uint32_t i = 0; fits && i < count; i++) {
        origins[i] = all_rows->origin_count ? all_rows->origins[i] : itself;
        origins[i].name = eg_arena_printf(&l->r.graph->arena, "%s.first", origins[i].name);
        fits = origins[i].name != NULL;
    }
    fits = fits && eg_node_set_origins(l->r.graph, to, origins, count);
    eg_free(origins);
    return fits ? EG_OK : no_memory(err);
}

/* The first rows of the value, by a choice that may move further. `like` is the choice that it comes from. */
static eg_status
choose(lifter *l, eg_value_id token, eg_node_id like, eg_value_id *out, eg_error *err)
{
    eg_graph *graph = l->r.graph;
    if ((*out = known_choice(l, token)))
        return EG_OK;
    eg_strbuf name = {0};
    eg_strbuf_printf(&name, "%s.first", eg_graph_value(graph, token)->name);
    if (name.failed)
        return no_memory(err);
    eg_status status = eg_rewriter_add(&l->r, &eg_op_first_token, name.data, like, &token, 1, NULL, 0, out, err);
    eg_strbuf_finish(&name);
    if (status != EG_OK)
        return status;
    eg_graph_move_last(graph, graph->order.count - 1, place_behind(graph, token));
    return EG_PUSH(&l->open, eg_graph_value(graph, *out)->producer) ? EG_OK : no_memory(err);
}

/* Whether the new node reads the first rows of the input instead of all. */
static bool
is_chosen(const eg_graph *graph, const eg_node *maker, uint32_t input)
{
    if (maker->op == &eg_op_attention)
        return input == 0; /* keys and values are of all rows */
    return eg_graph_value(graph, maker->inputs[input])->type.kind == EG_TOKEN;
}

/* choice(maker(…)) becomes maker(choice(…)), which makes the choice's result. */
static eg_status
lift(lifter *l, eg_node_id choice, eg_node_id maker_id, eg_error *err)
{
    eg_graph *graph = l->r.graph;
    const eg_node maker = *eg_graph_node(graph, maker_id); /* its arrays lie in the arena and stay */
    eg_value_id result = eg_graph_node(graph, choice)->outputs[0], made;
    eg_value_id *inputs = eg_arena_calloc(&graph->arena, maker.input_count, sizeof *inputs);
    if (!inputs)
        return no_memory(err);
    for (uint32_t i = 0; i < maker.input_count; i++) {
        inputs[i] = maker.inputs[i];
        if (is_chosen(graph, &maker, i))
            EG_TRY(choose(l, maker.inputs[i], choice, &inputs[i], err));
    }
    EG_TRY(eg_rewriter_add(&l->r, maker.op, maker.name, maker_id, inputs, maker.input_count, maker.attrs,
                           maker.attr_count, &made, err));
    eg_node_id one_row = eg_graph_value(graph, made)->producer;
    EG_TRY(give_origins(l, &maker, one_row, err));
    EG_TRY(eg_graph_take_over(graph, one_row, result, err));
    eg_graph_move_last(graph, graph->order.count - 1, eg_graph_place_of(graph, maker_id));
    eg_rewriter_drop(&l->r, choice);
    eg_rewriter_drop(&l->r, maker_id);
    l->r.context->report->hits++;
    return EG_OK;
}

static eg_status
try_choice(lifter *l, eg_node_id choice, eg_error *err)
{
    const eg_node *node = eg_graph_node(l->r.graph, choice);
    const eg_value *rows = eg_graph_value(l->r.graph, node->inputs[0]);
    if (node->dead || !rows->producer)
        return EG_OK;
    const char *why = eg_rewriter_why_needed(&l->r, node->inputs[0], 1);
    if (!why)
        why = why_not_through(l, eg_graph_node(l->r.graph, rows->producer));
    if (!why)
        return lift(l, choice, rows->producer, err);
    eg_pass_refuse(l->r.context, rows->name, why);
    return EG_OK;
}

/*
 * One choice may be why a value has another reader until that reader's own choice comes up from below, so those that
 * could not move are tried again while others do. Only the last round's refusals are told.
 */
static eg_status
lift_all(lifter *l, eg_error *err)
{
    eg_pass_report *report = l->r.context->report;
    uint32_t hits = UINT32_MAX;
    while (hits != report->hits) {
        hits = report->hits;
        report->refused.count = 0;
        for (size_t i = 0; i < l->open.count; i++)
            EG_TRY(try_choice(l, l->open.items[i], err));
    }
    return EG_OK;
}

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    lifter l = {0};
    EG_TRY(eg_rewriter_init(&l.r, graph, context, err));
    eg_status status = EG_OK;
    for (size_t i = 0; status == EG_OK && i < graph->order.count; i++) {
        if (is_plain_choice(eg_graph_node(graph, graph->order.items[i])) && !EG_PUSH(&l.open, graph->order.items[i]))
            status = no_memory(err);
    }
    if (status == EG_OK)
        status = lift_all(&l, err);
    eg_rewriter_finish(&l.r);
    eg_free(l.open.items);
    return status;
}

const eg_pass eg_pass_first_token = {"first_token", "computes one row per text where only the first is wanted", 0, run};
