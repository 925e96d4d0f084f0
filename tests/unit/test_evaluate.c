/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eg_evaluate() and its parts from C, and named entities: what they take, what they refuse, that parts give what the whole
 * does, and that they survive running out of memory at any allocation. The numbers are tested through the command. A
 * plain program, because its allocator is replaced (--wrap).
 */
#include "engine/tasks/metrics.h"
#include "engine_programs.h"
#include "failing_alloc.h"

/* Heads without weights of their own; one model for each. */
static const char *const heads[] = {
    "kind: {task: classify, labels: [x, y], outputs: [logits], steps: [first_token, {slice: 2, begin: 0, as: logits}]}",
    "tags: {task: ner, labels: [B-X, O, I-X], outputs: [logits], steps: [{slice: 3, begin: 0, as: logits}]}",
    "words: {task: fill_mask, outputs: [logits], steps: [{linear: {weight: \"base:embeddings.word_embeddings.weight\", "
    "bias: false, out: 24}, as: logits}]}",
    NULL, /* none: embeddings */
};
enum { KIND, TAGS, WORDS, NONE, MODELS, TEXTS = 3 };

static const eg_string texts[TEXTS] = {{"the cat [MASK]", 14}, {"a dog ran [MASK]", 16}, {"[MASK] mat", 10}};
static const eg_string pairs[TEXTS] = {{"a dog", 5}, {"cats", 4}, {"the mat", 7}};
static const eg_string labels[MODELS][TEXTS] = {
    {{"\"x\"", 3}, {"1", 1}, {"\"y\"", 3}},
    {{"[\"B-X\",null,\"O\"]", 16}, {"[0,1,2,\"O\"]", 11}, {"[1,1]", 5}},
    {{"\"sat\"", 5}, {"[\"on\"]", 6}, {"null", 4}},
    {{"1", 1}, {"0.5", 3}, {"-2", 2}},
};

typedef struct fixture {
    tiny_folder folder;
    eg_engine *engine;
    eg_model *models[MODELS];
    eg_context *contexts[MODELS];
    eg_error err;
    int failures;
} fixture;

static void
check(fixture *f, bool good, const char *what)
{
    tiny_check(&f->err, &f->failures, good, what);
}

static bool
open_model(fixture *f, size_t i)
{
    char yaml[512], path[128];
    snprintf(yaml, sizeof yaml, heads[i] ? "egbert: 1\ncheckpoint: .\nheads:\n  %s\n" : "egbert: 1\ncheckpoint: .\n",
             heads[i]);
    snprintf(path, sizeof path, "%s/head.yaml", f->folder.path);
    bool good = tiny_write(f->folder.path, "head.yaml", yaml, strlen(yaml)) &&
                eg_model_open(f->engine, path, NULL, &f->models[i], &f->err) == EG_OK &&
                eg_context_open(f->models[i], &f->contexts[i], &f->err) == EG_OK;
    unlink(path);
    return good;
}

static bool
begin(fixture *f)
{
    *f = (fixture){.err = {.size = sizeof f->err}};
    bool good = tiny_folder_make(&f->folder) && tiny_engine_open(1, &f->engine, &f->err) == EG_OK;
    for (size_t i = 0; i < MODELS && good; i++)
        good = open_model(f, i);
    return good;
}

static void
end(fixture *f)
{
    for (size_t i = 0; i < MODELS; i++) {
        eg_context_close(f->contexts[i]);
        eg_model_close(f->models[i]);
    }
    eg_engine_close(f->engine);
    tiny_folder_remove(&f->folder);
}

/* The texts from `first` on; heads but that for classes take them without pairs. */
static eg_input
input_of(size_t model, uint32_t first, uint32_t count)
{
    bool paired = model == KIND || model == NONE;
    return (eg_input){
        .size = sizeof(eg_input), .count = count, .texts = texts + first, .pairs = paired ? pairs + first : NULL};
}

static eg_status
evaluate(fixture *f, size_t model, char **out)
{
    const eg_input input = input_of(model, 0, TEXTS);
    const eg_evaluate_options options = {.size = sizeof options, .labels = labels[model], .seed = 5};
    return eg_evaluate(f->contexts[model], &input, &options, out, &f->err);
}

