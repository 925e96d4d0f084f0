/* SPDX-License-Identifier: Apache-2.0 */
/* scores, what is added to them, softmax and apply become attention: no matrix of probabilities has to be kept. */
#include "graph/ops/op.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_attention;

enum { SCORES, BIAS, SOFTMAX, APPLY };

static const eg_slot slots[] = {
    [SCORES] = {.ops = "scores"},
    [BIAS] = {.ops = "add", .of = SCORES, .as = EG_EITHER, .flags = EG_READS | EG_OPTIONAL},
    [SOFTMAX] = {.ops = "softmax", .of = BIAS, .as = 0, .flags = EG_READS},
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
    const eg_node *scores = eg_matched(r, match, SCORES), *add = eg_matched(r, match, BIAS);
    return eg_type_equal(&eg_graph_value(r->graph, scores->outputs[0])->type,
                         &eg_graph_value(r->graph, add->outputs[0])->type);
}

static const eg_guard guards[] = {
    {BIAS, bias_is_no_wider, "what is added has more heads than the scores"},
    {APPLY, same_heads, "keys and values have different numbers of heads"},
    {APPLY, same_dtype, "queries and values differ in dtype"},
    {0},
};

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    enum { MOST_ATTRS = 8 };
    const eg_node *scores = eg_matched(r, match, SCORES), *add = eg_matched(r, match, BIAS),
                  *apply = eg_matched(r, match, APPLY);
    eg_value_id inputs[4] = {scores->inputs[0], scores->inputs[1], apply->inputs[1]};
    eg_attr attrs[MOST_ATTRS];
    uint32_t count = 0;
    for (; count < scores->attr_count; count++)
        attrs[count] = scores->attrs[count];
    if (add) {
        inputs[3] = eg_other_input(r, add, scores);
        attrs[count++] = (eg_attr){.name = "bias", .type = EG_ATTR_INT, .integer = 1};
    }
    return eg_rewriter_fuse(r, match, match->nodes[APPLY], &eg_op_attention, inputs, add ? 4 : 3, attrs, count, err);
}

static const eg_rule rules[] = {EG_RULE(slots, guards, build)};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_attention = {"attention", "scores, softmax and apply in one pass over the keys", 0, run};
