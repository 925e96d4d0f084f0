/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two products of the same rows, one through an activation, multiplied: a gated unit in one node. The two may also be
 * slices of one product, whose weight is then cut in two, as views.
 */
#include "graph/change.h"
#include "graph/constant.h"
#include "graph/ops/fused.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_glu;

/* Slots of all three patterns: the multiplication, the branch through the activation, the other branch. */
enum { MUL };

#define FEEDS(names, slot, input)                                                                                      \
    {                                                                                                                  \
        .ops = names, .of = slot, .as = input, .flags = EG_FEEDS                                                       \
    }
#define PRODUCT_UNDER(slot)                                                                                            \
    {                                                                                                                  \
        .ops = "matmul", .of = slot, .as = 0, .flags = EG_FEEDS, .when = "bias_add"                                    \
    }

/* Activations that `linear` has taken in already. */
enum { F_GATE = 1, F_OTHER };
static const eg_slot fused[] = {
    [MUL] = {.ops = "mul"},
    [F_GATE] = FEEDS("linear", MUL, EG_EITHER),
    [F_OTHER] = FEEDS("linear matmul", MUL, EG_EITHER),
};

enum { P_ACTIVATION = 1, P_GATE, P_GATE_PRODUCT, P_OTHER, P_OTHER_PRODUCT };
static const eg_slot plain[] = {
    [MUL] = {.ops = "mul"},
    [P_ACTIVATION] = FEEDS(EG_ACTIVATION_OPS, MUL, EG_EITHER),
    [P_GATE] = FEEDS("bias_add matmul linear", P_ACTIVATION, 0),
    [P_GATE_PRODUCT] = PRODUCT_UNDER(P_GATE),
    [P_OTHER] = FEEDS("bias_add matmul linear", MUL, EG_EITHER),
    [P_OTHER_PRODUCT] = PRODUCT_UNDER(P_OTHER),
};

enum { S_ACTIVATION = 1, S_GATE, S_OTHER, S_WHOLE, S_PRODUCT };
static const eg_slot sliced[] = {
    [MUL] = {.ops = "mul"},
    [S_ACTIVATION] = FEEDS(EG_ACTIVATION_OPS, MUL, EG_EITHER),
    [S_GATE] = FEEDS("slice columns", S_ACTIVATION, 0),
    [S_OTHER] = FEEDS("slice columns", MUL, EG_EITHER),
    [S_WHOLE] = {.ops = "bias_add matmul linear", .of = S_GATE, .as = 0, .flags = EG_FEEDS | EG_TWO_READERS},
    [S_PRODUCT] = PRODUCT_UNDER(S_WHOLE),
};

/* --- conditions ---------------------------------------------------------------------------------- */

/* x · wᵀ, + b; b 0 where there is none. */
typedef struct branch {
    const eg_node *product;
    eg_value_id x, weight, bias;
} branch;

/* A linear, or a bias_add of a product, or that product alone. */
static branch
branch_of(const eg_node *last, const eg_node *under)
{
    const eg_node *product = under ? under : last;
    eg_value_id bias = under ? last->inputs[1] : 0;
    if (product->op == &eg_op_linear && eg_node_int(product, "bias", 0))
        bias = product->inputs[2];
    return (branch){product, product->inputs[0], product->inputs[1], bias};
}

static bool
is_constant(const eg_rewriter *r, eg_value_id value)
{
    return !value || (eg_graph_value(r->graph, value)->flags & EG_VALUE_CONST);
}

static bool
are_constant(const eg_rewriter *r, const branch *b)
{
    return is_constant(r, b->weight) && is_constant(r, b->bias);
}

static bool
are_alike(const eg_rewriter *r, const branch *a, const branch *b)
{
    return eg_type_equal(&eg_graph_value(r->graph, a->weight)->type, &eg_graph_value(r->graph, b->weight)->type);
}

static void
fused_branches(const eg_rewriter *r, const eg_match *match, branch out[2])
{
    out[0] = branch_of(eg_matched(r, match, F_GATE), NULL);
    out[1] = branch_of(eg_matched(r, match, F_OTHER), NULL);
}

static void
plain_branches(const eg_rewriter *r, const eg_match *match, branch out[2])
{
    out[0] = branch_of(eg_matched(r, match, P_GATE), eg_matched(r, match, P_GATE_PRODUCT));
    out[1] = branch_of(eg_matched(r, match, P_OTHER), eg_matched(r, match, P_OTHER_PRODUCT));
}

static bool
gate_has_activation(const eg_rewriter *r, const eg_match *match)
{
    return eg_node_attr(eg_matched(r, match, F_GATE), "activation") != NULL;
}

/* No activation and no residual of its own. */
static bool
is_bare(const eg_node *node)
{
    return !eg_node_attr(node, "activation") && !eg_node_attr(node, "residual");
}

static bool
fused_are_bare(const eg_rewriter *r, const eg_match *match)
{
    return !eg_node_attr(eg_matched(r, match, F_GATE), "residual") && is_bare(eg_matched(r, match, F_OTHER));
}

static bool
plain_are_bare(const eg_rewriter *r, const eg_match *match)
{
    return is_bare(eg_matched(r, match, P_GATE)) && is_bare(eg_matched(r, match, P_OTHER));
}

static bool
whole_is_bare(const eg_rewriter *r, const eg_match *match)
{
    return is_bare(eg_matched(r, match, S_WHOLE));
}

#define ASKS_BOTH(name, of, condition)                                                                                 \
    static bool name(const eg_rewriter *r, const eg_match *match)                                                      \
    {                                                                                                                  \
        branch b[2];                                                                                                   \
        of(r, match, b);                                                                                               \
        return condition;                                                                                              \
    }
