/* SPDX-License-Identifier: Apache-2.0 */
/* Multiple choice: each pair (prompt, choice) gives one number, and the softmax goes over the pairs of a group. */
#include "engine/tasks/task.h"

/* One number per text, for all texts. */
static eg_status
gather(eg_task_call *call, const eg_result *run, float **out, eg_error *err)
{
    *out = eg_arena_calloc(&call->scratch, (size_t)call->input.count + 1, sizeof **out);
    if (!*out)
        return eg_fail_nomem(err, "a result");
    for (uint32_t text = 0; text < call->input.count; text++) {
        const float *logit;
        EG_TRY(eg_task_logits_of(call, run, 0, text, 1, &logit, err));
        (*out)[text] = *logit;
    }
    return EG_OK;
}

static eg_status
add_group(eg_task_call *call, uint32_t group, const float *logits, eg_error *err)
{
    size_t n = call->groups[group + 1] - call->groups[group];
    eg_item *items;
    EG_TRY(eg_task_add_record(call, err));
    EG_TRY(eg_task_new_items(call, n, &items, err));
    double *scores = eg_arena_calloc(&call->scratch, n + 1, sizeof *scores);
    if (!scores)
        return eg_fail_nomem(err, "a result");
    eg_softmax(logits, n, scores);
    for (size_t i = 0; i < n; i++) {
        items[i].score = scores[i];
        items[i].index = (int64_t)i;
    }
    return eg_task_add_list(call, call->heads[0].name, items, n, logits, n, err);
}

static eg_status
add_groups(eg_task_call *call, const eg_result *run, eg_error *err)
{
    float *logits;
    EG_TRY(gather(call, run, &logits, err));
    for (uint32_t group = 0; group < call->records; group++)
        EG_TRY(add_group(call, group, logits + call->groups[group], err));
    return EG_OK;
}

static eg_status
choose(eg_task_call *call, eg_error *err)
{
    for (uint32_t group = 0; group < call->records; group++)
        if (call->groups[group] == call->groups[group + 1])
            return eg_fail(err, EG_E_INPUT, "group %u has nothing to choose from", group + 1);
    eg_result *run;
    EG_TRY(eg_task_run_heads(call, &run, err));
    eg_status status = add_groups(call, run, err);
    eg_result_free(run);
    return status;
}

const eg_task_kind eg_task_choose = {
    .name = "choose",
    .head_tasks = {"choose"},
    .flags = EG_TASK_PAIRS | EG_TASK_GROUPS,
    .run = choose,
};
