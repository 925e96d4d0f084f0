/* SPDX-License-Identifier: Apache-2.0 */
/* scores, what is added to them, softmax and apply become attention: no matrix of probabilities has to be kept. */
#include "graph/change.h"
#include "graph/ops/op.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_attention;

/* Biases may be added one after the other; more than four are left to who adds them. */
enum { SCORES, BIAS, LAST_BIAS = BIAS + 3, SOFTMAX, APPLY };

#define ANOTHER_BIAS(slot, before)                                                                                     \
    [slot] = {.ops = "add", .of = (before), .as = EG_EITHER, .flags = EG_READS | EG_OPTIONAL}

static const eg_slot slots[] = {
    [SCORES] = {.ops = "scores"},
    ANOTHER_BIAS(BIAS, SCORES),
    ANOTHER_BIAS(BIAS + 1, BIAS),
    ANOTHER_BIAS(BIAS + 2, BIAS + 1),
    ANOTHER_BIAS(LAST_BIAS, BIAS + 2),
    [SOFTMAX] = {.ops = "softmax", .of = LAST_BIAS, .as = 0, .flags = EG_READS},
    [APPLY] = {.ops = "apply", .of = SOFTMAX, .as = 0, .flags = EG_READS},
};

static int64_t
key_heads(const eg_node *node)
{
    return eg_node_int(node, "key_heads", eg_node_int(node, "heads", 0));
}

static bool
same_heads(const eg_rewriter *r, const eg_match *match)
{
    return key_heads(eg_matched(r, match, SCORES)) == key_heads(eg_matched(r, match, APPLY));
}

static bool
same_dtype(const eg_rewriter *r, const eg_match *match)
{
    const eg_value *q = eg_input_of(r, eg_matched(r, match, SCORES), 0);
    return eg_input_of(r, eg_matched(r, match, APPLY), 1)->type.dtype == q->type.dtype;
}

/* Scores of one head plus what has several would have several. */
static bool
bias_is_no_wider(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *scores = eg_matched(r, match, SCORES);
    for (int slot = BIAS; slot <= LAST_BIAS; slot++) {
        const eg_node *add = eg_matched(r, match, slot);
        if (add && !eg_type_equal(&eg_graph_value(r->graph, scores->outputs[0])->type,
                                  &eg_graph_value(r->graph, add->outputs[0])->type))
            return false;
    }
    return true;
}

#define WIDER_BIAS "what is added has more heads than the scores"

static const eg_guard guards[] = {
    {BIAS, bias_is_no_wider, WIDER_BIAS},
    {BIAS + 1, bias_is_no_wider, WIDER_BIAS},
    {BIAS + 2, bias_is_no_wider, WIDER_BIAS},
    {LAST_BIAS, bias_is_no_wider, WIDER_BIAS},
    {APPLY, same_heads, "keys and values have different numbers of heads"},
    {APPLY, same_dtype, "queries and values differ in dtype"},
    {0},
};

/* What all matched adds add, as one value; the sums stand where the last of the adds stood. *out = 0: nothing is added. */
static eg_status
sum_biases(eg_rewriter *r, const eg_match *match, eg_value_id *out, eg_error *err)
{
    eg_node_id before = match->nodes[SCORES];
    *out = 0;
    for (int slot = BIAS; slot <= LAST_BIAS; slot++) {
        eg_node_id add = match->nodes[slot];
        if (!add)
            continue;
        eg_value_id bias = eg_other_input(r, eg_graph_node(r->graph, add), eg_graph_node(r->graph, before));
        before = add;
        if (!*out) {
            *out = bias;
            continue;
        }
        const char *name = eg_arena_printf(r->context->arena, "%s.bias", eg_graph_node(r->graph, add)->name);
        EG_TRY(eg_rewriter_add(r, &eg_op_add, name, add, (eg_value_id[]){*out, bias}, 2, NULL, 0, out, err));
        eg_graph_move_last(r->graph, r->graph->order.count - 1, eg_graph_place_of(r->graph, add));
    }
    return EG_OK;
}

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    enum { MOST_ATTRS = 8 };
    eg_value_id bias;
    EG_TRY(sum_biases(r, match, &bias, err));
    const eg_node *scores = eg_matched(r, match, SCORES), *apply = eg_matched(r, match, APPLY);
    eg_value_id inputs[4] = {scores->inputs[0], scores->inputs[1], apply->inputs[1], bias};
    eg_attr attrs[MOST_ATTRS];
    uint32_t count = 0;
    for (; count < scores->attr_count; count++)
        attrs[count] = scores->attrs[count];
    if (bias)
        attrs[count++] = (eg_attr){.name = "bias", .type = EG_ATTR_INT, .integer = 1};
    return eg_rewriter_fuse(r, match, match->nodes[APPLY], &eg_op_attention, inputs, bias ? 4 : 3, attrs, count, err);
}

static const eg_rule rules[] = {EG_RULE(slots, guards, build)};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_attention = {"attention", "scores, softmax and apply in one pass over the keys", 0, run};
