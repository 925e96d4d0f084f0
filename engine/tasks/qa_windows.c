/* SPDX-License-Identifier: Apache-2.0 */
/* Questions with their contexts, as windows of tokens that know their place in the context. */
#include "engine/tasks/qa.h"

enum { DEFAULT_LENGTH = 384, DEFAULT_STRIDE = 128 };

static eg_status
keep_window(const eg_model *model, uint32_t record, const eg_encoding *encoding, eg_qa_windows *out, eg_error *err)
{
    const eg_qa_window window = {record, (uint32_t)encoding->pair_begin, (uint32_t)encoding->pair_count,
                                 out->places.count};
    EG_TRY(eg_token_list_add(model, record, encoding, &out->list, err));
    if (!EG_PUSH(&out->of, window))
        return eg_fail_nomem(err, "the windows of a context");
    for (size_t i = encoding->pair_begin; i < encoding->pair_begin + encoding->pair_count; i++) {
        const eg_qa_place place = {encoding->starts[i], encoding->ends[i], encoding->words[i]};
        if (!EG_PUSH(&out->places, place))
            return eg_fail_nomem(err, "the windows of a context");
    }
    return EG_OK;
}

static eg_status
read_pair(const eg_task_call *call, uint32_t record, eg_windows *windows, eg_encoding *encoding, eg_error *err)
{
    const eg_string *question = &call->input.texts[record], *context = &call->input.pairs[record];
    if (question->length == 0 || context->length == 0)
        return eg_fail(err, EG_E_INPUT, "text %u has an empty %s", record + 1,
                       question->length == 0 ? "question" : "context");
    eg_status status = eg_windows_begin(call->model->tokenizer, question->data, question->length, context->data,
                                        context->length, windows, encoding, err);
    if (status == EG_E_INPUT && err && !err->file[0]) {
        const eg_error inner = *err;
        status = eg_fail(err, status, "text %u: %s", record + 1, inner.message);
        return inner.hint[0] ? eg_hint(err, status, "%s", inner.hint) : status;
    }
    return status;
}

static eg_status
read_windows(const eg_task_call *call, eg_encoding *encoding, eg_qa_windows *out, eg_error *err)
{
    const eg_model *model = call->model;
    eg_windows windows = {.max_length = model->limit, .stride = call->options.stride};
    if (!model->max_length && windows.max_length > DEFAULT_LENGTH)
        windows.max_length = DEFAULT_LENGTH;
    if (!windows.stride)
        windows.stride = windows.max_length / 2 < DEFAULT_STRIDE ? windows.max_length / 2 : DEFAULT_STRIDE;
    EG_TRY(eg_token_list_begin(model, &out->list, err));
    for (uint32_t record = 0; record < call->records; record++) {
        EG_TRY(read_pair(call, record, &windows, encoding, err));
        for (uint32_t i = 0; i < windows.count; i++) {
            EG_TRY(eg_windows_take(model->tokenizer, &windows, i, encoding, err));
            EG_TRY(keep_window(model, record, encoding, out, err));
        }
    }
    return EG_OK;
}

eg_status
eg_qa_read_windows(const eg_task_call *call, eg_qa_windows *out, eg_error *err)
{
    eg_encoding encoding = {0};
    *out = (eg_qa_windows){0};
    EG_TRY(eg_model_need_tokenizer(call->model, err));
    eg_status status = read_windows(call, &encoding, out, err);
    eg_encoding_finish(&encoding);
    return status;
}

void
eg_qa_windows_finish(eg_qa_windows *windows)
{
    eg_token_list_finish(&windows->list);
    eg_free(windows->of.items);
    eg_free(windows->places.items);
}
