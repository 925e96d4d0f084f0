/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes must not change: the numbers. Random graphs are run as they are, after all rewrites, after each alone, and
 * after all but each, with fused nodes as such and as the nodes that they stand for, on the reference backend. And a rule
 * that is wrong is found out by the same comparison.
 */
#include <stdio.h>
#include <stdlib.h>

#include "graph/ops/op.h"
#include "graph/rewrite.h"
#include "plugins/registry.h"
#include "tests/unit/graph_runner.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/support.h"

enum { MOST_PASSES = 32 };
#define TOLERANCE 2e-5

static subject device;

static void
open_device(void)
{
    eg_error err;
    const eg_plugin *plugin;
    eg_error_init(&err);
    cr_assert_eq(eg_plugin_load(getenv("EGBERT_TEST_REFERENCE"), &plugin, &err), EG_OK, "%s", test_error_line(&err));
    subject_init(&device, plugin, 1);
    cr_assert_eq(subject_open(&device, 0, NULL, &err), EG_OK, "%s", test_error_line(&err));
}

static void
close_device(void)
{
    subject_close(&device);
}

TestSuite(numbers, .init = open_device, .fini = close_device, .timeout = 300);

/* --- one graph, many ways ------------------------------------------------------------------------ */

typedef struct trial {
    uint64_t seed;
    eg_graph graph; /* unchanged */
    graph_feed feed;
    graph_results want;
    uint32_t hits[MOST_PASSES], refusals[MOST_PASSES]; /* of all runs with all passes, per pass */
} trial;

static void
begin_trial(trial *t, uint64_t seed, uint32_t nodes)
{
    static const uint32_t lengths[][3] = {{3, 0, 0}, {4, 7, 0}, {5, 3, 9}, {12, 3, 4}};
    eg_error err;
    eg_error_init(&err);
    const uint32_t *texts = lengths[seed % 4];
    t->seed = seed;
    cr_assert_eq(random_graph(seed, nodes, &t->graph, &err), EG_OK, "%s", test_error_line(&err));
    cr_assert_eq(graph_feed_init(&t->feed, &t->graph, seed, texts,
                                 texts[2]   ? 3
                                 : texts[1] ? 2
                                            : 1,
                                 RANDOM_GRAPH_VOCAB, &err),
                 EG_OK);
    cr_assert_eq(graph_run(&device, &t->graph, &t->feed, &t->want, &err), EG_OK, "seed %llu: %s",
                 (unsigned long long)seed, test_error_line(&err));
}

static void
end_trial(trial *t)
{
    graph_results_finish(&t->want);
    graph_feed_finish(&t->feed);
    eg_graph_finish(&t->graph);
}

static eg_status
compare_with(trial *t, const eg_graph *graph, eg_error *err)
{
    graph_results got;
    EG_TRY(graph_run(&device, graph, &t->feed, &got, err));
    eg_status status = graph_compare(&t->graph, &t->want, &got, TOLERANCE, err);
    graph_results_finish(&got);
    return status;
}

static void
count(trial *t, const eg_pass_result *result)
{
    for (size_t i = 0; i < result->reports.count; i++) {
        t->hits[i] += result->reports.items[i].hits;
        t->refusals[i] += (uint32_t)result->reports.items[i].refused.count;
    }
}

