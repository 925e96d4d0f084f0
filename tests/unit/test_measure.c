/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles and comparisons from inside: a node by itself gives what it gives in its plan, lanes tell who worked when,
 * wrong use has its status, and memory may run out anywhere. Linked with --wrap, as test_oom.c.
 */
#include <unistd.h>

#include "engine/measure.h"
#include "engine/node_run.h"
#include "engine_programs.h"
#include "failing_alloc.h"

static int failures;

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

static const eg_string texts[] = {{"the cat sat on the mat.", 23}, {"dog", 3}};
static const eg_input input = {.size = sizeof input, .count = 2, .texts = texts};

/* --- nodes by themselves ------------------------------------------------------------------------- */

static void
check_node(eg_context *kept_by, eg_context *alone, const eg_executable *kept, const eg_batch *batch, eg_node_id id)
{
    const eg_graph *graph = &kept->plan.built.graph;
    const eg_node *node = eg_graph_node(graph, id);
    eg_error err = {.size = sizeof err};
    void *inputs[64] = {0}, *want = NULL, *got = NULL;
    uint64_t elements = 0, got_elements = 0, unused;
    for (uint32_t i = 0; i < node->input_count && i < 64; i++) {
        if (eg_graph_value(graph, node->inputs[i])->flags & (EG_VALUE_CONST | EG_VALUE_INPUT))
            continue;
        CHECK(eg_value_copy(kept_by, kept, batch, node->inputs[i], &inputs[i], &unused, &err) == EG_OK, "%s",
              err.message);
    }
    CHECK(eg_value_copy(kept_by, kept, batch, node->outputs[0], &want, &elements, &err) == EG_OK, "%s", err.message);
    CHECK(eg_node_run(alone, graph, id, batch, (const void *const *)inputs, &got, &got_elements, &err) == EG_OK,
          "%s %s: %s", node->op->name, node->name, err.message);
    CHECK(got && want && elements == got_elements && elements > 0 && memcmp(want, got, elements * 4) == 0,
          "%s %s by itself gives something else", node->op->name, node->name);
    eg_free(want);
    eg_free(got);
    for (uint32_t i = 0; i < 64; i++)
        eg_free(inputs[i]);
}

/* One implementation computes the same bits from the same numbers, wherever these lie. */
static void
check_nodes(eg_model *model, const char *fuse, int at_least)
{
    eg_error err = {.size = sizeof err};
    eg_context *context = NULL, *alone = NULL;
    eg_executable *kept = NULL;
    eg_one_batch one = {0};
    int nodes = 0;
    CHECK(eg_context_open(model, &context, &err) == EG_OK && eg_context_open(model, &alone, &err) == EG_OK &&
              eg_context_set_fuse(context, fuse, &err) == EG_OK && eg_context_set_fuse(alone, fuse, &err) == EG_OK &&
              eg_one_batch_take(context, &input, NULL, 0, &one, &err) == EG_OK,
          "%s", err.message);
    eg_plan_request request = one.request;
    request.keep_values = true;
    const eg_batch *batch = &one.memory.batch;
    CHECK(eg_executable_make_any(model, &request, &kept, &err) == EG_OK &&
              eg_run_batch(context, kept, batch, &err) == EG_OK,
          "%s", err.message);
    for (size_t i = 0; kept && i < kept->plan.built.graph.order.count; i++) {
        eg_node_id id = kept->plan.built.graph.order.items[i];
        if (eg_node_is_view(&kept->plan.built.graph, eg_graph_node(&kept->plan.built.graph, id)))
            continue;
        check_node(context, alone, kept, batch, id);
        nodes++;
    }
    CHECK(nodes >= at_least, "%d nodes with --fuse=%s", nodes, fuse);
    eg_executable_free(model, kept);
    eg_one_batch_finish(&one);
    eg_context_close(context);
    eg_context_close(alone);
}

/* --- lanes --------------------------------------------------------------------------------------- */

static void
work_a_little(void *arg, uint32_t i, uint32_t worker)
{
    (void)worker;
    usleep(200);
    __atomic_fetch_add((uint32_t *)arg, i + 1, __ATOMIC_RELAXED);
}

static void
check_lanes(void)
{
    enum { ITEMS = 16, CALLS = 3 };
    eg_error err = {.size = sizeof err};
    eg_threads *threads = NULL;
    eg_lanes lanes = {0};
    eg_threads_options options = {.count = 2};
    uint32_t sum = 0;
    CHECK(eg_threads_open(&options, &threads, &err) == EG_OK && eg_lanes_init(&lanes, 2, CALLS - 1, &err) == EG_OK,
          "%s", err.message);
    eg_lease lease;
    eg_lease_begin(threads, true, &lease);
    eg_parallel_for(ITEMS, work_a_little, &sum); /* not recorded */
    lease.lanes = &lanes;
    for (int call = 0; call < CALLS; call++)
        eg_parallel_for(ITEMS, work_a_little, &sum);
    eg_lease_end(&lease);
    CHECK(sum == (CALLS + 1) * ITEMS * (ITEMS + 1) / 2, "the sum is %u: work was lost", sum);
    uint32_t parts = 0;
    for (uint32_t lane = 0; lane < 2; lane++) {
        parts += lanes.lanes[lane].count;
        CHECK(lanes.lanes[lane].count <= CALLS - 1, "a lane has more than it can hold");
        for (uint32_t i = 0; i < lanes.lanes[lane].count; i++) {
            const eg_lane_part *part = &lanes.lanes[lane].parts[i];
            CHECK(part->end_ns - part->begin_ns >= 200000, "a part is shorter than its work");
            CHECK(i == 0 || part->begin_ns >= part[-1].end_ns, "parts of one thread overlap");
        }
    }
    CHECK(parts >= CALLS - 1, "%u parts", parts);
    eg_lanes_clear(&lanes);
    CHECK(lanes.lanes[0].count == 0 && lanes.lanes[1].count == 0, "cleared lanes have parts");
    eg_lanes_finish(&lanes);
    eg_threads_close(threads);
}

