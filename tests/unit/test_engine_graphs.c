/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs through the engine: placed, planned and run on several devices, as they are and after the passes, give
 * what `reference` gives alone with nothing fused. Plans are made for larger sizes than are run, and memory that nobody
 * wrote is NaN. EG_TEST_PLUGINS: the plugins' files, separated by ':'.
 */
#include <egbert/egbert.h>
#include <math.h>

#include "engine/run.h"
#include "graph/strided.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/support.h"
#include "tests/unit/tiny_bert.h"

typedef struct fixture {
    test_folder folder;
    eg_engine *engine;
    eg_model *model; /* for its engine and caches only */
    eg_context *context;
    eg_error err;
} fixture;

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        eg_status ok_status_ = (call);                                                                                 \
        cr_assert_eq(ok_status_, EG_OK, "%s: %d: %s", #call, (int)ok_status_, test_error_line(&f->err));               \
    } while (0)

static void
link_plugins(const fixture *f)
{
    test_make_folder(&f->folder, "plugins");
    const char *list = getenv("EG_TEST_PLUGINS");
    cr_assert_not_null(list, "EG_TEST_PLUGINS is not set");
    char *copy = strdup(list), *rest = copy;
    for (char *file; (file = strsep(&rest, ":"));) {
        char name[300];
        snprintf(name, sizeof name, "plugins/%s", strrchr(file, '/') + 1);
        cr_assert_eq(symlink(file, test_path(&f->folder, name)), 0);
    }
    free(copy);
}

static void
begin(fixture *f, const char *backends, uint32_t flags)
{
    memset(f, 0, sizeof *f);
    f->err.size = sizeof f->err;
    f->folder = test_folder_new();
    link_plugins(f);
    test_make_folder(&f->folder, "model");
    cr_assert(tiny_bert_write(test_path(&f->folder, "model"), NULL));
    char plugins[300];
    snprintf(plugins, sizeof plugins, "%s/plugins", f->folder.path);
    eg_engine_options options = {
        .size = sizeof options, .flags = flags, .threads = 2, .backends = backends, .plugin_dir = plugins};
    OK(eg_engine_open(&options, &f->engine, &f->err));
    OK(eg_model_open(f->engine, test_path(&f->folder, "model"), NULL, &f->model, &f->err));
    OK(eg_context_open(f->model, &f->context, &f->err));
}

static void
end(fixture *f)
{
    eg_context_close(f->context);
    eg_model_close(f->model);
    eg_engine_close(f->engine);
    test_folder_remove(&f->folder);
}

/* --- one graph ----------------------------------------------------------------------------------- */

enum { TEXTS = 4, MOST_TOKENS = TEXTS * RANDOM_GRAPH_VOCAB, MOST_OUTPUTS = 64 };

typedef struct random_feed {
    eg_batch batch;
    eg_row rows[TEXTS];
    int32_t ids[MOST_TOKENS], type_ids[MOST_TOKENS];
} random_feed;

static void
fill_feed(random_feed *feed, uint64_t seed)
{
    uint64_t state = seed;
    eg_row_set set = {.table = feed->rows};
    uint32_t texts = 1 + random_below(&state, TEXTS);
    for (uint32_t t = 0; t < texts; t++) {
        uint32_t n = RANDOM_GRAPH_MIN_ROWS + random_below(&state, 12);
        feed->rows[t] = (eg_row){.start = (uint32_t)set.T, .rows = n, .valid = n, .skip = random_below(&state, 2)};
        set.T += n;
        set.P += (uint64_t)n * n;
        set.max_n = n > set.max_n ? n : set.max_n;
    }
    for (int i = 0; i < MOST_TOKENS; i++) {
        feed->ids[i] = (int32_t)random_below(&state, RANDOM_GRAPH_VOCAB);
        feed->type_ids[i] = (int32_t)random_below(&state, RANDOM_GRAPH_VOCAB);
    }
    feed->batch = (eg_batch){.ids = feed->ids, .type_ids = feed->type_ids, .set = set};
    feed->batch.dims = (eg_dims){.size = sizeof(eg_dims), .B = texts, .set_count = 1, .sets = &feed->batch.set};
}

typedef struct graph_outputs {
    size_t count;
    float *data[MOST_OUTPUTS];
    uint64_t elements[MOST_OUTPUTS];
} graph_outputs;

static void
free_outputs(graph_outputs *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->data[i]);
}

static void
read_outputs(fixture *f, const eg_executable *executable, const random_feed *feed, graph_outputs *out)
{
    const eg_graph *graph = &executable->plan.built.graph;
    out->count = graph->outputs.count < MOST_OUTPUTS ? graph->outputs.count : MOST_OUTPUTS;
    for (size_t i = 0; i < out->count; i++) {
        eg_value_id id = graph->outputs.items[i];
        const void *data;
        cr_assert(eg_type_elements(&eg_graph_value(graph, id)->type, &feed->batch.dims, &out->elements[i]));
        OK(eg_run_read(f->context, executable, &feed->batch, id, &data, &f->err));
        out->data[i] = malloc(out->elements[i] * 4 + 1); /* f32 and i32 alike: both take four bytes */
        memcpy(out->data[i], data, out->elements[i] * 4);
    }
}

static uint32_t
count_strided(const eg_graph *graph)
{
    uint32_t count = 0;
    for (size_t i = 0; i < graph->order.count; i++)
        count += eg_value_is_strided(graph, eg_graph_node(graph, graph->order.items[i])->outputs[0]);
    return count;
}

