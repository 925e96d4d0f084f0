/* SPDX-License-Identifier: Apache-2.0 */
/* Views, which run no code, and fused nodes that a device refuses: what placing makes of them. */
#include "graph/strided.h"
#include "tests/unit/fake_device.h"

#define X "graph \"g\" sets 1\ninput %x : token f32 [T, 64]\n"
#define MERGED                                                                                                         \
    X "const %w : table f32 [192, 64]\n%m = matmul(%x, %w) : token f32 [T, 192]\n"                                     \
      "%q = columns(%m) {end=64} : token f32 [T, 64]\n%k = columns(%m) {begin=64, end=128} : token f32 [T, 64]\n"
#define LINEAR                                                                                                         \
    X "const %w : table f32 [64, 64]\nconst %b : table f32 [64]\n%a = relu(%x) : token f32 [T, 64]\n"                  \
      "%y = linear(%a, %w, %b) {activation=\"tanh\", bias=1} : token f32 [T, 64]\noutput %y\n"

static void
finish(eg_graph *graph, eg_partition *p)
{
    eg_partition_finish(p);
    eg_graph_finish(graph);
}

static eg_node_id
maker(const eg_graph *graph, const char *name)
{
    return eg_graph_value(graph, eg_graph_find(graph, name))->producer;
}

static void
assert_lowered(const eg_partition *p, size_t i, const char *op, const char *name, uint32_t target, const char *reason)
{
    cr_assert_lt(i, p->lowered.count);
    const eg_lowering *lowered = &p->lowered.items[i];
    cr_assert_str_eq(lowered->op, op);
    cr_assert_str_eq(lowered->name, name);
    cr_assert_eq(lowered->target, target);
    cr_assert(strstr(lowered->reason, reason), "%s", lowered->reason);
}

/* --- views --------------------------------------------------------------------------------------- */

Test(views, nobody_is_asked_and_they_lie_where_they_are_read)
{
    eg_device device = {.refused = {"add"}}, cpu = {.refused = {"matmul"}};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    /* What they are views of crosses, once. */
    assert_placed(MERGED "%y = add(%q, %k) : token f32 [T, 64]\noutput %y\n", targets, 2, NULL,
                  "far: m | cpu: q k y ; x>far@0 m<far@1");
    cr_assert(device.asked == 2 && cpu.asked == 2, "%u and %u", device.asked, cpu.asked);
}

Test(views, one_that_only_the_host_reads_stays_with_what_it_shows)
{
    eg_device device = {0}, cpu = {0};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    assert_placed("graph \"g\" sets 1\ninput %x : token f32 [T, 1]\n%a = relu(%x) : token f32 [T, 1]\n"
                  "%flat = squeeze(%a) : token f32 [T]\noutput %flat\n",
                  targets, 2, NULL, "far: a flat ; x>far@0");
    /* Of an input: no code at all, in the host's memory. */
    assert_placed("graph \"g\" sets 1\ninput %x : token f32 [T, 1]\n%flat = squeeze(%x) : token f32 [T]\n"
                  "output %flat\n",
                  targets, 2, NULL, "cpu: flat");
}

