/* SPDX-License-Identifier: Apache-2.0 */
/* eg_run() and eg_embed(): texts become token lists, lists become packed batches, batches become results. */
#include "engine/batch.h"

#include <stdio.h>
#include <string.h>

#include "engine/deliver.h"
#include "engine/pack.h"

eg_part
eg_batch_next_part(const eg_model *model, const eg_token_list *list, uint32_t first, uint32_t most_texts)
{
    eg_part part = {first, 0};
    uint64_t tokens = 0, longest = 0;
    for (uint32_t text = first; text < list->count && part.count < most_texts; text++) {
        uint64_t n = eg_text_length(list, text);
        longest = n > longest ? n : longest;
        tokens = model->padded ? longest * (part.count + 1u) : tokens + n;
        if (part.count && tokens > model->batch_tokens)
            break;
        part.count++;
    }
    return part;
}

/* --- running ------------------------------------------------------------------------------------- */

typedef struct run_job {
    const eg_token_list *list;
    const char *const *outputs;
    uint32_t output_count;
    const char *fuse; /* NULL: the context's */
    const eg_variant *variant;
    eg_result *result;
    float *vectors; /* instead of the result's own memory for its one output: eg_embed */
    uint32_t most_texts;
} run_job;

/* eg_embed() has no result to hand out: the one output's memory is the caller's. */
static eg_status
prepare_vectors(const eg_model *model, const eg_plan *plan, run_job *job, eg_error *err)
{
    const eg_type *type = &eg_graph_value(&plan->built.graph, eg_plan_output_value(plan, plan->outputs, 0))->type;
    int64_t width;
    if (type->kind != EG_TEXT || type->dtype != EG_F32 || !eg_type_width(type, &width) ||
        width != (int64_t)model->embedding_size)
        return eg_fail(err, EG_E_INTERNAL, "the embedding is not one row of %u numbers", model->embedding_size);
    eg_result_output *output = eg_arena_calloc(&job->result->arena, 1, sizeof *output);
    if (!output)
        return eg_fail_nomem(err, "a result");
    *output = (eg_result_output){.name = "embedding",
                                 .dtype = EG_F32,
                                 .kind = EG_TEXT,
                                 .layers = 1,
                                 .rank = 2,
                                 .row_elements = width,
                                 .data = job->vectors};
    job->result->outputs = output;
    return EG_OK;
}

static eg_status
prepare_result(const eg_model *model, const eg_plan *plan, run_job *job, eg_error *err)
{
    if (job->result->outputs)
        return EG_OK;
    return job->vectors ? prepare_vectors(model, plan, job, err) : eg_result_prepare(job->result, plan, job->list, err);
}

/* A backend counts the texts of its batch, from 0: "text 3 has no …". The caller's numbers begin with 1. */
static eg_status
name_text(const eg_token_list *list, const eg_part *part, eg_status status, eg_error *err)
{
    unsigned text;
    int prefix = 0;
    if (status != EG_E_INPUT || !err || sscanf(err->message, "text %u%n", &text, &prefix) != 1 || text >= part->count)
        return status;
    const eg_error inner = *err;
    return eg_fail(err, status, "text %u%s", eg_token_list_text(list, part->first + text) + 1, inner.message + prefix);
}

static eg_status
run_part(eg_context *context, run_job *job, const eg_part *part, eg_batch_memory *memory, bool *out_too_large,
         eg_error *err)
{
    eg_model *model = context->model;
    EG_TRY(eg_batch_fill(model, job->list, part, memory, err));
    const eg_batch *batch = &memory->batch;
    eg_plan_request request = {
        .outputs = job->outputs,
        .output_count = job->output_count,
        .type_ids_fed = job->list->type_ids_fed,
        .bound = {.B = part->count, .max_n = batch->set.max_n, .T = batch->set.T, .P = batch->set.P},
        .fuse = job->fuse ? job->fuse : context->fuse,
        .variant = job->variant,
    };
    eg_executable *executable;
    EG_TRY(eg_plan_cache_get(model, &request, &executable, out_too_large, err));
    eg_status status = prepare_result(model, &executable->plan, job, err);
    if (status == EG_OK)
        status = name_text(job->list, part, eg_run_batch(context, executable, batch, err), err);
    if (status == EG_OK)
        status = eg_deliver(context, executable, batch, job->list, part, job->result, err);
    eg_plan_cache_put(model, executable);
    return status;
}

/* Part after part; one that does not fit into the memory allowed is halved. Shorter texts may follow one, so that the
 * next part may be larger again. */