/* --- results ------------------------------------------------------------------------------------- */

static char *
evaluate_in_parts(fixture *f, size_t model)
{
    const eg_evaluate_options options = {.size = sizeof options, .seed = 5};
    eg_evaluation *evaluation = NULL;
    char *json = NULL;
    eg_status status = eg_evaluation_open(f->contexts[model], &options, &evaluation, &f->err);
    for (uint32_t i = 0; i < TEXTS && status == EG_OK; i++) {
        const eg_input input = input_of(model, i, 1), nothing = input_of(model, i, 0);
        status = eg_evaluation_add(evaluation, &nothing, NULL, &f->err);
        if (status == EG_OK)
            status = eg_evaluation_add(evaluation, &input, &labels[model][i], &f->err);
    }
    if (status == EG_OK)
        status = eg_evaluation_result(evaluation, &json, &f->err);
    eg_evaluation_close(evaluation);
    check(f, status == EG_OK && json, "an evaluation in parts");
    return json;
}

static void
test_parts(fixture *f)
{
    static const char *const beginnings[MODELS] = {
        "{\"task\":\"classify\",\"head\":\"kind\",\"count\":3,\"loss\":",
        "{\"task\":\"ner\",\"head\":\"tags\",\"count\":3,\"loss\":",
        "{\"task\":\"fill_mask\",\"head\":\"words\",\"count\":3,\"loss\":",
        "{\"task\":\"similarity\",\"head\":\"embedding\",\"count\":3,\"pearson\":",
    };
    for (size_t i = 0; i < MODELS; i++) {
        char *whole = NULL, *parts = evaluate_in_parts(f, i);
        check(f, evaluate(f, i, &whole) == EG_OK, "an evaluation");
        check(f, whole && strncmp(whole, beginnings[i], strlen(beginnings[i])) == 0, beginnings[i]);
        check(f, whole && parts && strcmp(whole, parts) == 0, "parts give what the whole does");
        eg_string_free(whole);
        eg_string_free(parts);
    }
}

static void
test_entities(fixture *f)
{
    const eg_input input = input_of(TAGS, 0, TEXTS);
    for (eg_aggregation how = EG_AGGREGATE_NONE; how <= EG_AGGREGATE_MAX; how++) {
        const eg_task_options options = {.size = sizeof options, .task = EG_TASK_NER, .aggregation = how};
        eg_result *result = NULL;
        eg_list_view list = {.size = sizeof list};
        check(f, eg_run_task(f->contexts[TAGS], &input, &options, &result, &f->err) == EG_OK, "entities");
        check(f, result && eg_result_records(result) == TEXTS && eg_result_list(result, 1, 0, &list) == EG_OK, "lists");
        for (uint32_t i = 0; i < list.item_count; i++) {
            const eg_item *item = &list.items[i];
            check(f, item->end <= 16 && item->start < item->end && item->score > 0 && item->score <= 1, "an entity");
            check(f, item->label.length == (how == EG_AGGREGATE_NONE ? 3 : 1), "its name without the kind");
        }
        eg_result_free(result);
    }
}

/* --- metrics ------------------------------------------------------------------------------------- */

static bool
is_near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void
test_metrics(fixture *f)
{
    const eg_number_pair ties[] = {{1, 3}, {1, 1}, {2, 2}, {3, 1}}, equal[] = {{1, 2}, {1, 3}};
    const float large[] = {1e4f, -1e4f};
    double spearman = 0;
    /* ranks 1.5 1.5 3 4 and 4 1.5 3 1.5 */
    check(f, eg_spearman(ties, 4, &spearman, &f->err) == EG_OK && is_near(spearman, -7.0 / 18),
          "ranks of equal numbers");
    check(f, is_near(eg_pearson(ties, 4), -5.0 / 11), "a correlation");
    check(f, isnan(eg_pearson(equal, 2)) && isnan(eg_pearson(NULL, 0)), "no correlation is defined");
    check(f, is_near(eg_cross_entropy(large, 2, 1), 2e4) && is_near(eg_cross_entropy(large, 2, 0), 0), "large logits");
    check(f, is_near(eg_binary_cross_entropy(1e4, 0), 1e4) && is_near(eg_binary_cross_entropy(0, 1), log(2)), "binary");
    check(f, is_near(eg_f1(0, 0, 0), 0) && is_near(eg_f1(1, 2, 2), 0.5) && is_near(eg_share(0, 0), 0), "F1");
}

