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

/* Which of some words the member is; a missing one is the first. */
static eg_status
read_choice(eg_loading *in, const eg_json *object, const char *key, const char *const words[3], int *out, eg_error *err)
{
    const eg_json *value = eg_json_get(object, key);
    *out = 0;
    if (!value)
        return EG_OK;
    if (value->type != EG_JSON_STRING)
        return eg_json_wrong_type(value, in->file, "a string", err);
    for (; *out < 3 && words[*out]; ++*out)
        if (strcmp(value->string, words[*out]) == 0)
            return EG_OK;
    return eg_hint(err, eg_fail_json(in, value, err, "unknown %s '%.64s'", key, value->string), "%s, %s%s%s", words[0],
                   words[1], words[2] ? ", " : "", words[2] ? words[2] : "");
}

static const char *const directions[3] = {"Right", "Left"};

static eg_status
read_truncation(eg_loading *in, const eg_json *block, eg_error *err)
{
    static const char *const strategies[3] = {"LongestFirst", "OnlyFirst", "OnlySecond"};
    int64_t max_length = -1, stride = 0;
    int strategy, direction;
    EG_TRY(eg_read_int(in, block, "max_length", 0, INT64_MAX, &max_length, err));
    EG_TRY(eg_read_int(in, block, "stride", 0, INT64_MAX, &stride, err));
    EG_TRY(read_choice(in, block, "strategy", strategies, &strategy, err));
    EG_TRY(read_choice(in, block, "direction", directions, &direction, err));
    in->tokenizer->info.truncate_left = direction == 1;
    if (stride == 0 || stride < max_length)
        return EG_OK;
    return eg_hint(err,
                   eg_fail_json(in, eg_json_get(block, "stride"), err, "a stride of %lld in windows of %lld tokens",
                                (long long)stride, (long long)max_length),
                   "stride is smaller than max_length");
}

static eg_status
read_padding(eg_loading *in, const eg_json *block, eg_error *err)
{
    int64_t pad_id = 0;
    int direction;
    EG_TRY(eg_read_int(in, block, "pad_id", 0, INT32_MAX, &pad_id, err));
    EG_TRY(read_choice(in, block, "direction", directions, &direction, err));
    in->tokenizer->info.pad_left = direction == 1;
    return EG_OK;
}

/*
 * The truncation and padding of the day the file was saved. As in transformers their sides hold where
 * tokenizer_config.json says none; nothing else of them is used, but what contradicts itself is refused.
 */
static eg_status
read_saved_state(eg_loading *in, const eg_json *root, eg_error *err)
{
    const eg_json *truncation, *padding;
    EG_TRY(check_block(in, root, "truncation", &truncation, err));
    EG_TRY(check_block(in, root, "padding", &padding, err));
    if (truncation)
        EG_TRY(read_truncation(in, truncation, err));
    return padding ? read_padding(in, padding, err) : EG_OK;
}

static eg_status
check_version(eg_loading *in, const eg_json *root, eg_error *err)
{
    const eg_json *version = eg_json_get(root, "version");
    if (!version || (version->type == EG_JSON_STRING && strcmp(version->string, "1.0") == 0))
        return EG_OK;
    return eg_hint(err, eg_fail_json(in, version, err, "a tokenizer.json of an unknown version"), "it is \"1.0\"");
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
    EG_TRY(check_version(&in, root, err));
    EG_TRY(read_saved_state(&in, root, err));
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
