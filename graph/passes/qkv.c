/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries, keys and values of one attention node are one product: their weights stand one below the other, without a
 * byte moved, and each reads its columns of the result. Only where one node takes them all, turned by rotary or as they
 * are: if they were read at different times, the wide result would live as long as the last of them is needed.
 */
#include <string.h>

#include "graph/change.h"
#include "graph/constant.h"
#include "graph/ops/op.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_qkv;

/* For each branch the rotary behind it if there is one, its last node, and the product under that where it adds a bias. */
enum { ATTENTION, FIRST_TURN = 1, FIRST = 4, FIRST_PRODUCT = 7, MOST_BRANCHES = 3 };

#define TURN(i) [FIRST_TURN + i] = {.ops = "rotary", .of = ATTENTION, .as = i, .flags = EG_FEEDS | EG_OPTIONAL}
#define LAST(i)                                                                                                        \
    [FIRST + i] = {.ops = "linear bias_add matmul", .of = FIRST_TURN + i, .as = 0, .flags = EG_FEEDS | EG_INSTEAD}
#define PRODUCT(i)                                                                                                     \
    [FIRST_PRODUCT + i] = {.ops = "matmul", .of = FIRST + i, .as = 0, .flags = EG_FEEDS, .when = "bias_add"}
#define EMPTY(slot) [slot] = {.ops = "", .of = ATTENTION, .as = 0, .flags = EG_FEEDS | EG_OPTIONAL}

static const eg_slot three[] = {
    [ATTENTION] = {.ops = "attention"},
    TURN(0),
    TURN(1),
    TURN(2),
    LAST(0),
    LAST(1),
    LAST(2),
    PRODUCT(0),
    PRODUCT(1),
    PRODUCT(2),
};
/* Keys and values alone: the query is of other rows. */
static const eg_slot two[] = {
    [ATTENTION] = {.ops = "attention"},
    EMPTY(FIRST_TURN),
    TURN(1),
    TURN(2),
    EMPTY(FIRST),
    LAST(1),
    LAST(2),
    EMPTY(FIRST_PRODUCT),
    PRODUCT(1),
    PRODUCT(2),
};
static const eg_slot scattered[] = {[0] = {.ops = "scores"}};

/* --- conditions ---------------------------------------------------------------------------------- */

/* A branch's input, weight and bias; bias 0 where there is none. */
typedef struct branch {
    const eg_node *last, *product;
    eg_value_id x, weight, bias;
} branch;

static branch
branch_of(const eg_rewriter *r, const eg_match *match, int i)
{
    const eg_node *last = eg_matched(r, match, FIRST + i), *under = eg_matched(r, match, FIRST_PRODUCT + i);
    const eg_node *product = under ? under : last;
    eg_value_id bias = under ? last->inputs[1] : 0;
    if (product->op == &eg_op_linear && eg_node_int(product, "bias", 0))
        bias = product->inputs[2];
    return (branch){last, product, product->inputs[0], product->inputs[1], bias};
}

/* The branches that have a node; how many they are. */
static int
branches_of(const eg_rewriter *r, const eg_match *match, branch out[MOST_BRANCHES])
{
    int count = 0;
    for (int i = 0; i < MOST_BRANCHES; i++) {
        if (match->nodes[FIRST + i])
            out[count++] = branch_of(r, match, i);
    }
    return count;
}

static bool
query_is_of_all_rows(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *attention = eg_matched(r, match, ATTENTION);
    return eg_input_of(r, attention, 0)->type.kind == EG_TOKEN;
}

static bool
are_of_one_input(const eg_rewriter *r, const eg_match *match)
{
    branch b[MOST_BRANCHES];
    int count = branches_of(r, match, b);
    for (int i = 1; i < count; i++) {
        if (b[i].x != b[0].x)
            return false;
    }
    return true;
}

