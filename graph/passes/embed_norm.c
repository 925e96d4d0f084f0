/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of up to eight tables, added from left to right, and the norm of the sum. */
#include "graph/ops/fused.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_embed_norm;

/* Slot 0 is the first gather; table i (from 1) has its add in slot 2i − 1 and its gather in slot 2i. */
enum { MOST_TABLES = 8, NORM = 2 * MOST_TABLES - 1, BEFORE_NORM = NORM - 2 };

#define ADD_AND_GATHER(add, before)                                                                                    \
    [add] = {.ops = "add", .of = before, .as = EG_EITHER, .flags = EG_READS | EG_OPTIONAL},                            \
    [(add) + 1] = {.ops = "gather", .of = add, .as = EG_EITHER, .flags = EG_FEEDS}

static const eg_slot slots[] = {
    [0] = {.ops = "gather"},
    ADD_AND_GATHER(1, 0),
    ADD_AND_GATHER(3, 1),
    ADD_AND_GATHER(5, 3),
    ADD_AND_GATHER(7, 5),
    ADD_AND_GATHER(9, 7),
    ADD_AND_GATHER(11, 9),
    ADD_AND_GATHER(13, 11),
    [NORM] = {.ops = "layer_norm rms_norm", .of = BEFORE_NORM, .as = 0, .flags = EG_READS},
};

static bool
is_gather_slot(int slot)
{
    return slot % 2 == 0 && slot < NORM;
}

static bool
tables_are_constants(const eg_rewriter *r, const eg_match *match)
{
    for (int i = 0; i < NORM; i += 2) {
        const eg_node *gather = eg_matched(r, match, i);
        if (gather && !eg_input_is_const(r, gather, 0))
            return false;
    }
    return true;
}

static bool
tables_are_alike(const eg_rewriter *r, const eg_match *match)
{
    const eg_type *sum = &eg_input_of(r, eg_matched(r, match, NORM), 0)->type;
    for (int i = 0; i < NORM; i += 2) {
        const eg_node *gather = eg_matched(r, match, i);
        if (gather && !eg_type_equal(&eg_graph_value(r->graph, gather->outputs[0])->type, sum))
            return false;
    }
    return true;
}

static const eg_guard guards[] = {
    {NORM, tables_are_constants, "a table is computed"},
    {NORM, tables_are_alike, "the tables differ in width or dtype"},
    {0},
};

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    eg_value_id inputs[2 * MOST_TABLES + 2];
    const eg_node *norm = eg_matched(r, match, NORM);
    uint32_t count = 0;
    for (int i = 0; is_gather_slot(i); i += 2) {
        const eg_node *gather = eg_matched(r, match, i);
        if (!gather)
            continue;
        inputs[count++] = gather->inputs[0];
        inputs[count++] = gather->inputs[1];
    }
    const eg_attr attrs[] = {
        {.name = "tables", .type = EG_ATTR_INT, .integer = count / 2}, eg_norm_eps(norm), eg_norm_kind(norm)};
    for (uint32_t i = 1; i < norm->input_count; i++)
        inputs[count++] = norm->inputs[i];
    return eg_rewriter_fuse(r, match, match->nodes[NORM], &eg_op_embed_norm, inputs, count, attrs, 3, err);
}

static const eg_rule rules[] = {EG_RULE(slots, guards, build)};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_embed_norm = {"embed_norm", "rows of the embedding tables, their sum and its norm in one node", 0,
                                    run};