Test(views, have_a_row_stride_and_lie_inside)
{
    eg_device cpu = {.inplace_mask = 1};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph = parse(MERGED "%a = relu(%k) : token f32 [T, 64]\n%y = add(%q, %a) : token f32 [T, 64]\n"
                                  "output %y\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    eg_view view;
    eg_memory_plan m;
    cr_assert_eq(
        eg_view_init(&view, &graph, p.stages.items[0].nodes.items, (uint32_t)p.stages.items[0].nodes.count, NULL),
        EG_OK);
    cr_assert_eq(view.node_count, 3, "views are not among what is compiled");
    uint32_t k = eg_view_number(&view, eg_graph_find(&graph, "k"));
    eg_value_info info = {.size = sizeof info};
    cr_assert_eq(cpu.host.view_value(NULL, &view, k, &info), EG_OK);
    cr_assert(info.row_stride == 192 && info.dims[1].k == 64);
    cr_assert_eq(eg_plan_graph_memory(&graph, &p, &target, &bound, NULL, &m, NULL), EG_OK);
    const eg_slot *root = &m.spaces[0].slots[eg_graph_find(&graph, "m")];
    const eg_slot *at = &m.spaces[0].slots[eg_graph_find(&graph, "k")];
    /* 100 rows at the bound: 99 strides and a row. */
    cr_assert(at->offset == root->offset + 64 * 4 && at->bytes == (99 * 192 + 64) * 4);
    cr_assert_leq(at->offset + at->bytes, root->offset + root->bytes);
    const eg_slot *a = &m.spaces[0].slots[eg_graph_find(&graph, "a")];
    cr_assert(a->offset >= root->offset + root->bytes || a->offset + a->bytes <= root->offset,
              "a is not written over a view with rows apart");
    cr_assert(m.sharings.count == 3 && m.sharings.items[1].why == EG_APART_READ_LATER, "m lives on for q");
    cr_assert(m.sharings.items[2].why == EG_APART_SIZE, "y does not fit over q's rows");
    eg_memory_plan_finish(&m);
    eg_view_finish(&view);
    finish(&graph, &p);
}

Test(views, an_output_is_one_block)
{
    eg_device cpu = {0};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph = parse(MERGED "%y = add(%q, %k) : token f32 [T, 64]\noutput %y\noutput %k\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    cr_assert_str_eq(show(&graph, &p, &target), "cpu: m k q y");
    cr_assert_str_eq(eg_graph_node(&graph, maker(&graph, "k"))->op->name, "slice");
    cr_assert_eq(p.lowered.count, 1);
    assert_lowered(&p, 0, "columns", "k", EG_ON_HOST, "it is an output");
    finish(&graph, &p);
}

Test(views, an_output_seen_through_a_view_is_one_block)
{
    eg_device cpu = {0};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph =
        parse(X "%a = relu(%x) : token f32 [T, 64]\n%c = columns(%a) {begin=16, end=17} : token f32 [T, 1]\n"
                "%flat = squeeze(%c) : token f32 [T]\noutput %flat\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    cr_assert_str_eq(show(&graph, &p, &target), "cpu: a c flat");
    cr_assert_not(eg_value_is_strided(&graph, eg_graph_find(&graph, "flat")));
    assert_lowered(&p, 0, "columns", "c", EG_ON_HOST, "it is an output");
    finish(&graph, &p);
}

Test(views, rows_apart_are_not_read_in_two_memories)
{
    eg_device device = {.refused = {"gelu"}}, cpu = {.refused = {"relu", "tanh", "matmul"}};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    eg_graph graph = parse(MERGED "%a = relu(%q) : token f32 [T, 64]\n%b = gelu(%q) : token f32 [T, 64]\n"
                                  "%c = tanh(%k) : token f32 [T, 64]\noutput %a\noutput %b\noutput %c\n");
    eg_partition p = partition(&graph, targets, 2, NULL);
    cr_assert_str_eq(show(&graph, &p, targets), "far: m q a k c | cpu: b ; x>far@0 q<far@1");
    cr_assert_eq(p.lowered.count, 1, "k is read on one device alone");
    assert_lowered(&p, 0, "columns", "q", EG_ON_HOST, "two memories");
    finish(&graph, &p);
}

Test(views, begin_where_the_device_wants_values_to_begin)
{
    eg_device device = {0};
    eg_target target = far_target("far", &device); /* 256 bytes */
    eg_graph graph =
        parse(X "%a = relu(%x) : token f32 [T, 64]\n%c = columns(%a) {begin=16, end=64} : token f32 [T, 48]\n"
                "%y = tanh(%c) : token f32 [T, 48]\noutput %y\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    assert_lowered(&p, 0, "columns", "c", EG_ON_HOST, "does not begin where");
    finish(&graph, &p);
}

/* --- fused nodes --------------------------------------------------------------------------------- */

Test(fused, one_that_is_refused_is_asked_for_in_parts)
{
    eg_device device = {.refused = {"linear", "tanh"}}, cpu = {0};
    eg_target targets[] = {host_target("near", &device), host_target("cpu", &cpu)};
    eg_graph graph = parse(LINEAR);
    eg_partition p = partition(&graph, targets, 2, NULL);
    cr_assert_eq(p.stages.count, 2);
    cr_assert(p.stages.items[0].nodes.count == 3 && p.stages.items[1].nodes.count == 1, "relu matmul bias_add | tanh");
    cr_assert_eq(cpu.asked, 1, "the second target is not offered the whole");
    cr_assert_eq(p.target_of[maker(&graph, "y")], 1);
    cr_assert_eq(p.lowered.count, 1);
    assert_lowered(&p, 0, "linear", "y", 0, "no kernel for linear");
    finish(&graph, &p);
}

Test(fused, one_that_would_gain_nothing_goes_to_the_next_whole)
{
    eg_device device = {.refused = {"linear", "matmul", "bias_add", "tanh"}}, cpu = {0};
    eg_target targets[] = {host_target("near", &device), host_target("cpu", &cpu)};
    eg_graph graph = parse(LINEAR);
    eg_partition p = partition(&graph, targets, 2, NULL);
    cr_assert_str_eq(show(&graph, &p, targets), "near: a | cpu: y");
    cr_assert_eq(p.lowered.count, 0);
    finish(&graph, &p);
}

Test(fused, one_that_is_too_large_goes_to_the_next_whole)
{
    eg_device device = {0}, cpu = {0};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    targets[0].max_binding = 1000;
    eg_graph graph = parse(LINEAR);
    eg_partition p = partition(&graph, targets, 2, NULL);
    cr_assert_str_eq(show(&graph, &p, targets), "cpu: a y");
    cr_assert_eq(p.lowered.count, 0);
    const eg_answer *answer = &p.answers[(size_t)maker(&graph, "y") * 2];
    cr_assert(answer->too_large && strstr(answer->reason, "one binding holds"));
    finish(&graph, &p);
}

Test(fused, strict_is_about_the_parts)
{
    const eg_partition_options strict = {.strict = true};
    eg_device device = {.refused = {"linear"}}, cpu = {0};
    eg_target targets[] = {host_target("near", &device), host_target("cpu", &cpu)};
    eg_graph graph = parse(LINEAR);
    eg_partition p = partition(&graph, targets, 2, &strict);
    cr_assert(p.stages.count == 1 && p.stages.items[0].nodes.count == 4);
    assert_lowered(&p, 0, "linear", "y", 0, "no kernel for linear");
    finish(&graph, &p);
    device.refused[1] = "bias_add";
    eg_error err;
    eg_error_init(&err);
    graph = parse(LINEAR);
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, &strict, &p, &err), EG_E_BACKEND);
    cr_assert(strstr(err.message, "refuses 1 of 4 nodes") && strstr(err.message, "(bias_add): no kernel for bias_add"),
              "%s", err.message);
    finish(&graph, &p);
}

Test(fused, in_turn_the_parts_have_turns_too)
{
    const eg_partition_options in_turn = {.alternate = 2};
    eg_device one = {.refused = {"linear"}}, two = {.refused = {"linear"}};
    eg_target targets[] = {host_target("one", &one), host_target("two", &two)};
    eg_graph graph = parse(LINEAR);
    eg_partition p = partition(&graph, targets, 2, &in_turn);
    cr_assert_eq(p.stages.count, 4, "one: relu | two: matmul | one: bias_add | two: tanh");
    assert_lowered(&p, 0, "linear", "y", 1, "no kernel for linear");
    finish(&graph, &p);
}

Test(fused, stays_whole_for_a_target_that_may_come)
{
    eg_device small = {0}, none = {.refused = {"linear"}}, cpu = {0};
    eg_target targets[] = {far_target("small", &small), host_target("none", &none), host_target("cpu", &cpu)};
    targets[0].max_binding = 1000;
    eg_partition_options options = {.may_add_targets = true};
    eg_partition failed, p;
    eg_graph graph = parse(LINEAR);
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, &options, &failed, NULL), EG_E_BACKEND);
    cr_assert_eq(failed.lowered.count, 0);
    options = (eg_partition_options){.failed = &failed};
    cr_assert_eq(eg_partition_graph(&graph, targets, 3, &bound, &options, &p, NULL), EG_OK);
    eg_partition_finish(&failed);
    cr_assert_str_eq(show(&graph, &p, targets), "none: a | cpu: y");
    finish(&graph, &p);
    /* Where none can come, its parts are better than nothing. */
    options.failed = NULL;
    graph = parse(LINEAR);
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, &options, &p, NULL), EG_OK);
    cr_assert(p.stages.count == 1 && p.stages.items[0].nodes.count == 4);
    finish(&graph, &p);
}

