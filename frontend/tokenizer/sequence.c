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

static bool
keeps(const void *state, const char *text, size_t length)
{
    const eg_part_list *list = state;
    for (size_t i = 0; i < list->count; i++) {
        const eg_part_type *type = list->parts[i].type;
        if (type && !(type->keeps && type->keeps(list->parts[i].state, text, length)))
            return false;
    }
    return true;
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

static bool
fuse(const void *state, eg_fused *out)
{
    const eg_part_list *list = state;
    for (size_t i = 0; i < list->count; i++) {
        const eg_part_type *type = list->parts[i].type;
        if (type && !(type->fuse && type->fuse(list->parts[i].state, out)))
            return false;
    }
    return true;
}

const eg_part_type eg_normalizer_sequence = {
    .name = "Sequence", .load = load_normalizers, .normalize = normalize, .keeps = keeps};
const eg_part_type eg_pretokenizer_sequence = {
    .name = "Sequence", .load = load_pretokenizers, .split = split, .fuse = fuse};
