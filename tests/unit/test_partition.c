/* SPDX-License-Identifier: Apache-2.0 */
/* Placement on devices that exist in tests only, and where the values then lie. */
#include "graph/pass.h"
#include "graph/strided.h"
#include "tests/unit/fake_device.h"

/* As an older plugin's table: what lies behind `support` is not there. */
static const eg_device_ops short_ops = {
    .size = offsetof(eg_device_ops, claim), .support = fake_support, .claim = fake_claim};

#define X "graph \"g\" sets 1\ninput %x : token f32 [T, 4]\n"
#define CHAIN                                                                                                          \
    X "%a = relu(%x) : token f32 [T, 4]\n%b = tanh(%a) : token f32 [T, 4]\n%c = gelu(%b) : token f32 [T, 4]\n"         \
      "%d = relu(%c) : token f32 [T, 4]\noutput %d\n"

Test(placing, the_first_yes_wins)
{
    eg_device fast = {.refused = {"gelu"}}, last = {0};
    eg_target targets[] = {host_target("fast", &fast), host_target("last", &last)};
    assert_placed(CHAIN, targets, 2, NULL, "fast: a b | last: c | fast: d");
    cr_assert_eq(last.asked, 1, "only of what the first refuses");
    cr_assert(fast.claimed == 1 && fast.claim_came_first);
}

Test(placing, memory_of_a_device_is_crossed_to)
{
    eg_device device = {.refused = {"gelu"}}, cpu = {.refused = {"relu", "tanh"}};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    assert_placed(CHAIN, targets, 2, NULL, "far: a b | cpu: c | far: d ; x>far@0 b<far@1 c>far@2");
}

Test(placing, a_node_between_joins_its_neighbours)
{
    /* cpu takes all; of far's nodes those that would cost more crossings than they save come to it. */
    eg_device device = {.refused = {"gelu", "tanh"}}, cpu = {0};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    assert_placed(X "%a = tanh(%x) : token f32 [T, 4]\n%b = relu(%a) : token f32 [T, 4]\n"
                    "%c = gelu(%b) : token f32 [T, 4]\noutput %c\n",
                  targets, 2, NULL, "cpu: a b c");
    cpu.level = EG_SUPPORT_REFERENCE; /* slow: the crossings are paid for */
    assert_placed(X "%a = tanh(%x) : token f32 [T, 4]\n%b = relu(%a) : token f32 [T, 4]\n"
                    "%c = gelu(%b) : token f32 [T, 4]\noutput %c\n",
                  targets, 2, NULL, "cpu: a | far: b | cpu: c ; a>far@1 b<far@2");
}

Test(placing, a_value_crosses_once)
{
    eg_device one = {.refused = {"gelu", "tanh", "silu"}}, two = {.refused = {"relu"}};
    eg_target targets[] = {far_target("one", &one), far_target("two", &two)};
    assert_placed(X "%a = relu(%x) : token f32 [T, 4]\n%b = tanh(%a) : token f32 [T, 4]\n"
                    "%c = gelu(%a) : token f32 [T, 4]\n%d = relu(%b) : token f32 [T, 4]\n"
                    "%e = silu(%a) : token f32 [T, 4]\noutput %c\noutput %d\noutput %e\n",
                  targets, 2, NULL, "one: a | two: b c e | one: d ; x>one@0 a<one@1 a>two@1 b<two@2 b>one@2");
}

Test(placing, stages_never_leave_and_come_back)
{
    /* d is ready with a, but reads what another stage makes of a: it has to wait for it. */
    eg_device fast = {.refused = {"gelu"}}, last = {0};
    eg_target targets[] = {host_target("fast", &fast), host_target("last", &last)};
    assert_placed(X "%a = relu(%x) : token f32 [T, 4]\n%b = gelu(%a) : token f32 [T, 4]\n"
                    "%c = tanh(%x) : token f32 [T, 4]\n%d = add(%a, %b) : token f32 [T, 4]\n"
                    "%e = add(%c, %d) : token f32 [T, 4]\noutput %e\n",
                  targets, 2, NULL, "fast: a c | last: b | fast: d e");
}