/* --- wrong use ----------------------------------------------------------------------------------- */

static void
check_misuse(eg_model *model)
{
    eg_error err = {.size = sizeof err};
    eg_context *context = NULL, *other = NULL;
    char *json = NULL;
    CHECK(eg_context_open(model, &context, &err) == EG_OK && eg_context_open(model, &other, &err) == EG_OK, "%s",
          err.message);
    eg_input nothing = {.size = sizeof nothing};
    static const char *const unknown[] = {"nonesuch"};
    eg_profile_options profile = {.size = sizeof profile, .runs = 1, .outputs = unknown};
    eg_compare_options compare = {.size = sizeof compare, .runs = 1, .outputs = unknown, .output_count = 1};
    CHECK(eg_profile(context, &nothing, NULL, &json, &err) == EG_E_USAGE, "%s", err.message);
    CHECK(eg_profile(context, &input, &profile, &json, &err) == EG_E_USAGE, "no outputs: %s", err.message);
    profile.output_count = 1;
    CHECK(eg_profile(context, &input, &profile, &json, &err) == EG_E_USAGE, "%s", err.message);
    CHECK(eg_profile(context, &input, &(eg_profile_options){0}, &json, &err) == EG_E_USAGE, "%s", err.message);
    CHECK(eg_compare(context, context, &input, NULL, &json, &err) == EG_E_USAGE, "%s", err.message);
    CHECK(eg_compare(context, other, &nothing, NULL, &json, &err) == EG_E_USAGE, "%s", err.message);
    CHECK(eg_compare(context, other, &input, &compare, &json, &err) == EG_E_USAGE, "%s", err.message);
    CHECK(json == NULL, "an error leaves a result");
    eg_context_close(context);
    eg_context_close(other);
}

/* --- memory runs out ----------------------------------------------------------------------------- */

static eg_status
measure_all(eg_model *model, eg_error *err)
{
    eg_context *a = NULL, *b = NULL;
    char *json = NULL;
    eg_profile_options profile = {.size = sizeof profile, .runs = 1};
    eg_compare_options compare = {.size = sizeof compare, .runs = 1};
    eg_status status = eg_context_open(model, &a, err);
    if (status == EG_OK)
        status = eg_context_open(model, &b, err);
    if (status == EG_OK)
        status = eg_profile(a, &input, &profile, &json, err);
    eg_string_free(json);
    json = NULL;
    if (status == EG_OK)
        status = eg_compare(a, b, &input, &compare, &json, err);
    eg_string_free(json);
    eg_context_close(a);
    eg_context_close(b);
    return status;
}

static void
check_without_memory(eg_model *model)
{
    long refused = 0, n = 0;
    bool reached = true;
    /* The first ones one by one; nodes are alike, so that of the later ones samples do. */
    while (reached && failures < 20) {
        eg_error err = {.size = sizeof err};
        n += 1 + n / 48;
        fail_allocation((size_t)n - 1, true);
        eg_status status = measure_all(model, &err);
        reached = allocations_work();
        refused += status == EG_E_NOMEM;
        CHECK(status == EG_OK || status == EG_E_NOMEM, "allocation %ld fails: status %d: %s", n, (int)status,
              err.message);
        CHECK(reached || status == EG_OK, "status %d with all memory there is", (int)status);
    }
    CHECK(refused > 50, "%ld refusals up to allocation %ld", refused, n);
}

int
main(void)
{
    tiny_folder folder;
    eg_engine *engine = NULL;
    eg_model *model = NULL;
    eg_error err = {.size = sizeof err};
    if (!tiny_folder_make(&folder))
        return 1;
    if (tiny_engine_open(1, &engine, &err) == EG_OK &&
        eg_model_open(engine, folder.path, NULL, &model, &err) == EG_OK) {
        check_nodes(model, "none", 30);
        check_nodes(model, "all", 10);
        check_lanes();
        check_misuse(model);
        check_without_memory(model);
    } else {
        fprintf(stderr, "%s: %s\n", err.file, err.message);
        failures++;
    }
    eg_model_close(model);
    eg_engine_close(engine);
    tiny_folder_remove(&folder);
    return failures != 0;
}
