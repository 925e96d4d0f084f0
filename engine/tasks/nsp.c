/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the second text of a pair follows the first: index 0 says that it does. */
#include "engine/tasks/task.h"

enum { SIDES = 2 };

static eg_status
add_texts(eg_task_call *call, const eg_result *run, eg_error *err)
{
    for (uint32_t text = 0; text < call->records; text++) {
        const float *logits;
        double scores[SIDES];
        eg_item *items;
        EG_TRY(eg_task_logits_of(call, run, 0, text, SIDES, &logits, err));
        EG_TRY(eg_task_add_record(call, err));
        EG_TRY(eg_task_new_items(call, SIDES, &items, err));
        eg_softmax(logits, SIDES, scores);
        for (size_t i = 0; i < SIDES; i++) {
            items[i].score = scores[i];
            items[i].index = (int64_t)i;
        }
        EG_TRY(eg_task_add_list(call, call->heads[0].name, items, SIDES, logits, SIDES, err));
    }
    return EG_OK;
}

static eg_status
nsp(eg_task_call *call, eg_error *err)
{
    eg_result *run;
    EG_TRY(eg_task_run_heads(call, &run, err));
    eg_status status = add_texts(call, run, err);
    eg_result_free(run);
    return status;
}

const eg_task_kind eg_task_nsp = {
    .name = "nsp",
    .head_tasks = {"nsp"},
    .flags = EG_TASK_PAIRS,
    .run = nsp,
};