ASKS_BOTH(fused_read_the_same, fused_branches, b[0].x == b[1].x)
ASKS_BOTH(plain_read_the_same, plain_branches, b[0].x == b[1].x)
ASKS_BOTH(fused_have_biases_alike, fused_branches, !b[0].bias == !b[1].bias)
ASKS_BOTH(plain_have_biases_alike, plain_branches, !b[0].bias == !b[1].bias)
ASKS_BOTH(fused_are_alike, fused_branches, are_alike(r, &b[0], &b[1]))
ASKS_BOTH(plain_are_alike, plain_branches, are_alike(r, &b[0], &b[1]))
ASKS_BOTH(fused_are_constant, fused_branches, are_constant(r, &b[0]) && are_constant(r, &b[1]))
ASKS_BOTH(plain_are_constant, plain_branches, are_constant(r, &b[0]) && are_constant(r, &b[1]))

static branch
whole_of(const eg_rewriter *r, const eg_match *match)
{
    return branch_of(eg_matched(r, match, S_WHOLE), eg_matched(r, match, S_PRODUCT));
}

static bool
slices_are_of_one(const eg_rewriter *r, const eg_match *match)
{
    return eg_matched(r, match, S_GATE)->inputs[0] == eg_matched(r, match, S_OTHER)->inputs[0];
}

static bool
slices_are_as_wide(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *gate = eg_matched(r, match, S_GATE), *other = eg_matched(r, match, S_OTHER);
    return eg_type_equal(&eg_graph_value(r->graph, gate->outputs[0])->type,
                         &eg_graph_value(r->graph, other->outputs[0])->type);
}

static bool
whole_is_constant(const eg_rewriter *r, const eg_match *match)
{
    branch b = whole_of(r, match);
    return are_constant(r, &b);
}

static const char not_same_rows[] = "the two products are of different rows";
static const char mixed_biases[] = "one product has a bias, the other has none";
static const char not_alike[] = "the two weights differ in size or dtype";
static const char computed[] = "a weight is computed";
static const char not_bare[] = "a product has an activation or a residual of its own";

static const eg_guard fused_guards[] = {
    {F_GATE, gate_has_activation, NULL},
    {EG_WHOLE, fused_are_bare, not_bare},
    {EG_WHOLE, fused_read_the_same, not_same_rows},
    {EG_WHOLE, fused_have_biases_alike, mixed_biases},
    {EG_WHOLE, fused_are_alike, not_alike},
    {EG_WHOLE, fused_are_constant, computed},
    {0},
};
static const eg_guard plain_guards[] = {
    {EG_WHOLE, plain_are_bare, not_bare},
    {EG_WHOLE, plain_read_the_same, not_same_rows},
    {EG_WHOLE, plain_have_biases_alike, mixed_biases},
    {EG_WHOLE, plain_are_alike, not_alike},
    {EG_WHOLE, plain_are_constant, computed},
    {0},
};
static const eg_guard sliced_guards[] = {
    {S_OTHER, slices_are_of_one, NULL},
    {S_OTHER, slices_are_as_wide, "the two slices differ in width"},
    {EG_WHOLE, whole_is_bare, not_bare},
    {EG_WHOLE, whole_is_constant, computed},
    {0},
};

/* --- building ------------------------------------------------------------------------------------ */

static eg_status
fuse(eg_rewriter *r, const eg_match *match, const branch branches[2], const char *activation, eg_error *err)
{
    bool biased = branches[0].bias != 0;
    const eg_value_id inputs[] = {branches[0].x, branches[0].weight, branches[1].weight, branches[0].bias,
                                  branches[1].bias};
    const eg_attr attrs[] = {{.name = "activation", .type = EG_ATTR_STRING, .string = activation},
                             {.name = "bias", .type = EG_ATTR_INT, .integer = biased}};
    return eg_rewriter_fuse(r, match, match->nodes[MUL], &eg_op_glu_linear, inputs, biased ? 5 : 3, attrs, 2, err);
}

static eg_status
build_fused(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    branch branches[2];
    fused_branches(r, match, branches);
    return fuse(r, match, branches, eg_node_string(eg_matched(r, match, F_GATE), "activation", NULL), err);
}

static eg_status
build_plain(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    branch branches[2];
    plain_branches(r, match, branches);
    return fuse(r, match, branches, eg_activation_of(eg_matched(r, match, P_ACTIVATION)), err);
}

/* The rows of weight and bias that give the slice's columns. */
static eg_status
cut(eg_rewriter *r, const branch *whole, const eg_node *slice, branch *out, eg_error *err)
{
    int64_t begin = eg_node_int(slice, "begin", 0), end = eg_node_int(slice, "end", 0);
    *out = (branch){.product = whole->product, .x = whole->x};
    EG_TRY(eg_const_slice(r->graph, whole->weight, 0, begin, end, "part", &out->weight, err));
    return whole->bias ? eg_const_slice(r->graph, whole->bias, 0, begin, end, "part", &out->bias, err) : EG_OK;
}

static eg_status
build_sliced(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    branch whole = whole_of(r, match), branches[2];
    EG_TRY(cut(r, &whole, eg_matched(r, match, S_GATE), &branches[0], err));
    EG_TRY(cut(r, &whole, eg_matched(r, match, S_OTHER), &branches[1], err));
    return fuse(r, match, branches, eg_activation_of(eg_matched(r, match, S_ACTIVATION)), err);
}

static const eg_rule rules[] = {
    EG_RULE(fused, fused_guards, build_fused),
    EG_RULE(sliced, sliced_guards, build_sliced),
    EG_RULE(plain, plain_guards, build_plain),
};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_glu = {"glu", "two products, one through an activation, and their product in one node", 0, run};