/* After the passes of the list the numbers are the same, and again with every fused node taken apart. */
static void
check_list(trial *t, const char *fuse, bool counted)
{
    eg_graph graph;
    eg_pass_result result;
    eg_error err;
    eg_error_init(&err);
    const eg_pass_options options = {.fuse = fuse, .sizes = &t->feed.dims};
    cr_assert_eq(eg_graph_clone(&t->graph, &graph, &err), EG_OK);
    eg_status status = eg_run_passes(&graph, &options, &result, &err);
    cr_assert_eq(status, EG_OK, "seed %llu, %s: %s", (unsigned long long)t->seed, fuse, test_error_line(&err));
    if (counted)
        count(t, &result);
    status = compare_with(t, &graph, &err);
    cr_assert_eq(status, EG_OK, "seed %llu, %s: %s", (unsigned long long)t->seed, fuse, test_error_line(&err));
    status = graph_decompose(&graph, &err);
    if (status == EG_OK)
        status = compare_with(t, &graph, &err);
    cr_assert_eq(status, EG_OK, "seed %llu, %s, taken apart: %s", (unsigned long long)t->seed, fuse,
                 test_error_line(&err));
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* The i-th rewrite alone, or all but the i-th pass. */
static void
check_one(trial *t, size_t i, bool alone)
{
    size_t pass_count;
    char list[64];
    const eg_pass *const *passes = eg_pass_all(&pass_count);
    snprintf(list, sizeof list, alone ? "%s" : "all,-%s", passes[i % pass_count]->name);
    check_list(t, list, false);
}

static uint32_t
trial_count(void)
{
    return getenv("EGBERT_SANITIZED") ? 150 : 2000;
}

Test(numbers, are_kept_by_every_choice_of_passes)
{
    static trial t;
    for (uint64_t seed = 1; seed <= trial_count(); seed++) {
        begin_trial(&t, seed, 20 + (uint32_t)(seed % 50));
        check_list(&t, "all", true);
        check_one(&t, seed, true);
        check_one(&t, seed / 2, false);
        end_trial(&t);
    }
    /* Each pass was tried, not only run. */
    size_t pass_count;
    const eg_pass *const *passes = eg_pass_all(&pass_count);
    for (size_t i = 0; i < pass_count; i++) {
        if (passes[i]->flags == 0)
            cr_expect(t.hits[i] >= trial_count() / 50 && t.refusals[i] >= trial_count() / 50,
                      "%s: %u hits, %u refusals in %u graphs", passes[i]->name, t.hits[i], t.refusals[i],
                      trial_count());
    }
}

/* --- wrong rules --------------------------------------------------------------------------------- */

/* Forgets the bias. */
static const eg_slot product_slots[] = {{.ops = "matmul"}, {.ops = "bias_add", .of = 0, .as = 0}};

static eg_status
build_without_bias(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    const eg_node *product = eg_matched(r, match, 0);
    return eg_rewriter_fuse(r, match, match->nodes[1], eg_op_find("linear"), product->inputs, 2, NULL, 0, err);
}

/* Takes the keys for the values and the values for the keys, where their widths allow it. */
static const eg_slot attention_slots[] = {
    {.ops = "scores"}, {.ops = "softmax", .of = 0, .as = 0}, {.ops = "apply", .of = 1, .as = 0}};

static bool
keys_look_like_values(const eg_rewriter *r, const eg_match *match)
{
    const eg_value *k = eg_input_of(r, eg_matched(r, match, 0), 1), *v = eg_input_of(r, eg_matched(r, match, 2), 1);
    return eg_type_equal(&k->type, &v->type);
}

static const eg_guard attention_guards[] = {{2, keys_look_like_values, NULL}, {0}};

static eg_status
build_swapped(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    const eg_node *scores = eg_matched(r, match, 0), *apply = eg_matched(r, match, 2);
    const eg_value_id inputs[] = {scores->inputs[0], apply->inputs[1], scores->inputs[1]};
    return eg_rewriter_fuse(r, match, match->nodes[2], eg_op_find("attention"), inputs, 3, scores->attrs,
                            scores->attr_count, err);
}

/* Norms with another eps. */
static const eg_slot norm_slots[] = {{.ops = "add"}, {.ops = "layer_norm", .of = 0, .as = 0}};

static bool
operands_are_alike(const eg_rewriter *r, const eg_match *match)
{
    const eg_node *add = eg_matched(r, match, 0);
    return eg_type_equal(&eg_input_of(r, add, 0)->type, &eg_input_of(r, add, 1)->type);
}

static const eg_guard norm_guards[] = {{1, operands_are_alike, NULL}, {0}};

static eg_status
build_other_eps(eg_rewriter *r, const eg_match *match, eg_error *err)
{
    const eg_node *add = eg_matched(r, match, 0), *norm = eg_matched(r, match, 1);
    const eg_value_id inputs[] = {add->inputs[0], add->inputs[1], norm->inputs[1], norm->inputs[norm->input_count - 1]};
    const eg_attr eps = {.name = "eps", .type = EG_ATTR_FLOAT, .real = 100 * eg_node_float(norm, "eps", 0)};
    return eg_rewriter_fuse(r, match, match->nodes[1], eg_op_find("add_norm"), inputs, norm->input_count + 1, &eps, 1,
                            err);
}

/* In how many graphs the rule applied, and in how many of these the comparison found out. */
static void
try_wrong_rule(const eg_rule *rule, uint32_t *out_applied, uint32_t *out_caught)
{
    static trial t;
    *out_applied = *out_caught = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        eg_graph graph;
        eg_pass_report report = {0};
        eg_arena arena = {0};
        eg_pass_context context = {.arena = &arena, .report = &report};
        eg_error err;
        eg_error_init(&err);
        begin_trial(&t, seed, 40);
        cr_assert_eq(eg_graph_clone(&t.graph, &graph, &err), EG_OK);
        cr_assert_eq(eg_rewrite(&graph, &context, rule, 1, &err), EG_OK, "%s", test_error_line(&err));
        cr_assert_eq(eg_graph_verify(&graph, &err), EG_OK, "the graph is sound, only wrong: %s", test_error_line(&err));
        if (report.hits) {
            ++*out_applied;
            *out_caught += compare_with(&t, &graph, &err) == EG_E_FAILED;
        }
        eg_free(report.refused.items);
        eg_arena_finish(&arena);
        eg_graph_finish(&graph);
        end_trial(&t);
    }
}

Test(numbers, a_wrong_rule_is_found_out)
{
    static const struct {
        const char *name;
        eg_rule rule;
    } cases[] = {
        {"the bias is forgotten", EG_RULE(product_slots, NULL, build_without_bias)},
        {"keys and values change places", EG_RULE(attention_slots, attention_guards, build_swapped)},
        {"another eps", EG_RULE(norm_slots, norm_guards, build_other_eps)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t applied, caught;
        try_wrong_rule(&cases[i].rule, &applied, &caught);
        cr_expect(applied >= 20, "%s: applied to %u graphs only", cases[i].name, applied);
        cr_expect(caught * 10 >= applied * 9, "%s: caught in %u of %u graphs", cases[i].name, caught, applied);
    }
}