Test(placing, in_turn)
{
    const eg_partition_options in_turn = {.alternate = 2};
    eg_device device = {0}, cpu = {0}, last = {0};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu), host_target("last", &last)};
    assert_placed(CHAIN, targets, 3, &in_turn, "far: a | cpu: b | far: c | cpu: d ; x>far@0 a<far@1 b>far@2 c<far@3");
    device.refused[0] = "gelu";
    assert_placed(CHAIN, targets, 3, &in_turn, "far: a | cpu: b c d ; x>far@0 a<far@1");
}

/* --- answers ------------------------------------------------------------------------------------- */

static const char *
reason_of(const char *text, const char *node, const eg_target *target)
{
    static char reason[160];
    eg_device any = {0};
    eg_target targets[] = {*target, host_target("any", &any)};
    eg_graph graph = parse(text);
    eg_partition p = partition(&graph, targets, 2, NULL);
    const eg_answer *answer = &p.answers[(size_t)eg_graph_value(&graph, eg_graph_find(&graph, node))->producer * 2];
    cr_assert_eq(answer->level == EG_SUPPORT_NO, answer->reason[0] != '\0');
    snprintf(reason, sizeof reason, "%s", answer->reason);
    eg_partition_finish(&p);
    eg_graph_finish(&graph);
    return reason;
}

#define SCORES X "%s = scores(%x, %x) {heads=2, window=3} : pair f32 [2, P(w=3)]\noutput %s\n"

Test(answers, what_is_not_read_is_not_known)
{
    eg_device device = {.unread_attr = "window"};
    eg_target target = host_target("old", &device);
    cr_assert_str_eq(reason_of(SCORES, "s", &target), "attribute 'window' not read");
    device = (eg_device){.unread_input = 2};
    fill_host(&device);
    cr_assert_str_eq(reason_of(SCORES, "s", &target), "input 1 not read");
    device = (eg_device){.domains = 2};
    fill_host(&device);
    cr_assert(strstr(reason_of(SCORES, "s", &target), "another domain"));
    device = (eg_device){.domains = 3};
    fill_host(&device);
    cr_assert_str_eq(reason_of(SCORES, "s", &target), "");
    device = (eg_device){.refused = {"scores"}};
    fill_host(&device);
    cr_assert_str_eq(reason_of(SCORES, "s", &target), "no kernel for scores");
}

Test(answers, a_value_has_to_fit_one_binding)
{
    eg_device device = {0};
    eg_target target = far_target("far", &device);
    target.max_binding = 1024;
    /* 100 rows: 1,600 bytes of x, whatever the weight takes. */
    cr_assert_str_eq(
        reason_of(X "const %w : table f32 [2, 4]\n%y = matmul(%x, %w) : token f32 [T, 2]\noutput %y\n", "y", &target),
        "value 'x' needs 1.6 KiB, one binding holds 1.0 KiB");
    target.max_binding = 1600;
    cr_assert_str_eq(
        reason_of(X "const %w : table f32 [900, 4]\n%p = mean(%x) : text f32 [B, 4]\noutput %p\n", "p", &target), "");
}

Test(answers, nobody_or_not_the_first)
{
    const eg_partition_options strict = {.strict = true};
    eg_device one = {.refused = {"gelu", "tanh"}}, two = {.refused = {"gelu"}};
    eg_target targets[] = {host_target("one", &one), host_target("two", &two)};
    eg_graph graph = parse(CHAIN);
    eg_partition p;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, NULL, &p, &err), EG_E_BACKEND);
    cr_assert(strstr(err.message, "no backend takes 'c' (gelu): one: no kernel for gelu; two: no kernel for gelu"));
    two.refused[0] = NULL;
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, &strict, &p, &err), EG_E_BACKEND);
    cr_assert(strstr(err.message, "backend one refuses 2 of 4 nodes: 'b' (tanh): no kernel for tanh; 'c' (gelu)"));
    one.refused[0] = NULL;
    cr_assert_eq(eg_partition_graph(&graph, targets, 2, &bound, &strict, &p, &err), EG_OK);
    eg_partition_finish(&p);
    cr_assert_eq(eg_partition_graph(&graph, targets, 0, &bound, NULL, &p, &err), EG_E_BACKEND);
    eg_graph_finish(&graph);
}

