/* SPDX-License-Identifier: Apache-2.0 */
/* eg_tokenize() and eg_decode(). Texts are tokenised one by one; padding comes when all lengths are known. */
#include <string.h>

#include "engine/model.h"
#include "engine/result.h"

static eg_status
read_options(const eg_tokenize_options *options, eg_encode_options *out, eg_error *err)
{
    static const char *const names[] = {"longest_first", "only_first", "only_second"};
    static const eg_truncation values[] = {EG_TRUNCATE_LONGEST_FIRST, EG_TRUNCATE_ONLY_FIRST, EG_TRUNCATE_ONLY_SECOND};
    *out = (eg_encode_options){.max_length = options->max_length, .no_special = options->no_special};
    if (!options->truncation)
        return EG_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], options->truncation) == 0) {
            out->truncation = values[i];
            return EG_OK;
        }
    eg_status status = eg_fail(err, EG_E_USAGE, "unknown truncation '%s'", options->truncation);
    const char *near = eg_nearest(options->truncation, names, 3);
    return eg_hint(err, status, "%s", near ? near : "longest_first, only_first or only_second");
}

/* --- one text ------------------------------------------------------------------------------------ */

typedef struct token_arrays {
    int64_t *ids, *type_ids, *offsets, *mask;
    const char **tokens;
} token_arrays;

static bool
new_arrays(eg_arena *arena, size_t n, token_arrays *out)
{
    out->ids = eg_arena_calloc(arena, n, sizeof *out->ids);
    out->type_ids = eg_arena_calloc(arena, n, sizeof *out->type_ids);
    out->offsets = eg_arena_calloc(arena, n, 2 * sizeof *out->offsets);
    out->mask = eg_arena_calloc(arena, n, sizeof *out->mask);
    out->tokens = eg_arena_calloc(arena, n, sizeof *out->tokens);
    return out->ids && out->type_ids && out->offsets && out->mask && out->tokens;
}

static eg_tokens_view
view_of(const token_arrays *arrays, size_t n)
{
    return (eg_tokens_view){.size = sizeof(eg_tokens_view),
                            .count = (uint32_t)n,
                            .ids = arrays->ids,
                            .type_ids = arrays->type_ids,
                            .offsets = arrays->offsets,
                            .attention_mask = arrays->mask,
                            .tokens = arrays->tokens};
}

/* The entry of an id; the tokenizer's own strings need not be NUL-terminated. */
static const char *
token_text(const eg_model *model, eg_arena *arena, int64_t id)
{
    size_t length = 0;
    const char *token = eg_tokenizer_token(model->tokenizer, id, &length);
    return token ? eg_arena_strndup(arena, token, length) : "";
}

static eg_status
keep_encoding(const eg_model *model, const eg_encoding *encoding, eg_result *result, eg_tokens_view *out, eg_error *err)
{
    token_arrays arrays;
    if (!new_arrays(&result->arena, encoding->count, &arrays))
        return eg_fail_nomem(err, "tokens");
    for (size_t i = 0; i < encoding->count; i++) {
        arrays.ids[i] = encoding->ids[i];
        arrays.type_ids[i] = encoding->type_ids[i];
        arrays.offsets[2 * i] = encoding->starts[i];
        arrays.offsets[2 * i + 1] = encoding->ends[i];
        arrays.mask[i] = 1;
        arrays.tokens[i] = token_text(model, &result->arena, encoding->ids[i]);
        if (!arrays.tokens[i])
            return eg_fail_nomem(err, "tokens");
    }
    *out = view_of(&arrays, encoding->count);
    return EG_OK;
}

/* --- padding ------------------------------------------------------------------------------------- */

static eg_status
pad(const eg_model *model, eg_result *result, uint32_t to, eg_tokens_view *view, eg_error *err)
{
    if (view->count >= to)
        return EG_OK;
    int64_t id = model->tokenizer_info.pad_id >= 0 ? model->tokenizer_info.pad_id : 0;
    const char *text = token_text(model, &result->arena, id);
    token_arrays arrays;
    if (!text || !new_arrays(&result->arena, to, &arrays))
        return eg_fail_nomem(err, "tokens");
    uint32_t begin = model->tokenizer_info.pad_left ? to - view->count : 0;
    for (uint32_t i = 0; i < to; i++) {
        arrays.ids[i] = id;
        arrays.tokens[i] = text;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        arrays.ids[begin + i] = view->ids[i];
        arrays.type_ids[begin + i] = view->type_ids[i];
        arrays.offsets[2 * (begin + i)] = view->offsets[2 * i];
        arrays.offsets[2 * (begin + i) + 1] = view->offsets[2 * i + 1];
        arrays.mask[begin + i] = 1;
        arrays.tokens[begin + i] = view->tokens[i];
    }
    *view = view_of(&arrays, to);
    return EG_OK;
}

