/* SPDX-License-Identifier: Apache-2.0 */
/* Sequence: components one after another. */
#include "frontend/tokenizer/parts.h"

static eg_status
load_normalizers(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    return eg_part_load_list(in, EG_PART_NORMALIZER, spec, "normalizers", out_state, err);
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    const eg_part_list *list = state;
    for (size_t i = 0; i < list->count; i++)
        if (list->parts[i].type)
            EG_TRY(list->parts[i].type->normalize(list->parts[i].state, work, err));
    return EG_OK;
}

static eg_status
load_pretokenizers(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    return eg_part_load_list(in, EG_PART_PRETOKENIZER, spec, "pretokenizers", out_state, err);
}

static eg_status
split(const void *state, eg_work *work, eg_error *err)
{
    const eg_part_list *list = state;
    for (size_t i = 0; i < list->count; i++)
        if (list->parts[i].type)
            EG_TRY(list->parts[i].type->split(list->parts[i].state, work, err));
    return EG_OK;
}

const eg_part_type eg_normalizer_sequence = {.name = "Sequence", .load = load_normalizers, .normalize = normalize};
const eg_part_type eg_pretokenizer_sequence = {.name = "Sequence", .load = load_pretokenizers, .split = split};
