/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json as it stands. */
#include <string.h>

#include "frontend/tokenizer/parts.h"

static eg_status
check_block(eg_loading *in, const eg_json *root, const char *key, const eg_json **out, eg_error *err)
{
    const eg_json *block = eg_json_get(root, key);
    *out = NULL;
    if (!block || block->type == EG_JSON_NULL)
        return EG_OK;
    if (block->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(block, in->file, "an object or null", err);
    *out = block;
    return EG_OK;
}

/* The truncation and padding of the day the file was saved: not used, but a file that contradicts itself is refused. */
static eg_status
check_saved_state(eg_loading *in, const eg_json *root, eg_error *err)
{
    const eg_json *truncation, *padding;
    int64_t max_length = -1, stride = 0, pad_id = 0;
    EG_TRY(check_block(in, root, "truncation", &truncation, err));
    EG_TRY(check_block(in, root, "padding", &padding, err));
    if (truncation) {
        EG_TRY(eg_read_int(in, truncation, "max_length", 0, INT64_MAX, &max_length, err));
        EG_TRY(eg_read_int(in, truncation, "stride", 0, INT64_MAX, &stride, err));
        if (stride > 0 && stride >= max_length)
            return eg_hint(err,
                           eg_fail_json(in, eg_json_get(truncation, "stride"), err,
                                        "a stride of %lld in windows of %lld tokens", (long long)stride,
                                        (long long)max_length),
                           "stride is smaller than max_length");
    }
    return padding ? eg_read_int(in, padding, "pad_id", 0, INT32_MAX, &pad_id, err) : EG_OK;
}

/* Room in the vocabulary for the added tokens, which come after the model in time. */
static eg_status
find_added(eg_loading *in, const eg_json *root, const eg_json **out, eg_error *err)
{
    static const eg_json none = {.type = EG_JSON_ARRAY};
    const eg_json *list = eg_json_get(root, "added_tokens");
    *out = &none;
    if (!list || list->type == EG_JSON_NULL)
        return EG_OK;
    if (list->type != EG_JSON_ARRAY)
        return eg_json_wrong_type(list, in->file, "an array", err);
    for (size_t i = 0; i < list->count; i++) {
        const eg_json *content = eg_json_get(&list->items[i], "content");
        if (content && content->type == EG_JSON_STRING)
            in->extra_bytes += content->length;
    }
    in->extra_ids = list->count;
    *out = list;
    return EG_OK;
}

eg_status
eg_tokenizer_load_json(eg_tokenizer *tokenizer, const eg_json *root, const char *file, eg_error *err)
{
    eg_loading in = {.file = file, .tokenizer = tokenizer, .arena = &tokenizer->arena};
    const eg_json *added, *model;
    if (root->type != EG_JSON_OBJECT)
        return eg_json_wrong_type(root, file, "an object", err);
    EG_TRY(check_saved_state(&in, root, err));
    EG_TRY(find_added(&in, root, &added, err));
    EG_TRY(eg_read_member(&in, root, "model", EG_JSON_OBJECT, &model, err));
    EG_TRY(eg_model_load(&in, model, err));
    in.entries = tokenizer->vocab.count;
    EG_TRY(eg_added_tokens_reserve(&in, err));
    EG_TRY(eg_added_tokens_load(&in, added, err));
    EG_TRY(eg_part_load(&in, EG_PART_NORMALIZER, eg_json_get(root, "normalizer"), &tokenizer->normalizer, err));
    EG_TRY(eg_part_load(&in, EG_PART_PRETOKENIZER, eg_json_get(root, "pre_tokenizer"), &tokenizer->pretokenizer, err));
    EG_TRY(eg_part_load(&in, EG_PART_DECODER, eg_json_get(root, "decoder"), &tokenizer->decoder, err));
    EG_TRY(eg_post_processor_load(&in, eg_json_get(root, "post_processor"), err));
    EG_TRY(eg_added_tokens_index(tokenizer, err));
    eg_bert_fast_new(tokenizer);
    tokenizer->info.source = "tokenizer.json";
    tokenizer->info.model = tokenizer->model_type->name;
    return EG_OK;
}
