/* SPDX-License-Identifier: Apache-2.0 */
/* Texts through the model, and what it gave for each of them. */
#include <inttypes.h>

#include "engine/tasks/task.h"

/* --- part after part ----------------------------------------------------------------------------- */

/* Some texts of a list, as a list of their own that shares its tokens. */
typedef struct part_list {
    const eg_input *input; /* the caller's, whose progress is told */
    const eg_token_list *whole;
    eg_token_list part;
} part_list;

static void
cut_part(part_list *p, const eg_part *part)
{
    const eg_token_list *whole = p->whole;
    int64_t begin = whole->cu[part->first];
    p->part.count = part->count;
    p->part.first = whole->first + part->first;
    p->part.ids = whole->ids + begin;
    p->part.type_ids = whole->type_ids + begin;
    p->part.texts = whole->texts ? whole->texts + part->first : NULL;
    p->part.skip = whole->skip ? whole->skip + part->first : NULL;
    p->part.type_ids_fed = whole->type_ids_fed;
    for (uint32_t i = 0; i <= part->count; i++)
        p->part.cu[i] = whole->cu[part->first + i] - begin;
}

static void
on_part(void *user, uint32_t texts_done, uint32_t texts, uint64_t tokens_done)
{
    (void)texts;
    const part_list *p = user;
    uint32_t first = p->part.first - p->whole->first;
    p->input->progress(p->input->progress_user, first + texts_done, p->whole->count,
                       (uint64_t)p->whole->cu[first] + tokens_done);
}

static eg_status
run_parts(eg_task_call *call, part_list *p, const eg_run_request *request, uint32_t most_texts, eg_task_take take,
          void *user, eg_error *err)
{
    const eg_input told = {.size = sizeof told, .progress = call->input.progress ? on_part : NULL, .progress_user = p};
    for (uint32_t done = 0; done < p->whole->count;) {
        eg_part part = eg_batch_next_part(call->model, p->whole, done, most_texts);
        cut_part(p, &part);
        eg_result *run;
        EG_TRY(eg_run_tokens(call->context, &told, &p->part, request, &run, err));
        eg_status status = take(user, run, done, err);
        eg_result_free(run);
        EG_TRY(status);
        done += part.count;
    }
    return EG_OK;
}

eg_status
eg_task_run(eg_task_call *call, const eg_token_list *list, const char *const *outputs, uint32_t output_count,
            uint32_t most_texts, eg_task_take take, void *user, eg_error *err)
{
    const eg_run_request request = {.outputs = outputs, .output_count = output_count};
    part_list p = {.input = &call->input, .whole = list};
    p.part.cu = eg_calloc((size_t)list->count + 1, sizeof *p.part.cu);
    if (!p.part.cu)
        return eg_fail_nomem(err, "token ids");
    eg_status status = run_parts(call, &p, &request, most_texts ? most_texts : UINT32_MAX, take, user, err);
    eg_free(p.part.cu);
    return status;
}

uint32_t
eg_task_most_texts(const eg_token_list *list, int64_t width)
{
    const int64_t most_numbers = 1 << 24;
    int64_t longest = 1;
    for (uint32_t i = 0; i < list->count; i++) {
        int64_t n = list->cu[i + 1] - list->cu[i];
        longest = n > longest ? n : longest;
    }
    int64_t tokens = most_numbers / (width > 0 ? width : 1);
    return tokens > longest ? (uint32_t)(tokens / longest) : 1;
}

/* --- all at once --------------------------------------------------------------------------------- */

eg_status
eg_task_run_heads(eg_task_call *call, eg_result **out, eg_error *err)
{
    eg_run_request request = {.output_count = call->head_count};
    eg_input taken;
    eg_token_list list;
    *out = NULL;
    EG_TRY(eg_task_outputs(call, &request.outputs, err));
    eg_status status = eg_input_take(call->model, &call->input, 0, &taken, &list, err);
    if (status == EG_OK)
        status = eg_run_tokens(call->context, &taken, &list, &request, out, err);
    eg_token_list_finish(&list);
    return status;
}

/* --- tokens -------------------------------------------------------------------------------------- */

eg_status
eg_task_encode(const eg_task_call *call, uint32_t i, eg_encoding *out, eg_error *err)
{
    const eg_input *input = &call->input;
    eg_string pair = input->pairs ? input->pairs[i] : (eg_string){NULL, 0};
    eg_encode_options options = {.max_length = call->model->limit == UINT32_MAX ? 0 : call->model->limit};
    return eg_tokenizer_encode(call->model->tokenizer, input->texts[i].data, input->texts[i].length, pair.data,
                               pair.length, &options, out, err);
}

/* --- what was given ------------------------------------------------------------------------------ */

eg_status
eg_task_rows_of(const eg_task_call *call, const eg_result *run, uint32_t i, uint32_t text, eg_kind kind,
                eg_task_rows *out, eg_error *err)
{
    const eg_result_output *output = &run->outputs[i];
    if (output->kind != kind || output->stacked || output->dtype != EG_F32)
        return eg_fail(err, EG_E_INTERNAL, "'%s' does not fit %s", output->name, call->kind->name);
    size_t first = kind == EG_TOKEN ? (size_t)run->cu_seqlens[text] : text;
    size_t end = kind == EG_TOKEN ? (size_t)run->cu_seqlens[text + 1] : text + 1;
    out->width = (size_t)output->row_elements;
    out->rows = end - first;
    out->data = (const float *)output->data + first * out->width;
    return EG_OK;
}

eg_status
eg_task_logits_of(const eg_task_call *call, const eg_result *run, uint32_t i, uint32_t text, size_t width,
                  const float **out, eg_error *err)
{
    eg_task_rows rows;
    EG_TRY(eg_task_rows_of(call, run, i, text, EG_TEXT, &rows, err));
    if (rows.width != width)
        return eg_fail(err, EG_E_INTERNAL, "'%s' has %zu numbers per text; %s takes %zu", run->outputs[i].name,
                       rows.width, call->kind->name, width);
    *out = rows.data;
    return EG_OK;
}