Test(fused, what_a_failed_attempt_took_apart_is_remembered)
{
    eg_device first = {.refused = {"linear", "tanh"}}, second = {0};
    eg_target targets[] = {host_target("first", &first), host_target("second", &second)};
    eg_partition_options options = {.may_add_targets = true};
    eg_partition failed, p;
    eg_graph graph = parse(LINEAR);
    cr_assert_eq(eg_partition_graph(&graph, targets, 1, &bound, &options, &failed, NULL), EG_E_BACKEND);
    options = (eg_partition_options){.failed = &failed};
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, &options, &p, NULL), EG_OK);
    cr_assert(failed.lowered.count == 0 && p.lowered.count == 1);
    assert_lowered(&p, 0, "linear", "y", 0, "no kernel for linear");
    eg_partition_finish(&failed);
    finish(&graph, &p);
}

/* --- in place ------------------------------------------------------------------------------------ */

static const char *
why_apart(const char *text, const char *node)
{
    static char why[200];
    eg_device cpu = {.inplace_mask = 1};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph = parse(text);
    eg_partition p = partition(&graph, &target, 1, NULL);
    eg_memory_plan m;
    cr_assert_eq(eg_plan_graph_memory(&graph, &p, &target, &bound, NULL, &m, NULL), EG_OK);
    snprintf(why, sizeof why, "no candidate");
    for (size_t i = 0; i < m.sharings.count; i++) {
        if (m.sharings.items[i].node == maker(&graph, node))
            eg_sharing_format(&graph, &m.sharings.items[i], why, sizeof why);
    }
    eg_memory_plan_finish(&m);
    finish(&graph, &p);
    return why;
}