/* Returns how many views with rows apart there were. The second run finds NaN wherever the first left something behind. */
static uint32_t
run_graph(fixture *f, eg_graph *graph, const random_feed *feed, bool in_place, graph_outputs *out)
{
    const eg_row_set *set = &feed->batch.set;
    eg_plan_request request = {
        .graph = graph,
        .fuse = in_place ? "all" : "all,-inplace",
        .bound = {.B = feed->batch.dims.B + 2, .T = set->T + 40, .P = set->P + 1000, .max_n = set->max_n + 7},
    };
    eg_executable *executable;
    bool too_large;
    OK(eg_executable_make(f->model, &request, &executable, &too_large, &f->err));
    OK(eg_run_batch(f->context, executable, &feed->batch, &f->err));
    memset(f->context->host, 0xff, f->context->host_bytes);
    OK(eg_run_batch(f->context, executable, &feed->batch, &f->err));
    read_outputs(f, executable, feed, out);
    uint32_t strided = count_strided(&executable->plan.built.graph);
    eg_executable_free(f->model, executable);
    return strided;
}

static void
make_graph(fixture *f, uint64_t seed, const char *fuse, eg_graph *out)
{
    const eg_row_set set = {.T = 100, .P = 2000, .max_n = 20};
    const eg_dims sizes = {.size = sizeof sizes, .B = 8, .set_count = 1, .sets = &set};
    const eg_pass_options options = {.fuse = fuse, .sizes = &sizes};
    eg_pass_result passes;
    OK(random_graph(seed, 20 + (uint32_t)(seed % 60), out, &f->err));
    OK(eg_run_passes(out, &options, &passes, &f->err));
    eg_pass_result_finish(&passes);
}

static void
assert_same(uint64_t seed, const graph_outputs *got, const graph_outputs *want)
{
    cr_assert_eq(got->count, want->count);
    for (size_t i = 0; i < got->count; i++) {
        float most = 1;
        cr_assert_eq(got->elements[i], want->elements[i]);
        for (uint64_t k = 0; k < want->elements[i]; k++)
            most = fmaxf(most, isfinite(want->data[i][k]) ? fabsf(want->data[i][k]) : 0);
        for (uint64_t k = 0; k < want->elements[i]; k++) {
            float a = got->data[i][k], b = want->data[i][k];
            bool same = memcmp(&a, &b, sizeof a) == 0 || fabsf(a - b) <= 2e-5f * most;
            cr_assert(same, "seed %d: output %zu, element %d: %g, not %g", (int)seed, i, (int)k, (double)a, (double)b);
        }
    }
}

static uint32_t
check_backends(const char *backends, uint32_t flags, uint64_t first, uint64_t count)
{
    fixture plain_, *plain = &plain_, f_, *f = &f_;
    uint32_t strided = 0;
    begin(plain, "reference", 0);
    begin(f, backends, flags);
    for (uint64_t seed = first; seed < first + count; seed++) {
        eg_graph graph;
        random_feed feed;
        graph_outputs want, got;
        fill_feed(&feed, seed);
        make_graph(plain, seed, "none", &graph);
        run_graph(plain, &graph, &feed, false, &want);
        make_graph(f, seed, seed % 5 ? "all" : "none", &graph);
        strided += run_graph(f, &graph, &feed, true, &got);
        assert_same(seed, &got, &want);
        free_outputs(&want);
        free_outputs(&got);
    }
    end(f);
    end(plain);
    return strided;
}

Test(engine_graphs, alone)
{
    cr_assert_gt(check_backends("reference", 0, 1, 60), 5, "few views with rows apart were tried");
}

Test(engine_graphs, on_a_far_device)
{
    check_backends("far,reference", 0, 100, 30);
}

Test(engine_graphs, in_turn)
{
    check_backends("far,reference", EG_ENGINE_ALTERNATE, 200, 40);
    check_backends("reference,far", EG_ENGINE_ALTERNATE, 300, 20);
}

Test(engine_graphs, on_cpu)
{
    if (!strstr(getenv("EG_TEST_PLUGINS"), "egbert-cpu"))
        cr_skip_test("built without the cpu backend");
    check_backends("cpu", 0, 400, 60);
    check_backends("far,cpu", EG_ENGINE_ALTERNATE, 500, 40);
}

/* --- lowering, in real plugins ------------------------------------------------------------------- */

/* null takes nothing, so what is fused runs whole on the next. Views may begin off its alignment in graphs so narrow. */
Test(engine_graphs, whole_on_the_second)
{
    fixture f_, *f = &f_;
    begin(f, "null,reference", 0);
    eg_graph graph;
    make_graph(f, 3, "all", &graph);
    eg_plan_request request = {.graph = &graph, .bound = {.B = 2, .T = 20, .P = 200, .max_n = 10}};
    eg_executable *executable;
    bool too_large;
    OK(eg_executable_make(f->model, &request, &executable, &too_large, &f->err));
    const eg_lowering_list *lowered = &executable->plan.partition.lowered;
    for (size_t i = 0; i < lowered->count; i++)
        cr_assert(lowered->items[i].target == EG_ON_HOST, "%s: %s", lowered->items[i].op, lowered->items[i].reason);
    eg_executable_free(f->model, executable);
    end(f);
}
