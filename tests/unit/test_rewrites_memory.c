/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rewrite, and taking apart what they made, with each allocation failing in turn: every failure is reported as
 * such and nothing leaks (the sanitizer build sees that). Linked with --wrap, so that the library's calls of malloc()
 * and friends come here.
 */
#include "graph/pass.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/support.h"

/* Every rewrite finds something in it: embeddings, two layers, a gated unit, poolings. */
#define T4 " : token f32 [T, 4]\n"
#define B4 " : text f32 [B, 4]\n"
static const char text[] =
    "graph \"g\" sets 1\ninput %ids : token i32 [T]\nconst %words : table f32 [9, 4]\n"
    "const %w : table f32 [4, 4]\nconst %u : table f32 [4, 4]\nconst %v : table f32 [4, 4]\n"
    "const %b : table f32 [4]\nconst %big : table f32 [8, 4]\n"
    "%e = gather(%words, %ids)" T4 "%f = gather(%w, %ids)" T4 "%s0 = add(%e, %f)" T4
    "%x = layer_norm(%s0, %b, %b) {eps=0.5}" T4 "%qm = matmul(%x, %w)" T4 "%q = bias_add(%qm, %b)" T4
    "%km = matmul(%x, %u)" T4 "%k = bias_add(%km, %b)" T4 "%vm = matmul(%x, %v)" T4 "%val = bias_add(%vm, %b)" T4
    "%sc = scores(%q, %k) {heads=2} : pair f32 [2, P]\n%p = softmax(%sc) : pair f32 [2, P]\n"
    "%a = apply(%p, %val) {heads=2}" T4 "%am = matmul(%a, %u)" T4 "%as = add(%am, %x)" T4
    "%h = layer_norm(%as, %b) {eps=0.5}" T4 "%y = matmul(%h, %big) : token f32 [T, 8]\n"
    "%g = slice(%y) {begin=4, end=8}" T4 "%o = slice(%y) {end=4}" T4 "%ga = gelu(%g)" T4 "%m = mul(%ga, %o)" T4
    "%mean = mean(%m)" B4 "%n = normalize(%mean)" B4 "%q2 = matmul(%m, %w)" T4 "%k2 = matmul(%m, %u)" T4
    "%v2 = matmul(%m, %v)" T4 "%sc2 = scores(%q2, %k2) {heads=2} : pair f32 [2, P]\n"
    "%p2 = softmax(%sc2) : pair f32 [2, P]\n%a2 = apply(%p2, %v2) {heads=2}" T4 "%z = tanh(%a2)" T4
    "%first = first_token(%z)" B4 "output %n\noutput %first\n";

static const eg_row_set set = {.T = 100, .P = 2000, .max_n = 20};
static const eg_dims bound = {.size = sizeof bound, .B = 10, .set_count = 1, .sets = &set};

static eg_status
take_apart(eg_graph *graph, eg_error *err)
{
    for (size_t i = 0; i < graph->order.count; i++) {
        eg_node_id id = graph->order.items[i];
        const eg_op *op = eg_graph_node(graph, id)->op;
        if (op->decompose)
            EG_TRY(op->decompose(graph, id, err));
    }
    return eg_graph_verify(graph, err);
}

static eg_status
whole_way(const eg_graph *graph, uint32_t *out_idle, eg_error *err)
{
    const eg_pass_options options = {.sizes = &bound};
    eg_pass_result result;
    eg_graph copy;
    EG_TRY(eg_graph_clone(graph, &copy, err));
    eg_status status = eg_run_passes(&copy, &options, &result, err);
    if (status == EG_OK) {
        *out_idle = 0;
        for (size_t i = 0; i < result.reports.count; i++)
            *out_idle += result.reports.items[i].hits == 0 && !eg_pass_enabled("none", result.reports.items[i].pass);
        eg_pass_result_finish(&result);
        status = take_apart(&copy, err);
    }
    eg_graph_finish(&copy);
    return status;
}

Test(rewrites_memory, every_failed_allocation_is_reported)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, sizeof text - 1, NULL, &graph, &err), EG_OK, "%s", test_error_line(&err));
    for (size_t n = 0; n < 100000; n++) {
        uint32_t idle;
        eg_error_init(&err);
        fail_allocation(n, false);
        eg_status status = whole_way(&graph, &idle, &err);
        allocations_work();
        if (status == EG_OK) {
            /* A lost line of a report, or an order that was not tried, is no failure: the rewrites are all there. */
            cr_assert(n > 100 && idle == 0, "%zu allocations, %u rewrites found nothing", n, idle);
            eg_graph_finish(&graph);
            return;
        }
        cr_assert(status == EG_E_NOMEM && err.code == EG_E_NOMEM, "allocation %zu: %s", n, test_error_line(&err));
    }
    cr_assert_fail("it never succeeds");
}
