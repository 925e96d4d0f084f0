/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/result.h"

#include <string.h>

void
eg_result_free(eg_result *result)
{
    if (!result)
        return;
    for (uint32_t i = 0; i < result->output_count; i++)
        eg_free(result->outputs[i].data);
    eg_free(result->lists.items);
    eg_free(result->list_ends.items);
    for (uint32_t i = 0; i < result->arena_count; i++)
        eg_arena_finish(&result->arenas[i]);
    eg_free(result->arenas);
    if (result->bank)
        eg_bank_give(result->bank, result->blocks);
    eg_bank_release(result->bank);
    eg_arena_finish(&result->arena);
    eg_free(result);
}

uint32_t
eg_result_texts(const eg_result *result)
{
    return result->texts;
}

uint32_t
eg_result_outputs(const eg_result *result)
{
    return result->output_count;
}

const int64_t *
eg_result_cu_seqlens(const eg_result *result)
{
    return result->cu_seqlens;
}

const int64_t *
eg_result_ids(const eg_result *result)
{
    return result->ids;
}

const int64_t *
eg_result_type_ids(const eg_result *result)
{
    return result->type_ids;
}

eg_status
eg_give_view(void *to, const void *from, size_t from_size)
{
    uint32_t size;
    memcpy(&size, to, sizeof size);
    if (size < sizeof size)
        return EG_E_USAGE;
    memcpy(to, from, size < from_size ? size : from_size);
    memcpy(to, &size, sizeof size);
    return EG_OK;
}

eg_status
eg_result_tensor(const eg_result *result, uint32_t i, eg_tensor_view *out)
{
    if (i >= result->output_count)
        return EG_E_USAGE;
    const eg_result_output *output = &result->outputs[i];
    eg_tensor_view view = {.size = sizeof view, .dtype = output->dtype, .kind = output->kind, .name = output->name};
    if (output->kind != EG_PAIR) {
        uint32_t axis = 0;
        if (output->stacked)
            view.dims[axis++] = output->layers;
        for (uint32_t k = 0; k < output->rank; k++)
            view.dims[axis++] = output->dims[k];
        view.rank = axis;
        view.data = output->data;
    }
    return eg_give_view(out, &view, sizeof view);
}

eg_status
eg_result_pair(const eg_result *result, uint32_t i, uint32_t text, eg_tensor_view *out)
{
    if (i >= result->output_count || text >= result->texts || result->outputs[i].kind != EG_PAIR)
        return EG_E_USAGE;
    const eg_result_output *output = &result->outputs[i];
    eg_tensor_view view = {.size = sizeof view, .dtype = output->dtype, .kind = output->kind, .name = output->name};
    int64_t n = result->cu_seqlens[text + 1] - result->cu_seqlens[text];
    uint32_t axis = 0;
    if (output->stacked)
        view.dims[axis++] = output->layers;
    view.dims[axis++] = output->dims[0];
    view.dims[axis++] = n;
    view.dims[axis++] = n;
    view.rank = axis;
    view.data = (const float *)output->data + output->offsets[text];
    return eg_give_view(out, &view, sizeof view);
}

eg_status
eg_result_tokens(const eg_result *result, uint32_t text, eg_tokens_view *out)
{
    if (!result->tokens || text >= result->texts)
        return EG_E_USAGE;
    return eg_give_view(out, &result->tokens[text], sizeof *out);
}