/* --- misuse -------------------------------------------------------------------------------------- */

static void
refuse(fixture *f, size_t model, const eg_input *input, const eg_evaluate_options *options, eg_status want,
       const char *part)
{
    char *json = NULL;
    eg_status status = eg_evaluate(f->contexts[model], input, options, &json, &f->err);
    check(f, status == want && !json && strstr(f->err.message, part), part);
    eg_string_free(json);
}

static void
test_misuse(fixture *f)
{
    static const eg_string broken[] = {{"\"x", 2}, {"1", 1}, {"1", 1}}, nobody[] = {{"1", 1}, {NULL, 0}, {"1", 1}};
    static const int64_t ids[] = {2, 3}, cu_seqlens[] = {0, 2};
    const eg_input input = input_of(KIND, 0, TEXTS), none = input_of(KIND, 0, 0),
                   tokens = {.size = sizeof tokens, .count = 1, .ids = ids, .cu_seqlens = cu_seqlens};
    eg_evaluate_options options = {.size = sizeof options, .labels = broken};
    refuse(f, KIND, &input, &options, EG_E_INPUT, "text 1: the label is not JSON");
    options.labels = nobody;
    refuse(f, KIND, &input, &options, EG_E_INPUT, "text 2 has no label");
    refuse(f, NONE, &input, &options, EG_E_INPUT, "text 2 has no label");
    refuse(f, KIND, &input, NULL, EG_E_INPUT, "text 1 has no label");
    refuse(f, NONE, &input, NULL, EG_E_USAGE, "no head");
    refuse(f, KIND, &none, &options, EG_E_INPUT, "no texts");
    refuse(f, KIND, &tokens, &options, EG_E_USAGE, "token ids");
    refuse(f, KIND, NULL, &options, EG_E_USAGE, "no input");
    options.flags = 1;
    refuse(f, KIND, &input, &options, EG_E_USAGE, "unknown flags");
    eg_evaluation_close(NULL);
}

/* --- memory -------------------------------------------------------------------------------------- */

static eg_status
find_entities(fixture *f)
{
    const eg_input input = input_of(TAGS, 0, TEXTS);
    const eg_task_options options = {.size = sizeof options, .task = EG_TASK_NER, .aggregation = EG_AGGREGATE_AVERAGE};
    eg_result *result = NULL;
    eg_status status = eg_run_task(f->contexts[TAGS], &input, &options, &result, &f->err);
    eg_result_free(result);
    return status;
}

/* Fails each allocation in turn, plans being made already. Model MODELS: entities. */
static void
test_memory(fixture *f, size_t model)
{
    long refused = 0;
    for (size_t n = 0, reached = 1; reached && f->failures < 20; n++) {
        char *json = NULL;
        f->err = (eg_error){.size = sizeof f->err};
        fail_allocation(n, true);
        eg_status status = model == MODELS ? find_entities(f) : evaluate(f, model, &json);
        reached = allocations_work();
        refused += status == EG_E_NOMEM;
        check(f, status == EG_E_NOMEM || status == EG_OK, "little memory");
        check(f, (status == EG_OK) == (json != NULL) || model == MODELS, "a result or none");
        eg_string_free(json);
    }
    check(f, refused > 10, "allocations were refused");
}

int
main(void)
{
    fixture f;
    bool begun = begin(&f);
    check(&f, begun, "opening the models");
    if (begun) {
        test_parts(&f);
        test_entities(&f);
        test_metrics(&f);
        test_misuse(&f);
        for (size_t model = 0; model <= MODELS; model++)
            test_memory(&f, model);
    }
    end(&f);
    return f.failures != 0;
}