Test(answers, an_older_table_has_no_claim)
{
    eg_device device = {0};
    eg_target target = host_target("old", &device);
    target.ops = &short_ops;
    assert_placed(CHAIN, &target, 1, NULL, "old: a b c d");
    cr_assert_eq(device.claimed, 0);
}

/* --- views --------------------------------------------------------------------------------------- */

Test(views, number_values_as_they_come)
{
    eg_graph graph = parse(X "const %w : table f32 [2, 4]\n%y = matmul(%x, %w) : token f32 [T, 2]\n"
                             "%z = relu(%y) : token f32 [T, 2]\noutput %z\n");
    eg_device device = {0};
    eg_view view;
    eg_value_info info = {.size = sizeof info};
    fill_host(&device);
    const eg_host *host = &device.host;
    cr_assert_eq(eg_view_init(&view, &graph, graph.order.items, 1, NULL), EG_OK);
    cr_assert(host->view_nodes(NULL, &view) == 1 && host->view_values(NULL, &view) == 3);
    cr_assert_eq(host->view_value(NULL, &view, 1, &info), EG_OK);
    cr_assert(info.is_weight == 1 && info.kind == EG_TABLE && info.rank == 2 && info.row_stride == 4);
    cr_assert_str_eq(info.name, "w");
    cr_assert_eq(host->view_value(NULL, &view, 3, &info), EG_E_USAGE);
    cr_assert(host->node_output(NULL, &view, 0, 0) == 2 && host->node_input(NULL, &view, 0, 5) == UINT32_MAX);
    cr_assert_eq(eg_view_number(&view, eg_graph_find(&graph, "z")), UINT32_MAX);
    cr_assert_str_eq(host->node_op(NULL, &view, 7), "");
    /* A shorter struct of an older plugin is not written beyond its end. */
    struct {
        eg_value_info info;
        uint32_t guard;
    } old = {.info = {.size = offsetof(eg_value_info, rank), .rank = 77}, .guard = 5};
    cr_assert_eq(host->view_value(NULL, &view, 0, &old.info), EG_OK);
    cr_assert(old.info.kind == EG_TOKEN && old.info.rank == 77 && old.guard == 5);
    eg_view_finish(&view);
    eg_graph_finish(&graph);
}

/* --- memory -------------------------------------------------------------------------------------- */

static eg_memory_plan
plan(const eg_graph *graph, const eg_partition *p, const eg_target *targets, const uint64_t *scratch)
{
    eg_memory_plan out;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_plan_graph_memory(graph, p, targets, &bound, scratch, &out, &err), EG_OK, "%s",
                 test_error_line(&err));
    return out;
}

static const eg_slot *
slot(const eg_graph *graph, const eg_memory_plan *plan, uint32_t space, const char *name)
{
    return &plan->spaces[space].slots[eg_graph_find(graph, name)];
}

Test(memory, a_chain_on_the_host)
{
    eg_device cpu = {0};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph = parse(CHAIN);
    eg_partition p = partition(&graph, &target, 1, NULL);
    eg_memory_plan m = plan(&graph, &p, &target, NULL);
    cr_assert(m.space_count == 1 && m.spaces[0].target == EG_ON_HOST);
    cr_assert(slot(&graph, &m, 0, "x")->first == 0 && slot(&graph, &m, 0, "x")->last == 2);
    cr_assert(slot(&graph, &m, 0, "d")->last == m.step_count - 1 && slot(&graph, &m, 0, "b")->bytes == 1600);
    cr_assert_eq(slot(&graph, &m, 0, "b")->offset, slot(&graph, &m, 0, "x")->offset, "x is over when b is made");
    cr_assert(m.spaces[0].sizes.naive == 5 * 1600 && m.spaces[0].sizes.arena == 2 * 1600);
    eg_memory_plan_finish(&m);
    eg_partition_finish(&p);
    eg_graph_finish(&graph);
}

