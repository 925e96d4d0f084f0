/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory at every single allocation of a task, one after another: EG_E_NOMEM and no result. Plans are made
 * before: what making them does without memory is test_oom.c's question.
 */
#include "engine_programs.h"
#include "failing_alloc.h"

/* Heads without weights of their own. */
static const char heads_yaml[] =
    "egbert: 1\n"
    "checkpoint: .\n"
    "heads:\n"
    "  mood: {task: classify, outputs: [logits], steps: [first_token, {slice: 3, begin: 0, as: logits}]}\n"
    "  topic: {task: classify, labels: [a, b], outputs: [logits], steps: [mean, {slice: 2, begin: 0, as: logits}]}\n"
    "  follows: {task: nsp, outputs: [logits], steps: [first_token, {slice: 5, begin: 3, as: logits}]}\n"
    "  fits: {task: choose, outputs: [logits], steps: [first_token, {slice: 6, begin: 5, as: logits}]}\n"
    "  ranks: {task: rerank, outputs: [logits], steps: [first_token, {slice: 7, begin: 6, as: logits}]}\n"
    "  weighs: {task: sparse, outputs: [weights], steps: [relu, {max: null, as: weights}]}\n"
    "  spans: {task: qa, steps: [{slice: 2, begin: 0}, {split: 2, squeeze: true, as: [start_logits, end_logits]}]}\n"
    "  fills: {task: fill_mask, outputs: [logits], steps: [{linear: {weight: "
    "[\"base:embeddings.word_embeddings.weight\"],\n"
    "    bias: false}, out: $vocab_size, as: logits}]}\n";

static eg_status
run_task(eg_context *context, eg_task task, eg_error *err)
{
    eg_string texts[] = {{"the cat sat", 11}, {"dog", 3}}, pairs[] = {{"a mat", 5}, {"ran", 3}};
    eg_input input = {.size = sizeof input, .count = 2, .texts = texts, .pairs = pairs};
    const eg_string targets[] = {{"dog", 3}, {"dogcat", 6}};
    eg_task_options options = {.size = sizeof options, .task = task, .stride = 1};
    if (task == EG_TASK_FILL_MASK) {
        texts[0] = (eg_string){"the [MASK] sat [MASK]", 21};
        texts[1] = (eg_string){"[MASK]", 6};
        input.pairs = NULL;
        options.targets = targets;
        options.target_count = 2;
    }
    eg_result *result = NULL;
    eg_status status = eg_run_task(context, &input, &options, &result, err);
    if (status != EG_OK && result)
        status = EG_E_INTERNAL;
    eg_result_free(result);
    return status;
}

/* How often a task must run until no allocation fails any more; 0: something is wrong. */
static int
fail_each(eg_context *context, eg_task task)
{
    eg_error err = {.size = sizeof err};
    if (run_task(context, task, &err) != EG_OK) {
        fprintf(stderr, "task %d: %s\n", (int)task, err.message);
        return 0;
    }
    for (int n = 0;; n++) {
        fail_allocation((size_t)n, true);
        eg_status status = run_task(context, task, &err);
        if (!allocations_work())
            return status == EG_OK ? n : 0;
        if (status != EG_E_NOMEM) {
            fprintf(stderr, "task %d, allocation %d fails: status %d: %s\n", (int)task, n, (int)status, err.message);
            return 0;
        }
    }
}

static bool
fail_tasks(eg_context *context)
{
    static const eg_task tasks[] = {EG_TASK_CLASSIFY, EG_TASK_NSP, EG_TASK_CHOOSE,   EG_TASK_RERANK,
                                    EG_TASK_SPARSE,   EG_TASK_QA,  EG_TASK_FILL_MASK};
    bool good = true;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        int tried = fail_each(context, tasks[i]);
        printf("task %d: %d allocations\n", (int)tasks[i], tried);
        good = good && tried > 10; /* with fewer this tests nothing */
    }
    return good;
}

int
main(void)
{
    tiny_folder folder;
    if (!tiny_folder_make(&folder) || !tiny_write(folder.path, "heads.yaml", heads_yaml, strlen(heads_yaml)))
        return 1;
    char path[128];
    snprintf(path, sizeof path, "%s/heads.yaml", folder.path);
    eg_error err = {.size = sizeof err};
    eg_engine *engine = NULL;
    eg_model *model = NULL;
    eg_context *context = NULL;
    bool good = tiny_engine_open(1, &engine, &err) == EG_OK &&
                eg_model_open(engine, path, NULL, &model, &err) == EG_OK &&
                eg_context_open(model, &context, &err) == EG_OK;
    if (!good)
        fprintf(stderr, "%s: %s\n", err.file, err.message);
    good = good && fail_tasks(context);
    eg_context_close(context);
    eg_model_close(model);
    eg_engine_close(engine);
    unlink(path);
    tiny_folder_remove(&folder);
    return !good;
}