static eg_status
run_parts(eg_context *context, const eg_input *input, run_job *job, eg_batch_memory *memory, eg_error *err)
{
    uint32_t done = 0;
    while (done < job->list->count) {
        eg_part part = eg_batch_next_part(context->model, job->list, done, job->most_texts);
        bool too_large = false;
        eg_status status = run_part(context, job, &part, memory, &too_large, err);
        if (too_large && part.count > 1) {
            job->most_texts = part.count / 2;
            continue;
        }
        EG_TRY(status);
        if (part.count == job->most_texts)
            job->most_texts = part.count <= UINT32_MAX / 2 ? 2 * part.count : UINT32_MAX;
        done += part.count;
        if (input->progress)
            input->progress(input->progress_user, done, job->list->count, (uint64_t)job->list->cu[done]);
    }
    return EG_OK;
}

static eg_status
run_all(eg_context *context, const eg_input *input, run_job *job, eg_error *err)
{
    job->most_texts = UINT32_MAX;
    eg_batch_memory memory = {0};
    eg_status status = run_parts(context, input, job, &memory, err);
    eg_batch_memory_finish(&memory);
    if (status == EG_OK && err)
        eg_error_init(err); /* what a part that was halved left there */
    return status;
}

/* --- the API ------------------------------------------------------------------------------------- */

eg_status
eg_embed(eg_context *context, const eg_input *input, float *out, eg_error *err)
{
    static const char *const outputs[] = {"embedding"};
    EG_TRY(eg_engine_check(context->model->engine, err));
    eg_context_uncancel(context);
    eg_input taken;
    eg_token_list list;
    eg_result result = {0};
    eg_status status = eg_input_take(context->model, input, EG_INPUT_PREPARED, &taken, &list, err);
    if (status == EG_OK) {
        run_job job = {.list = &list, .outputs = outputs, .output_count = 1, .result = &result, .vectors = out};
        eg_model_say_embedding(context->model);
        status = run_all(context, &taken, &job, err);
    }
    eg_arena_finish(&result.arena);
    eg_token_list_finish(&list);
    return status;
}

/* The tokens that were run, for the caller. */
static eg_status
keep_tokens(eg_result *result, const eg_token_list *list, eg_error *err)
{
    size_t tokens = (size_t)list->cu[list->count];
    result->texts = list->count;
    result->cu_seqlens = eg_arena_calloc(&result->arena, (size_t)list->count + 1, sizeof *result->cu_seqlens);
    result->ids = eg_arena_calloc(&result->arena, tokens, sizeof *result->ids);
    result->type_ids = eg_arena_calloc(&result->arena, tokens, sizeof *result->type_ids);
    if (!result->cu_seqlens || !result->ids || !result->type_ids)
        return eg_fail_nomem(err, "a result");
    memcpy(result->cu_seqlens, list->cu, ((size_t)list->count + 1) * sizeof *list->cu);
    for (size_t i = 0; i < tokens; i++) {
        result->ids[i] = list->ids[i];
        result->type_ids[i] = list->type_ids[i];
    }
    return EG_OK;
}

eg_status
eg_run_tokens(eg_context *context, const eg_input *input, const eg_token_list *list, const eg_run_request *request,
              eg_result **out, eg_error *err)
{
    *out = NULL;
    eg_result *result = eg_calloc(1, sizeof *result);
    if (!result)
        return eg_fail_nomem(err, "a result");
    result->non_finite_too = request->non_finite_too;
    eg_status status = keep_tokens(result, list, err);
    if (status == EG_OK) {
        run_job job = {.list = list,
                       .outputs = request->outputs,
                       .output_count = request->output_count,
                       .fuse = request->fuse,
                       .variant = request->variant,
                       .result = result};
        status = run_all(context, input, &job, err);
    }
    if (status != EG_OK) {
        eg_result_free(result);
        return status;
    }
    *out = result;
    return EG_OK;
}

eg_status
eg_run(eg_context *context, const eg_input *input, const char *const *outputs, uint32_t output_count, eg_result **out,
       eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_engine_check(context->model->engine, err));
    if (!outputs || output_count == 0)
        return eg_fail(err, EG_E_USAGE, "no outputs are asked for");
    eg_context_uncancel(context);
    eg_input taken;
    eg_token_list list;
    const eg_run_request request = {.outputs = outputs, .output_count = output_count};
    eg_status status = eg_input_take(context->model, input, 0, &taken, &list, err);
    if (status == EG_OK)
        status = eg_run_tokens(context, &taken, &list, &request, out, err);
    eg_token_list_finish(&list);
    return status;
}