Test(memory, in_place_where_nobody_looks_again)
{
    eg_device cpu = {.inplace_mask = 1};
    eg_target target = host_target("cpu", &cpu);
    /* a: x is an input. b over a. c: b is read by d. d over c, but its other input is b: fine. e: narrower. */
    eg_graph graph = parse(X "%a = relu(%x) : token f32 [T, 4]\n%b = tanh(%a) : token f32 [T, 4]\n"
                             "%c = gelu(%b) : token f32 [T, 4]\n%d = add(%c, %b) : token f32 [T, 4]\n"
                             "%e = slice(%d) {end=2} : token f32 [T, 2]\n%f = mul(%e, %e) : token f32 [T, 2]\n"
                             "output %f\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    eg_memory_plan m = plan(&graph, &p, &target, NULL);
    uint64_t x = slot(&graph, &m, 0, "x")->offset, a = slot(&graph, &m, 0, "a")->offset;
    cr_assert(x != a && slot(&graph, &m, 0, "b")->offset == a);
    cr_assert(slot(&graph, &m, 0, "c")->offset != a &&
              slot(&graph, &m, 0, "d")->offset == slot(&graph, &m, 0, "c")->offset);
    cr_assert(slot(&graph, &m, 0, "e")->offset != slot(&graph, &m, 0, "d")->offset);
    cr_assert(slot(&graph, &m, 0, "f")->offset != slot(&graph, &m, 0, "e")->offset, "read twice by one node");
    eg_memory_plan_finish(&m);
    eg_partition_finish(&p);
    eg_graph_finish(&graph);
}

Test(memory, views_and_outputs_hold_on)
{
    eg_device cpu = {.inplace_mask = 1};
    eg_target target = host_target("cpu", &cpu);
    eg_graph graph = parse("graph \"g\" sets 1\ninput %x : token f32 [T, 1]\n%a = relu(%x) : token f32 [T, 1]\n"
                           "%flat = squeeze(%a) : token f32 [T]\n%b = tanh(%a) : token f32 [T, 1]\n"
                           "%c = gelu(%b) : token f32 [T, 1]\noutput %flat\noutput %b\noutput %c\n");
    eg_partition p = partition(&graph, &target, 1, NULL);
    eg_memory_plan m = plan(&graph, &p, &target, NULL);
    const eg_slot *a = slot(&graph, &m, 0, "a"), *b = slot(&graph, &m, 0, "b"), *c = slot(&graph, &m, 0, "c");
    cr_assert_eq(slot(&graph, &m, 0, "flat")->offset, a->offset);
    cr_assert(b->offset != a->offset, "a is seen through flat, which is an output");
    cr_assert(c->offset != b->offset, "b is an output");
    eg_memory_plan_finish(&m);
    eg_partition_finish(&p);
    eg_graph_finish(&graph);
}

Test(memory, copies_lie_in_both_spaces)
{
    const uint64_t scratch[] = {1000, 500, 0};
    eg_device device = {.refused = {"gelu"}}, cpu = {.refused = {"relu", "tanh"}};
    eg_target targets[] = {far_target("far", &device), host_target("cpu", &cpu)};
    eg_graph graph = parse(CHAIN);
    eg_partition p = partition(&graph, targets, 2, NULL);
    eg_memory_plan m = plan(&graph, &p, targets, scratch);
    cr_assert(m.space_count == 2 && m.spaces[1].target == 0 && m.spaces[1].align == 256);
    cr_assert(m.space_of_target[0] == 1 && m.space_of_target[1] == 0);
    cr_assert(slot(&graph, &m, 0, "x")->present && slot(&graph, &m, 1, "x")->present);
    cr_assert(slot(&graph, &m, 0, "b")->present && slot(&graph, &m, 1, "b")->present);
    cr_assert(!slot(&graph, &m, 0, "a")->present && !slot(&graph, &m, 0, "d")->present);
    cr_assert(slot(&graph, &m, 1, "d")->last == m.step_count - 1);
    cr_assert(m.scratch[0].present && m.scratch[0].bytes == 1000 && m.scratch[1].bytes == 500);
    cr_assert(!m.scratch[2].present);
    /* In the device's space: x and a live together, beside the scratch of their stage. */
    cr_assert_eq(m.spaces[1].sizes.arena, 2 * 1792 + 1024);
    eg_memory_plan_finish(&m);
    eg_partition_finish(&p);
    eg_graph_finish(&graph);
}

/* --- random graphs on random devices ------------------------------------------------------------- */

/* Replays the plan: each space's memory is written and read in the order of the stages, and no value that is read has
 * been overwritten by another since it was made. */
typedef struct replay {
    const eg_graph *graph;
    const eg_partition *partition;
    const eg_memory_plan *plan;
    eg_value_id *owner[3]; /* per space and 64 bytes: the value (its view root) that was written last */
} replay;

static void
write_value(replay *r, uint32_t space, eg_value_id id)
{
    const eg_slot *at = &r->plan->spaces[space].slots[id];
    cr_assert(at->present && at->offset + at->bytes <= r->plan->spaces[space].sizes.arena);
    for (uint64_t i = at->offset / 64; i < (at->offset + at->bytes + 63) / 64; i++)
        r->owner[space][i] = id;
}

/* A view that is made where its input lies is the same memory under another name. */
static bool
same_memory(const replay *r, uint32_t space, eg_value_id owner, eg_value_id id)
{
    while (owner != id) {
        const eg_value *value = eg_graph_value(r->graph, id);
        const eg_node *node = value->producer ? eg_graph_node(r->graph, value->producer) : NULL;
        if (!node || !(node->op->flags & EG_OP_VIEW) ||
            r->plan->space_of_target[r->partition->target_of[value->producer]] != space)
            return false;
        id = node->inputs[0];
    }
    return true;
}

static void
read_value(replay *r, uint32_t space, eg_value_id id)
{
    const eg_slot *at = &r->plan->spaces[space].slots[id];
    if (eg_graph_value(r->graph, id)->flags & EG_VALUE_CONST)
        return;
    cr_assert(at->present, "%s is not there", eg_graph_value(r->graph, id)->name);
    for (uint64_t i = at->offset / 64; i < (at->offset + at->bytes + 63) / 64; i++)
        cr_assert(same_memory(r, space, r->owner[space][i], id), "%s is overwritten by %s",
                  eg_graph_value(r->graph, id)->name, eg_graph_value(r->graph, r->owner[space][i])->name);
}

static bool
is_view(const replay *r, uint32_t space, const eg_node *node)
{
    return (node->op->flags & EG_OP_VIEW) && r->plan->spaces[space].slots[node->inputs[0]].present;
}

static void
replay_stage(replay *r, uint32_t s)
{
    const eg_stage *stage = &r->partition->stages.items[s];
    uint32_t space = r->plan->space_of_target[stage->target];
    for (size_t i = 0; i < r->partition->crossings.count; i++) {
        const eg_crossing *c = &r->partition->crossings.items[i];
        if (c->before_stage != s)
            continue;
        read_value(r, c->from == EG_ON_HOST ? 0 : r->plan->space_of_target[c->from], c->value);
        write_value(r, c->to == EG_ON_HOST ? 0 : r->plan->space_of_target[c->to], c->value);
    }
    for (size_t i = 0; i < stage->nodes.count; i++) {
        const eg_node *node = eg_graph_node(r->graph, stage->nodes.items[i]);
        for (uint32_t k = 0; k < node->input_count; k++)
            read_value(r, space, node->inputs[k]);
        if (!is_view(r, space, node))
            write_value(r, space, node->outputs[0]);
        read_value(r, space, node->outputs[0]);
    }
}

static void
replay_all(replay *r)
{
    for (uint32_t s = 0; s < r->plan->space_count; s++) {
        r->owner[s] = calloc(r->plan->spaces[s].sizes.arena / 64 + 1, sizeof *r->owner[s]);
        cr_assert_not_null(r->owner[s]);
    }
    for (size_t i = 0; i < r->graph->inputs.count; i++)
        write_value(r, 0, r->graph->inputs.items[i]);
    for (uint32_t s = 0; s < r->partition->stages.count; s++)
        replay_stage(r, s);
    for (size_t i = 0; i < r->graph->outputs.count; i++) {
        eg_value_id id = r->graph->outputs.items[i];
        eg_node_id producer = eg_graph_value(r->graph, id)->producer;
        read_value(r, producer ? r->plan->space_of_target[r->partition->target_of[producer]] : 0, id);
    }
    for (uint32_t s = 0; s < r->plan->space_count; s++)
        free(r->owner[s]);
}

/* Fused nodes, and views whose rows lie apart. */
static void
fuse(eg_graph *graph)
{
    const eg_pass_options options = {.fuse = "all", .sizes = &bound};
    eg_pass_result result;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_run_passes(graph, &options, &result, &err), EG_OK, "%s", test_error_line(&err));
    eg_pass_result_finish(&result);
}

