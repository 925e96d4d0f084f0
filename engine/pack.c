/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pack.h"

#include <string.h>

uint32_t
eg_text_length(const eg_token_list *list, uint32_t text)
{
    return (uint32_t)(list->cu[text + 1] - list->cu[text]);
}

void
eg_batch_memory_finish(eg_batch_memory *memory)
{
    eg_free(memory->rows);
    eg_free(memory->padded_ids);
    eg_free(memory->padded_type_ids);
}

static eg_status
fill_rows(const eg_model *model, const eg_token_list *list, const eg_part *part, eg_batch_memory *memory, eg_error *err)
{
    eg_row *rows = eg_realloc_array(memory->rows, part->count, sizeof *rows);
    if (!rows)
        return eg_fail_nomem(err, "a batch");
    memory->rows = rows;
    uint32_t longest = 0;
    for (uint32_t t = 0; t < part->count; t++) {
        uint32_t n = eg_text_length(list, part->first + t);
        longest = n > longest ? n : longest;
    }
    eg_row_set set = {.max_n = longest, .table = rows};
    for (uint32_t t = 0; t < part->count; t++) {
        uint32_t n = eg_text_length(list, part->first + t);
        uint32_t taken = model->padded ? longest : n;
        if (set.T > UINT32_MAX)
            return eg_fail(err, EG_E_INPUT, "a batch has more than %u rows", UINT32_MAX);
        rows[t] = (eg_row){
            .start = (uint32_t)set.T, .rows = taken, .valid = n, .skip = list->skip ? list->skip[part->first + t] : 0};
        set.T += taken;
        set.P += (uint64_t)taken * taken;
    }
    memory->batch.set = set;
    memory->batch.dims =
        (eg_dims){.size = sizeof(eg_dims), .B = part->count, .set_count = 1, .sets = &memory->batch.set};
    return EG_OK;
}

static int32_t
padding_id(const eg_model *model)
{
    int64_t id = model->tokenizer ? model->tokenizer_info.pad_id : -1;
    return id >= 0 && id < model->info.vocab_size ? (int32_t)id : 0;
}

static eg_status
fill_padded(const eg_model *model, const eg_token_list *list, const eg_part *part, eg_batch_memory *memory,
            eg_error *err)
{
    const eg_row_set *set = &memory->batch.set;
    int32_t *ids = eg_realloc_array(memory->padded_ids, set->T, sizeof *ids);
    if (ids)
        memory->padded_ids = ids;
    int32_t *types = eg_realloc_array(memory->padded_type_ids, set->T, sizeof *types);
    if (types)
        memory->padded_type_ids = types;
    if (!ids || !types)
        return eg_fail_nomem(err, "a batch");
    int32_t pad = padding_id(model);
    for (uint32_t t = 0; t < part->count; t++) {
        const eg_row *row = &set->table[t];
        size_t from = (size_t)list->cu[part->first + t];
        memcpy(ids + row->start, list->ids + from, row->valid * sizeof *ids);
        memcpy(types + row->start, list->type_ids + from, row->valid * sizeof *types);
        for (uint32_t i = row->valid; i < row->rows; i++) {
            ids[row->start + i] = pad;
            types[row->start + i] = 0;
        }
    }
    memory->batch.ids = ids;
    memory->batch.type_ids = types;
    return EG_OK;
}

eg_status
eg_batch_fill(const eg_model *model, const eg_token_list *list, const eg_part *part, eg_batch_memory *memory,
              eg_error *err)
{
    EG_TRY(fill_rows(model, list, part, memory, err));
    if (model->padded)
        return fill_padded(model, list, part, memory, err);
    /* Texts lie one after another already: nothing is copied. */
    memory->batch.ids = list->ids + list->cu[part->first];
    memory->batch.type_ids = list->type_ids + list->cu[part->first];
    return EG_OK;
}
