/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants that a model computes of its weights: plans with other outputs, passes or sizes have the same ones, those of
 * a changed model have their own, and the last plan that needs them frees them.
 */
#include <egbert/egbert.h>

#include "engine/executable.h"
#include "engine/run.h"
#include "tests/unit/support.h"
#include "tests/unit/tiny_bert.h"

/* For each of the layers a norm, a product, a bias and a sum; the norm is the same for all. */
enum { NODES = 1 + 3 * TINY_LAYERS, TABLES = TINY_LAYERS, TABLE_BYTES = TINY_POSITIONS * TINY_HIDDEN * 4 };

typedef struct fixture {
    test_folder folder;
    eg_engine *engine;
    eg_model *model;
    eg_error err;
} fixture;

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        eg_status ok_status_ = (call);                                                                                 \
        cr_assert_eq(ok_status_, EG_OK, "%s: %d: %s", #call, (int)ok_status_, test_error_line(&f->err));               \
    } while (0)

static void
begin(fixture *f)
{
    memset(f, 0, sizeof *f);
    f->err.size = sizeof f->err;
    f->folder = test_folder_new();
    cr_assert(tiny_bert_write(f->folder.path, NULL));
    eg_engine_options engine = {
        .size = sizeof engine, .threads = 1, .backends = "reference", .plugin_dir = getenv("EG_TEST_PLUGIN_DIR")};
    OK(eg_engine_open(&engine, &f->engine, &f->err));
    eg_model_options model = {.size = sizeof model, .family = COMPUTED_TABLES};
    OK(eg_model_open(f->engine, f->folder.path, &model, &f->model, &f->err));
    cr_assert_eq(f->model->computed.entries.count, 0, "nothing is computed before a plan needs it");
}

static void
end(fixture *f)
{
    eg_model_close(f->model);
    eg_engine_close(f->engine);
    test_folder_remove(&f->folder);
}

static eg_executable *
make(fixture *f, const char *output, const char *fuse, uint32_t rows, const eg_variant *variant)
{
    const eg_plan_request request = {.outputs = &output,
                                     .output_count = 1,
                                     .bound = {.B = 1, .max_n = rows, .T = rows, .P = (uint64_t)rows * rows},
                                     .fuse = fuse,
                                     .variant = variant};
    eg_executable *executable;
    OK(eg_executable_make_any(f->model, &request, &executable, &f->err));
    return executable;
}

static size_t
count_ops(const eg_graph *graph, const char *op)
{
    size_t count = 0;
    for (size_t i = 0; i < graph->order.count; i++)
        count += strcmp(eg_graph_node(graph, graph->order.items[i])->op->name, op) == 0;
    return count;
}

Test(precompute, a_plan_has_no_nodes_for_it)
{
    fixture fixture_, *f = &fixture_;
    begin(f);
    eg_executable *once = make(f, "last_hidden_state", "none", 8, NULL);
    eg_executable *each = make(f, "last_hidden_state", "none,-precompute", 8, NULL);
    const eg_graph *a = &once->plan.built.graph, *b = &each->plan.built.graph;
    cr_assert_eq(eg_plan_precomputed(&once->plan), NODES);
    cr_assert_eq(eg_computed_list_bytes(&once->plan.computed), TABLES * TABLE_BYTES);
    cr_assert_eq(eg_plan_precomputed(&each->plan), 0);
    cr_assert_eq(eg_computed_list_bytes(&each->plan.computed), 0);
    cr_assert_eq(count_ops(a, "layer_norm") + 1, count_ops(b, "layer_norm"));
    cr_assert_eq(count_ops(a, "matmul") + TINY_LAYERS, count_ops(b, "matmul"));
    cr_assert_eq(count_ops(a, "transpose"), 0, "what is moved after that is folded");
    eg_executable_free(f->model, once);
    eg_executable_free(f->model, each);
    end(f);
}

Test(precompute, plans_share_and_the_last_one_frees)
{
    fixture fixture_, *f = &fixture_;
    begin(f);
    eg_executable *plans[] = {make(f, "last_hidden_state", "all", 8, NULL),
                              make(f, "last_hidden_state", "all", 16, NULL),
                              make(f, "last_hidden_state", "none", 8, NULL), make(f, "recalled.1", "all", 8, NULL),
                              make(f, "pooler_output", "all,-fold,-cse", 8, NULL)};
    cr_assert_eq(f->model->computed.entries.count, TABLES);
    size_t weights = f->model->weights.entries.count;
    eg_executable *again = make(f, "last_hidden_state", "all", 24, NULL);
    cr_assert_eq(f->model->weights.entries.count, weights, "they are packed once, like weights of the file");
    eg_executable_free(f->model, again);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        cr_assert_eq(f->model->computed.entries.count, TABLES);
        eg_executable_free(f->model, plans[i]);
    }
    cr_assert_eq(f->model->computed.entries.count, 0);
    cr_assert_eq(f->model->weights.entries.count, 0);
    end(f);
}

Test(precompute, only_what_an_output_needs)
{
    fixture fixture_, *f = &fixture_;
    begin(f);
    eg_executable *first = make(f, "recalled.0", "all", 8, NULL);
    cr_assert_eq(f->model->computed.entries.count, 1);
    eg_executable *all = make(f, "last_hidden_state", "all", 8, NULL);
    cr_assert_eq(f->model->computed.entries.count, TABLES, "the first one's table is found again");
    eg_executable_free(f->model, first);
    eg_executable_free(f->model, all);
    end(f);
}

Test(precompute, a_changed_model_has_its_own)
{
    fixture fixture_, *f = &fixture_;
    begin(f);
    const eg_variant eps = {.name = "eps", .tweak = {.sets_eps = true, .eps = 0.5}};
    const eg_variant pooling = {.name = "pooling", .pooling = "cls"};
    eg_executable *plain = make(f, "last_hidden_state", "all", 8, NULL);
    eg_executable *changed = make(f, "last_hidden_state", "all", 8, &eps);
    cr_assert_eq(f->model->computed.entries.count, 2 * TABLES);
    eg_executable *other = make(f, "embedding", "all", 8, &pooling);
    cr_assert_eq(f->model->computed.entries.count, 2 * TABLES, "how rows are pooled makes no other table");
    eg_executable_free(f->model, plain);
    eg_executable_free(f->model, changed);
    eg_executable_free(f->model, other);
    end(f);
}
