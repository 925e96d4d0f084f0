/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph's whole way, from its text to a memory plan, with each allocation failing in turn: every failure is reported
 * as such and nothing leaks (the sanitizer build sees that). Linked with --wrap, so that the library's calls of
 * malloc() and friends come here.
 */
#include "graph/memory.h"
#include "graph/pass.h"
#include "tests/unit/failing_alloc.h"
#include "tests/unit/support.h"

struct eg_device {
    eg_host host;
};

/* Takes every node but `linear`; given them in turn, two of these make stages and crossings. */
static eg_status
support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    const eg_host *host = &device->host;
    int64_t integer;
    double real;
    for (uint32_t i = 0; i < host->node_inputs(NULL, view, node); i++)
        host->node_input(NULL, view, node, i);
    host->attr_int(NULL, view, node, "heads", &integer);
    host->attr_int(NULL, view, node, "axis", &integer);
    host->attr_int(NULL, view, node, "end", &integer);
    host->attr_int(NULL, view, node, "begin", &integer);
    host->attr_int(NULL, view, node, "bias", &integer);
    host->attr_float(NULL, view, node, "factor", &real);
    host->attr_float(NULL, view, node, "scale", &real);
    if (strcmp(host->node_op(NULL, view, node), "linear") == 0)
        return EG_OK; /* a no: it is taken apart */
    out->level = EG_SUPPORT_OPTIMISED;
    out->inplace_mask = 1;
    return EG_OK;
}

static const eg_device_ops ops = {.size = sizeof ops, .support = support};

static const char text[] = "graph \"g\" sets 1\ninput %ids : token i32 [T]\nconst %words : table f32 [9, 4]\n"
                           "const %w : table f32 [4, 4]\nconst %u : table f32 [48, 4]\nconst %b : table f32 [48]\n"
                           "%part = slice(%w) {axis=0, end=2} : table f32 [2, 4]\n"
                           "%whole = concat(%part, %part) {axis=0} : table f32 [4, 4]\n"
                           "%x = gather(%words, %ids) : token f32 [T, 4] in \"embeddings\"\n"
                           "%q = matmul(%x, %whole) : token f32 [T, 4]\n%k = matmul(%x, %whole) : token f32 [T, 4]\n"
                           "%unread = relu(%x) : token f32 [T, 4]\n"
                           "%same = scale(%k) {factor=1.0} : token f32 [T, 4]\n"
                           "%s = scores(%q, %same) {heads=2} : pair f32 [2, P]\n%p = softmax(%s) : pair f32 [2, P]\n"
                           "%y = apply(%p, %x) {heads=2} : token f32 [T, 4]\n"
                           "%m = linear(%y, %u, %b) {bias=1} : token f32 [T, 48]\n"
                           "%c = columns(%m) {begin=16, end=32} : token f32 [T, 16]\n"
                           "%d = columns(%m) {begin=32, end=48} : token f32 [T, 16]\n"
                           "%e = add(%c, %d) : token f32 [T, 16]\n%f = tanh(%c) : token f32 [T, 16]\n"
                           "output %e\noutput %f\noutput %d\n";

static const eg_row_set set = {.T = 100, .P = 2000, .max_n = 20};
static const eg_dims bound = {.size = sizeof bound, .B = 10, .set_count = 1, .sets = &set};

static eg_status
place_and_plan(eg_graph *graph, eg_device *device, eg_error *err)
{
    const eg_target targets[] = {{"far", device, &ops, 0, 0, 0}, {"cpu", device, &ops, EG_DOMAIN_HOST_MEMORY, 0, 0}};
    const eg_partition_options options = {.alternate = 2};
    eg_partition partition;
    eg_memory_plan plan;
    eg_status status = eg_partition_graph(graph, targets, 2, &bound, &options, &partition, err);
    if (status == EG_OK &&
        (status = eg_plan_graph_memory(graph, &partition, targets, &bound, NULL, &plan, err)) == EG_OK)
        eg_memory_plan_finish(&plan);
    eg_partition_finish(&partition);
    return status;
}

static eg_status
rewrite_and_write(eg_graph *graph, eg_error *err)
{
    const eg_pass_options options = {.sizes = &bound, .dump_after = "fold"};
    eg_pass_result result;
    eg_strbuf out = {0};
    EG_TRY(eg_run_passes(graph, &options, &result, err));
    eg_pass_result_finish(&result);
    eg_status status = eg_graph_write(graph, &out, err);
    eg_strbuf_finish(&out);
    return status;
}

static eg_status
whole_way(eg_device *device, eg_error *err)
{
    eg_graph graph, copy;
    EG_TRY(eg_graph_parse(text, sizeof text - 1, NULL, &graph, err));
    eg_status status = eg_graph_clone(&graph, &copy, err);
    eg_graph_finish(&graph);
    EG_TRY(status);
    status = rewrite_and_write(&copy, err);
    if (status == EG_OK)
        status = place_and_plan(&copy, device, err);
    eg_graph_finish(&copy);
    return status;
}

Test(graph_memory, every_failed_allocation_is_reported)
{
    eg_device device = {0};
    eg_view_fill_host(&device.host);
    for (size_t n = 0; n < 100000; n++) {
        eg_error err;
        eg_error_init(&err);
        fail_allocation(n, false);
        eg_status status = whole_way(&device, &err);
        allocations_work();
        if (status == EG_OK) {
            cr_assert(n > 100, "only %zu allocations", n);
            return;
        }
        cr_assert(status == EG_E_NOMEM && err.code == EG_E_NOMEM, "allocation %zu: %s", n, test_error_line(&err));
    }
    cr_assert_fail("it never succeeds");
}