static bool
have_biases_alike(const eg_rewriter *r, const eg_match *match)
{
    branch b[MOST_BRANCHES];
    int count = branches_of(r, match, b);
    for (int i = 1; i < count; i++) {
        if (!b[i].bias != !b[0].bias)
            return false;
    }
    return true;
}

static bool
are_products_alone(const eg_rewriter *r, const eg_match *match)
{
    branch b[MOST_BRANCHES];
    int count = branches_of(r, match, b);
    for (int i = 0; i < count; i++) {
        if (eg_node_attr(b[i].product, "activation") || eg_node_attr(b[i].product, "residual"))
            return false;
    }
    return true;
}

static bool
have_constants(const eg_rewriter *r, const eg_match *match)
{
    branch b[MOST_BRANCHES];
    int count = branches_of(r, match, b);
    for (int i = 0; i < count; i++) {
        bool bias = !b[i].bias || (eg_graph_value(r->graph, b[i].bias)->flags & EG_VALUE_CONST);
        if (!bias || !(eg_graph_value(r->graph, b[i].weight)->flags & EG_VALUE_CONST))
            return false;
    }
    return true;
}

static bool
have_one_dtype(const eg_rewriter *r, const eg_match *match)
{
    branch b[MOST_BRANCHES];
    const eg_graph *graph = r->graph;
    int count = branches_of(r, match, b);
    for (int i = 1; i < count; i++) {
        if (eg_graph_value(graph, b[i].weight)->type.dtype != eg_graph_value(graph, b[0].weight)->type.dtype ||
            eg_graph_value(graph, b[i].bias)->type.dtype != eg_graph_value(graph, b[0].bias)->type.dtype)
            return false;
    }
    return true;
}

static bool
can_be_counted(const eg_rewriter *r, const eg_match *match)
{
    branch b[MOST_BRANCHES];
    int64_t total = 0;
    int count = branches_of(r, match, b);
    for (int i = 0; i < count; i++) {
        const eg_type *weight = &eg_graph_value(r->graph, b[i].weight)->type;
        int64_t elements;
        if (__builtin_mul_overflow(weight->dims[0].k, weight->dims[1].k, &elements) ||
            __builtin_add_overflow(total, elements, &total))
            return false;
    }
    return true;
}

static bool
never(const eg_rewriter *r, const eg_match *match)
{
    (void)r, (void)match;
    return false;
}

/* Of both patterns; that of two has no node in slot FIRST. */
static const eg_guard guards[] = {
    {FIRST, query_is_of_all_rows, NULL},
    {EG_WHOLE, are_of_one_input, "queries, keys and values are not of the same rows"},
    {EG_WHOLE, are_products_alone, "an activation or a residual follows a product"},
    {EG_WHOLE, have_biases_alike, "some have a bias, some have none"},
    {EG_WHOLE, have_constants, "a weight is computed"},
    {EG_WHOLE, have_one_dtype, "weights differ in dtype"},
    {EG_WHOLE, can_be_counted, "the weights are too large together"},
    {0},
};
static const eg_guard scattered_guards[] = {{0, never, "attention is not one node"}, {0}};

/* --- building ------------------------------------------------------------------------------------ */

typedef struct merge {
    eg_rewriter *r;
    branch branches[MOST_BRANCHES];
    int count;
    eg_node_id lasts[MOST_BRANCHES], products[MOST_BRANCHES];
} merge;

static merge
merge_of(eg_rewriter *r, const eg_match *match)
{
    merge m = {.r = r};
    m.count = branches_of(r, match, m.branches);
    for (int i = 0, k = 0; i < MOST_BRANCHES; i++) {
        eg_node_id last = match->nodes[FIRST + i], product = match->nodes[FIRST_PRODUCT + i];
        if (!last)
            continue;
        m.lasts[k] = last;
        m.products[k++] = product ? product : last;
    }
    return m;
}

