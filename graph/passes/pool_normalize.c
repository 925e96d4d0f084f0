/* SPDX-License-Identifier: Apache-2.0 */
/* A pooling that only normalize reads becomes one node with it. */
#include "graph/ops/op.h"
#include "graph/rewrite.h"

extern const eg_pass eg_pass_pool_normalize;

enum { POOL, NORMALIZE };

static const eg_slot slots[] = {
    [POOL] = {.ops = "first_token last_token mean max sum mean_sqrt_len weighted_mean"},
    [NORMALIZE] = {.ops = "normalize", .of = POOL, .as = 0, .flags = EG_READS},
};

static bool
has_one_width(const eg_rewriter *r, const eg_match *match)
{
    return eg_input_of(r, eg_matched(r, match, POOL), 0)->type.rank == 2;
}

static const eg_guard guards[] = {
    {NORMALIZE, has_one_width, "its rows have more than one axis"},
    {0},
};

static eg_status
build(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    const eg_node *pool = eg_matched(r, match, POOL), *normalize = eg_matched(r, match, NORMALIZE);
    enum { OWN = 2, MOST = 8 };
    eg_attr attrs[MOST] = {
        {.name = "eps", .type = EG_ATTR_FLOAT, .real = eg_node_float(normalize, "eps", 1e-12)},
        {.name = "pool", .type = EG_ATTR_STRING, .string = pool->op->name},
    };
    uint32_t count = OWN;
    for (uint32_t i = 0; i < pool->attr_count && count < MOST; i++)
        attrs[count++] = pool->attrs[i];
    return eg_rewriter_fuse(r, match, match->nodes[NORMALIZE], &eg_op_pool_normalize, pool->inputs, 1, attrs, count,
                            err);
}

static const eg_rule rules[] = {EG_RULE(slots, guards, build)};

static eg_status
run(eg_graph *graph, eg_pass_context *context, eg_error *err)
{
    return eg_rewrite(graph, context, rules, sizeof rules / sizeof *rules, err);
}

const eg_pass eg_pass_pool_normalize = {"pool_normalize", "pooling and the normalising of its result in one node", 0,
                                        run};