Test(in_place, says_why_not)
{
    cr_assert_str_eq(why_apart(X "%a = relu(%x) : token f32 [T, 64]\noutput %a\n", "a"),
                     "'x' is an input of the graph");
    const char *chain =
        X "%a = relu(%x) : token f32 [T, 64]\n%b = tanh(%a) : token f32 [T, 64]\n"
          "%c = gelu(%b) : token f32 [T, 64]\n%d = add(%b, %c) : token f32 [T, 64]\n"
          "%e = mul(%d, %d) : token f32 [T, 64]\n%f = slice(%e) {end=32} : token f32 [T, 32]\n"
          "%g = relu(%f) : token f32 [T, 32]\n%h = tanh(%g) : token f32 [T, 32]\noutput %g\noutput %h\n";
    cr_assert_str_eq(why_apart(chain, "b"), "");
    cr_assert_str_eq(why_apart(chain, "c"), "'b' is read later by 'd'");
    cr_assert_str_eq(why_apart(chain, "e"), "'d' lies there too, and is read by the same node");
    cr_assert_str_eq(why_apart(chain, "f"), "'e' takes another number of bytes");
    cr_assert_str_eq(why_apart(chain, "h"), "'g' is an output");
}

Test(in_place, off_means_apart_and_naive_counts_all)
{
    eg_device cpu = {.inplace_mask = 1};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph = parse(X "%a = relu(%x) : token f32 [T, 64]\n%b = tanh(%a) : token f32 [T, 64]\noutput %b\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    const uint64_t one = 100 * 64 * 4;
    eg_memory_plan on, off;
    cr_assert_eq(eg_plan_graph_memory(&graph, &p, &target, &bound, NULL, &on, NULL), EG_OK);
    p.no_inplace = true;
    cr_assert_eq(eg_plan_graph_memory(&graph, &p, &target, &bound, NULL, &off, NULL), EG_OK);
    eg_value_id a = eg_graph_find(&graph, "a"), b = eg_graph_find(&graph, "b");
    cr_assert_eq(on.spaces[0].slots[a].offset, on.spaces[0].slots[b].offset);
    cr_assert_neq(off.spaces[0].slots[a].offset, off.spaces[0].slots[b].offset);
    cr_assert(on.spaces[0].sizes.naive == 3 * one && off.spaces[0].sizes.naive == 3 * one);
    cr_assert(on.spaces[0].sizes.arena == 2 * one && off.spaces[0].sizes.arena == 2 * one);
    cr_assert_eq(off.sharings.count, 0);
    eg_memory_plan_finish(&on);
    eg_memory_plan_finish(&off);
    finish(&graph, &p);
}