static eg_status
pad_all(const eg_model *model, eg_result *result, uint32_t to, eg_error *err)
{
    if (to == UINT32_MAX) {
        to = 0;
        for (uint32_t i = 0; i < result->texts; i++)
            if (result->tokens[i].count > to)
                to = result->tokens[i].count;
    }
    for (uint32_t i = 0; i < result->texts; i++)
        EG_TRY(pad(model, result, to, &result->tokens[i], err));
    return EG_OK;
}

/* --- the API ------------------------------------------------------------------------------------- */

static eg_status
tokenize_texts(const eg_model *model, const eg_input *input, const eg_encode_options *options, eg_encoding *encoding,
               eg_result *result, eg_error *err)
{
    result->texts = input->count;
    result->tokens = eg_arena_calloc(&result->arena, input->count, sizeof *result->tokens);
    result->cu_seqlens = eg_arena_calloc(&result->arena, (size_t)input->count + 1, sizeof *result->cu_seqlens);
    if (!result->tokens || !result->cu_seqlens)
        return eg_fail_nomem(err, "tokens");
    for (uint32_t i = 0; i < input->count; i++) {
        const eg_string *text = &input->texts[i];
        const eg_string *pair = input->pairs && input->pairs[i].data ? &input->pairs[i] : NULL;
        EG_TRY(eg_tokenizer_encode(model->tokenizer, text->data, text->length, pair ? pair->data : NULL,
                                   pair ? pair->length : 0, options, encoding, err));
        EG_TRY(keep_encoding(model, encoding, result, &result->tokens[i], err));
    }
    return EG_OK;
}

static eg_status
tokenize(const eg_model *model, const eg_input *input, const eg_tokenize_options *options, eg_result *result,
         eg_error *err)
{
    eg_encode_options encode;
    EG_TRY(read_options(options, &encode, err));
    EG_TRY(eg_model_need_tokenizer(model, err));
    if (input->count && !input->texts)
        return eg_fail(err, EG_E_USAGE, "no texts to tokenise");
    eg_encoding encoding = {0};
    eg_status status = tokenize_texts(model, input, &encode, &encoding, result, err);
    eg_encoding_finish(&encoding);
    EG_TRY(status);
    if (options->pad_to)
        EG_TRY(pad_all(model, result, options->pad_to, err));
    for (uint32_t i = 0; i < result->texts; i++)
        result->cu_seqlens[i + 1] = result->cu_seqlens[i] + result->tokens[i].count;
    return EG_OK;
}

eg_status
eg_tokenize(const eg_model *model, const eg_input *input, const eg_tokenize_options *options, eg_result **out,
            eg_error *err)
{
    *out = NULL;
    if (!input)
        return eg_fail(err, EG_E_USAGE, "no input");
    eg_input taken;
    eg_tokenize_options wanted;
    EG_TRY(eg_take_options(&taken, sizeof taken, input, "eg_input", err));
    EG_TRY(eg_take_options(&wanted, sizeof wanted, options, "eg_tokenize_options", err));
    eg_result *result = eg_calloc(1, sizeof *result);
    if (!result)
        return eg_fail_nomem(err, "tokens");
    eg_status status = tokenize(model, &taken, &wanted, result, err);
    if (status != EG_OK) {
        eg_result_free(result);
        return status;
    }
    *out = result;
    return EG_OK;
}

eg_status
eg_decode(const eg_model *model, const int64_t *ids, uint32_t count, uint32_t skip_special, char **out, eg_error *err)
{
    *out = NULL;
    EG_TRY(eg_model_need_tokenizer(model, err));
    eg_strbuf text = {0};
    eg_status status = eg_tokenizer_decode(model->tokenizer, ids, count, skip_special != 0, &text, err);
    if (status != EG_OK) {
        eg_strbuf_finish(&text);
        return status;
    }
    return eg_give_string(&text, out, err);
}
