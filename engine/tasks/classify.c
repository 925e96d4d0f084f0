/* SPDX-License-Identifier: Apache-2.0 */
/* The classes of a text: one list per head, best first. */
#include <string.h>

#include "engine/tasks/task.h"

typedef enum { AS_IT_IS, SIGMOID, SOFTMAX } activation;

/* As the transformers pipeline decides: the problem type first, then the number of labels. */
static activation
activation_of(const eg_head_info *head, size_t labels)
{
    const char *problem = head->problem_type;
    if (problem && strcmp(problem, "regression") == 0)
        return AS_IT_IS;
    if (labels == 1 || (problem && strcmp(problem, "multi_label_classification") == 0))
        return SIGMOID;
    return SOFTMAX;
}

static void
score(activation how, const float *logits, size_t n, double *out)
{
    if (how == SOFTMAX)
        eg_softmax(logits, n, out);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = how == SIGMOID ? eg_sigmoid((double)logits[i]) : (double)logits[i];
}

static eg_status
add_classes(eg_task_call *call, const eg_head_info *head, const float *logits, eg_error *err)
{
    size_t n = head->label_count;
    eg_item *items;
    EG_TRY(eg_task_new_items(call, n, &items, err));
    double *scores = eg_arena_calloc(&call->scratch, n + 1, sizeof *scores);
    if (!scores)
        return eg_fail_nomem(err, "a result");
    score(activation_of(head, n), logits, n, scores);
    for (size_t i = 0; i < n; i++) {
        items[i].score = scores[i];
        items[i].index = (int64_t)i;
    }
    eg_task_sort(items, n);
    size_t kept = eg_task_top(call, n);
    for (size_t i = 0; i < kept; i++) {
        const char *label = head->labels[items[i].index];
        EG_TRY(eg_task_keep(call, (eg_string){label, strlen(label)}, &items[i].label, err));
    }
    return eg_task_add_list(call, head->name, items, kept, logits, n, err);
}

static eg_status
add_texts(eg_task_call *call, const eg_result *run, eg_error *err)
{
    for (uint32_t text = 0; text < call->records; text++) {
        EG_TRY(eg_task_add_record(call, err));
        for (uint32_t i = 0; i < call->head_count; i++) {
            const eg_head_info *head = &call->heads[i];
            const float *logits;
            EG_TRY(eg_task_logits_of(call, run, i, text, head->label_count, &logits, err));
            EG_TRY(add_classes(call, head, logits, err));
        }
    }
    return EG_OK;
}

static eg_status
classify(eg_task_call *call, eg_error *err)
{
    eg_result *run;
    EG_TRY(eg_task_run_heads(call, &run, err));
    eg_status status = add_texts(call, run, err);
    eg_result_free(run);
    return status;
}

const eg_task_kind eg_task_classify = {
    .name = "classify",
    .head_tasks = {"classify"},
    .flags = EG_TASK_ALL_HEADS,
    .run = classify,
};