/* A node named after the first of those for which it stands. */
static eg_status
add_joined(merge *m, const eg_op *op, const eg_node_id *parts, const eg_value_id *inputs, uint32_t count,
           const eg_attr *attrs, uint32_t attr_count, eg_value_id *out, eg_error *err)
{
    eg_strbuf name = {0};
    eg_strbuf_printf(&name, "%s.joined", eg_graph_node(m->r->graph, parts[0])->name);
    eg_status status = name.failed
                           ? eg_fail_nomem(err, "a rewrite")
                           : eg_rewriter_add(m->r, op, name.data, parts[0], inputs, count, attrs, attr_count, out, err);
    eg_strbuf_finish(&name);
    if (status != EG_OK)
        return status;
    return eg_rewriter_give_origins(m->r, parts, (size_t)m->count, eg_graph_value(m->r->graph, *out)->producer, err);
}

static eg_status
add_product(merge *m, eg_value_id *out, eg_error *err)
{
    eg_graph *graph = m->r->graph;
    eg_value_id weights[MOST_BRANCHES], biases[MOST_BRANCHES], inputs[3] = {m->branches[0].x};
    for (int i = 0; i < m->count; i++) {
        weights[i] = m->branches[i].weight;
        biases[i] = m->branches[i].bias;
    }
    bool biased = biases[0] != 0, linear = false;
    for (int i = 0; i < m->count; i++)
        linear |= m->branches[i].product->op == &eg_op_linear;
    EG_TRY(eg_const_join(graph, weights, (uint32_t)m->count, 0, "joined", &inputs[1], err));
    if (biased)
        EG_TRY(eg_const_join(graph, biases, (uint32_t)m->count, 0, "joined", &inputs[2], err));
    if (linear) {
        const eg_attr bias = {.name = "bias", .type = EG_ATTR_INT, .integer = biased};
        return add_joined(m, &eg_op_linear, m->lasts, inputs, biased ? 3 : 2, &bias, 1, out, err);
    }
    EG_TRY(add_joined(m, &eg_op_matmul, m->products, inputs, 2, NULL, 0, out, err));
    if (!biased)
        return EG_OK;
    return add_joined(m, &eg_op_bias_add, m->lasts, (eg_value_id[]){*out, inputs[2]}, 2, NULL, 0, out, err);
}

/* Each branch's result is so many columns of the joined one. */
static eg_status
add_columns(merge *m, eg_value_id joined, eg_error *err)
{
    eg_graph *graph = m->r->graph;
    int64_t begin = 0;
    for (int i = 0; i < m->count; i++) {
        eg_value_id result = eg_graph_node(graph, m->lasts[i])->outputs[0], made;
        int64_t end = begin + eg_graph_value(graph, result)->type.dims[1].k;
        const eg_attr attrs[] = {{.name = "begin", .type = EG_ATTR_INT, .integer = begin},
                                 {.name = "end", .type = EG_ATTR_INT, .integer = end}};
        EG_TRY(eg_rewriter_add(m->r, &eg_op_columns, "columns", m->lasts[i], &joined, 1, attrs, 2, &made, err));
        EG_TRY(eg_graph_take_over(graph, eg_graph_value(graph, made)->producer, result, err));
        begin = end;
    }
    return EG_OK;
}

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    eg_graph *graph = r->graph;
    merge m = merge_of(r, match);
    size_t first = graph->order.count, place = first;
    eg_value_id joined;
    EG_TRY(add_product(&m, &joined, err));
    EG_TRY(add_columns(&m, joined, err));
    for (int i = 0; i < m.count; i++) {
        size_t at = eg_graph_place_of(graph, m.products[i]);
        place = at < place ? at : place;
        eg_rewriter_drop(r, m.lasts[i]);
        eg_rewriter_drop(r, m.products[i]);
    }
    eg_graph_move_last(graph, first, place);
    r->context->report->hits++;
    return EG_OK;
}

static const eg_rule rules[] = {
    EG_RULE(three, guards, build),
    EG_RULE(two, guards, build),
    EG_RULE(scattered, scattered_guards, NULL),
};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_qkv = {"qkv", "queries, keys and values by one product", 0, run};