/* A plan serves every smaller batch: no value takes more of its place than at the bound. */
static void
check_smaller_sizes(const eg_graph *graph, const eg_memory_plan *plan, uint64_t seed)
{
    uint64_t state = seed;
    const eg_row_set set = {.T = 1 + random_below(&state, 100), .P = 1 + random_below(&state, 2000), .max_n = 20};
    const eg_dims sizes = {.size = sizeof sizes, .B = 1 + random_below(&state, 10), .set_count = 1, .sets = &set};
    for (uint32_t space = 0; space < plan->space_count; space++) {
        for (eg_value_id id = 1; id < graph->values.count; id++) {
            const eg_slot *at = &plan->spaces[space].slots[id];
            uint64_t bytes;
            if (!at->present)
                continue;
            cr_assert(eg_value_extent(graph, id, &sizes, &bytes));
            cr_assert_leq(bytes, at->bytes, "%s", eg_graph_value(graph, id)->name);
        }
    }
}

Test(memory, random_plans_hold_when_replayed)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        const eg_partition_options options = {.alternate = seed % 3 == 0 ? 3 : 0};
        eg_device one = {.seed = (uint32_t)seed, .inplace_mask = seed % 2 ? 3 : 0}, two = {.seed = (uint32_t)seed * 7},
                  last = {.inplace_mask = 1, .level = EG_SUPPORT_REFERENCE};
        eg_target targets[] = {far_target("one", &one), far_target("two", &two), host_target("last", &last)};
        eg_graph graph;
        cr_assert_eq(random_graph(seed, 30 + (uint32_t)seed, &graph, NULL), EG_OK);
        if (seed % 4)
            fuse(&graph);
        eg_partition p = partition(&graph, targets, 3, &options);
        eg_memory_plan m = plan(&graph, &p, targets, NULL);
        replay r = {.graph = &graph, .partition = &p, .plan = &m};
        for (uint32_t s = 0; s < m.space_count; s++)
            cr_assert(m.spaces[s].sizes.bound <= m.spaces[s].sizes.arena);
        replay_all(&r);
        check_smaller_sizes(&graph, &m, seed);
        eg_memory_plan_finish(&m);
        eg_partition_finish(&p);
        eg_graph_finish(&graph);
    }
}
