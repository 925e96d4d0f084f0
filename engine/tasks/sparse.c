/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of vocabulary entries (SPLADE): what is not zero of a head's one row per text. */
#include <inttypes.h>

#include "engine/tasks/task.h"

static size_t
count_weights(const eg_task_rows *row)
{
    size_t count = 0;
    for (size_t i = 0; i < row->width; i++)
        count += row->data[i] != 0.0f;
    return count;
}

static eg_status
name_tokens(eg_task_call *call, eg_item *items, size_t n, eg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *token = eg_tokenizer_token(call->model->tokenizer, items[i].index, &length);
        if (token)
            EG_TRY(eg_task_keep(call, (eg_string){token, length}, &items[i].label, err));
    }
    return EG_OK;
}

static eg_status
add_text(eg_task_call *call, const eg_task_rows *row, eg_error *err)
{
    eg_item *items;
    size_t n = 0;
    EG_TRY(eg_task_add_record(call, err));
    EG_TRY(eg_task_new_items(call, count_weights(row), &items, err));
    for (size_t i = 0; i < row->width; i++)
        if (row->data[i] != 0.0f) {
            items[n].score = (double)row->data[i];
            items[n++].index = (int64_t)i;
        }
    eg_task_sort(items, n);
    size_t kept = eg_task_top(call, n);
    EG_TRY(name_tokens(call, items, kept, err));
    return eg_task_add_list(call, call->heads[0].name, items, kept, NULL, 0, err);
}

static eg_status
take(void *user, const eg_result *run, uint32_t first, eg_error *err)
{
    (void)first;
    for (uint32_t text = 0; text < run->texts; text++) {
        eg_task_rows row;
        EG_TRY(eg_task_rows_of(user, run, 0, text, EG_TEXT, &row, err));
        EG_TRY(add_text(user, &row, err));
    }
    return EG_OK;
}

static eg_status
sparse(eg_task_call *call, eg_error *err)
{
    const char *const *outputs;
    eg_input taken;
    eg_token_list list;
    EG_TRY(eg_model_need_tokenizer(call->model, err));
    EG_TRY(eg_task_outputs(call, &outputs, err));
    eg_status status = eg_input_take(call->model, &call->input, EG_INPUT_PREPARED, &taken, &list, err);
    if (status == EG_OK)
        status = eg_task_run(call, &list, outputs, 1, eg_task_most_texts(&list, call->model->info.vocab_size), take,
                             call, err);
    eg_token_list_finish(&list);
    return status;
}

const eg_task_kind eg_task_sparse = {
    .name = "sparse",
    .head_tasks = {"sparse"},
    .run = sparse,
};
