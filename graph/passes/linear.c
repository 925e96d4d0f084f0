/* SPDX-License-Identifier: Apache-2.0 */
/* A product and what follows it row by row: bias, activation, residual, as many of them as there are. */
#include "graph/ops/fused.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_linear;

enum { PRODUCT, BIAS, ACTIVATION, RESIDUAL };

static const eg_slot slots[] = {
    [PRODUCT] = {.ops = "matmul"},
    [BIAS] = {.ops = "bias_add", .of = PRODUCT, .as = 0, .flags = EG_READS | EG_OPTIONAL},
    [ACTIVATION] = {.ops = EG_ACTIVATION_OPS, .of = BIAS, .as = 0, .flags = EG_READS | EG_OPTIONAL},
    [RESIDUAL] = {.ops = "add", .of = ACTIVATION, .as = EG_EITHER, .flags = EG_READS | EG_OPTIONAL},
};

static bool
weight_is_constant(const eg_rewriter *r, const eg_match *match)
{
    return eg_input_is_const(r, eg_matched(r, match, PRODUCT), 1);
}

static bool
bias_is_constant(const eg_rewriter *r, const eg_match *match)
{
    return eg_input_is_const(r, eg_matched(r, match, BIAS), 1);
}

static bool
residual_is_alike(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *add = eg_matched(r, match, RESIDUAL);
    return eg_type_equal(&eg_input_of(r, add, 0)->type, &eg_input_of(r, add, 1)->type);
}

static bool
is_more_than_a_product(const eg_rewriter *r, const eg_match *match)
{
    (void)r;
    return match->nodes[BIAS] || match->nodes[ACTIVATION] || match->nodes[RESIDUAL];
}

static const eg_guard guards[] = {
    {PRODUCT, weight_is_constant, "its weight is computed"},
    {BIAS, bias_is_constant, "its bias is computed"},
    {RESIDUAL, residual_is_alike, "one operand of the sum is repeated over the other"},
    {EG_WHOLE, is_more_than_a_product, NULL},
    {0},
};

static const eg_attr has_bias = {.name = "bias", .type = EG_ATTR_INT, .integer = 1};
static const eg_attr has_residual = {.name = "residual", .type = EG_ATTR_INT, .integer = 1};

/* The matched node that makes what the add adds to. */
static const eg_node *
before_residual(const eg_rewriter *r, const eg_match *match)
{
    int slot = match->nodes[ACTIVATION] ? ACTIVATION : match->nodes[BIAS] ? BIAS : PRODUCT;
    return eg_matched(r, match, slot);
}

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    const eg_node *product = eg_matched(r, match, PRODUCT), *bias = eg_matched(r, match, BIAS),
                  *activation = eg_matched(r, match, ACTIVATION), *residual = eg_matched(r, match, RESIDUAL);
    eg_value_id inputs[4] = {product->inputs[0], product->inputs[1]};
    eg_attr attrs[3];
    uint32_t input_count = 2, attr_count = 0;
    eg_node_id last = match->nodes[PRODUCT];
    if (bias) {
        last = match->nodes[BIAS];
        inputs[input_count++] = bias->inputs[1];
        attrs[attr_count++] = has_bias;
    }
    if (activation) {
        last = match->nodes[ACTIVATION];
        attrs[attr_count++] =
            (eg_attr){.name = "activation", .type = EG_ATTR_STRING, .string = eg_activation_of(activation)};
    }
    if (residual) {
        last = match->nodes[RESIDUAL];
        inputs[input_count++] = eg_other_input(r, residual, before_residual(r, match));
        attrs[attr_count++] = has_residual;
    }
    return eg_rewriter_fuse(r, match, last, &eg_op_linear, inputs, input_count, attrs, attr_count, err);
}

static const eg_rule rules[] = {EG_RULE(slots, guards, build)};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_linear = {"linear", "bias, activation and residual at the end of a product", 0, run};
