/* SPDX-License-Identifier: Apache-2.0 */
/* A sum that only a norm reads becomes part of the norm. */
#include "graph/ops/fused.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_add_norm;

enum { ADD, NORM };

static const eg_slot slots[] = {
    [ADD] = {.ops = "add"},
    [NORM] = {.ops = "layer_norm rms_norm", .of = ADD, .as = 0, .flags = EG_READS},
};

static bool
operands_are_alike(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *add = eg_matched(r, match, ADD);
    return eg_type_equal(&eg_input_of(r, add, 0)->type, &eg_input_of(r, add, 1)->type);
}

static bool
weights_are_constants(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *norm = eg_matched(r, match, NORM);
    for (uint32_t i = 1; i < norm->input_count; i++) {
        if (!eg_input_is_const(r, norm, i))
            return false;
    }
    return true;
}

static const eg_guard guards[] = {
    {NORM, operands_are_alike, "one operand of the sum is repeated over the other"},
    {NORM, weights_are_constants, "its weight is computed"},
    {0},
};

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    const eg_node *add = eg_matched(r, match, ADD), *norm = eg_matched(r, match, NORM);
    eg_value_id inputs[4] = {add->inputs[0], add->inputs[1]};
    uint32_t count = 2;
    for (uint32_t i = 1; i < norm->input_count; i++)
        inputs[count++] = norm->inputs[i];
    const eg_attr attrs[] = {eg_norm_eps(norm), eg_norm_kind(norm)};
    return eg_rewriter_fuse(r, match, match->nodes[NORM], &eg_op_add_norm, inputs, count, attrs, 2, err);
}

static const eg_rule rules[] = {EG_RULE(slots, guards, build)};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_add_norm = {"add_norm", "a residual sum and the norm that reads it in one node", 0, run};
