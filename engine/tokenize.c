/* SPDX-License-Identifier: Apache-2.0 */
/* eg_tokenize() and eg_decode(). Texts are tokenised by all workers; padding comes when all lengths are known. */
#include <string.h>

#include "base/checked.h"
#include "engine/encoders.h"
#include "engine/result.h"

static eg_status
read_options(const eg_tokenize_options *options, eg_encode_options *out, eg_error *err)
{
    static const char *const names[] = {"longest_first", "only_first", "only_second"};
    static const eg_truncation values[] = {EG_TRUNCATE_LONGEST_FIRST, EG_TRUNCATE_ONLY_FIRST, EG_TRUNCATE_ONLY_SECOND};
    *out = (eg_encode_options){
        .max_length = options->max_length, .no_special = options->no_special, .ids_only = options->ids_only};
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

/* Where what a result has is kept. */
typedef struct storage {
    eg_arena *arena;
    eg_bank *bank; /* of large things; NULL: they go into the arena too */
    eg_bank_block **blocks;
} storage;

static void *
store(const storage *to, size_t size)
{
    if (!to->bank || size < EG_BANK_LEAST)
        return eg_arena_alloc(to->arena, size);
    eg_bank_block *block = eg_bank_take(to->bank, size);
    if (!block)
        return NULL;
    block->next = *to->blocks;
    *to->blocks = block;
    return block->bytes;
}

typedef struct token_arrays {
    int64_t *ids, *type_ids, *mask, *offsets;
    const char **tokens; /* offsets, tokens: NULL where there are none */
} token_arrays;

/* Not cleared. */
static bool
new_arrays(const storage *to, size_t n, bool offsets, bool tokens, token_arrays *out)
{
    enum { NUMBERS = 3 };
    size_t size;
    if (!eg_mul_size(n, NUMBERS * sizeof *out->ids, &size))
        return false;
    *out = (token_arrays){.ids = store(to, size)};
    if (!out->ids)
        return false;
    out->type_ids = out->ids + n;
    out->mask = out->type_ids + n;
    if (offsets)
        out->offsets = store(to, n * 2 * sizeof *out->offsets); /* less than the numbers above */
    if (tokens)
        out->tokens = store(to, n * sizeof *out->tokens);
    return (out->offsets || !offsets) && (out->tokens || !tokens);
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

/* Copies of the entries of the ids, which may outlive the tokenizer, one after another. */
static bool
keep_texts(const eg_model *model, const int64_t *ids, size_t count, const storage *to, const char **out)
{
    size_t size = 0, length;
    for (size_t i = 0; i < count; i++)
        size += eg_tokenizer_token(model->tokenizer, ids[i], &length) ? length + 1 : 1;
    char *at = store(to, size);
    if (!at)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *token = eg_tokenizer_token(model->tokenizer, ids[i], &length);
        length = token ? length : 0;
        memcpy(at, token ? token : "", length);
        at[length] = '\0';
        out[i] = at;
        at += length + 1;
    }
    return true;
}

static eg_status
keep_encoding(const eg_model *model, const eg_encoding *encoding, bool ids_only, const storage *to, eg_tokens_view *out,
              eg_error *err)
{
    token_arrays arrays;
    if (!new_arrays(to, encoding->count, !ids_only && !model->tokenizer_info.no_offsets, !ids_only, &arrays))
        return eg_fail_nomem(err, "tokens");
    for (size_t i = 0; i < encoding->count; i++) {
        arrays.ids[i] = encoding->ids[i];
        arrays.type_ids[i] = encoding->type_ids[i];
        arrays.mask[i] = 1;
    }
    for (size_t i = 0; i < encoding->count && arrays.offsets; i++) {
        arrays.offsets[2 * i] = encoding->starts[i];
        arrays.offsets[2 * i + 1] = encoding->ends[i];
    }
    if (arrays.tokens && !keep_texts(model, arrays.ids, encoding->count, to, arrays.tokens))
        return eg_fail_nomem(err, "tokens");
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
    const char *text = NULL;
    token_arrays arrays;
    const storage own = {.arena = &result->arena};
    if (!keep_texts(model, &id, 1, &own, &text) || !new_arrays(&own, to, view->offsets, view->tokens, &arrays))
        return eg_fail_nomem(err, "tokens");
    uint32_t begin = model->tokenizer_info.pad_left ? to - view->count : 0;
    for (uint32_t i = 0; i < to; i++) {
        arrays.ids[i] = id;
        arrays.type_ids[i] = arrays.mask[i] = 0;
    }
    if (arrays.offsets)
        memset(arrays.offsets, 0, to * 2 * sizeof *arrays.offsets);
    for (uint32_t i = 0; i < to && arrays.tokens; i++)
        arrays.tokens[i] = text;
    for (uint32_t i = 0; i < view->count; i++) {
        arrays.ids[begin + i] = view->ids[i];
        arrays.type_ids[begin + i] = view->type_ids[i];
        arrays.mask[begin + i] = 1;
        if (arrays.tokens)
            arrays.tokens[begin + i] = view->tokens[i];
    }
    if (arrays.offsets && view->count > 0)
        memcpy(arrays.offsets + 2 * (size_t)begin, view->offsets, view->count * 2 * sizeof *arrays.offsets);
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

typedef struct texts_job {
    const eg_model *model;
    const eg_input *input;
    eg_encode_options options;
    eg_tokens_view *out;
} texts_job;

static eg_status
tokenize_text(void *arg, uint32_t i, eg_encoder *encoder, eg_error *err)
{
    const texts_job *job = arg;
    const eg_string *text = &job->input->texts[i];
    const eg_string *pair = job->input->pairs && job->input->pairs[i].data ? &job->input->pairs[i] : NULL;
    eg_status status = eg_tokenizer_encode(job->model->tokenizer, text->data, text->length, pair ? pair->data : NULL,
                                           pair ? pair->length : 0, &job->options, &encoder->encoding, err);
    if (status == EG_E_INPUT || status == EG_E_USAGE) {
        eg_error inner = *err;
        eg_status again = eg_fail(err, status, "text %u: %s", i + 1, inner.message);
        return inner.hint[0] ? eg_hint(err, again, "%s", inner.hint) : again;
    }
    EG_TRY(status);
    const storage to = {&encoder->arena, job->model->encoders->bank, &encoder->blocks};
    return keep_encoding(job->model, &encoder->encoding, job->options.ids_only, &to, &job->out[i], err);
}

static void
take_blocks(eg_encoder *encoder, eg_bank *bank, eg_result *result)
{
    eg_bank_block **end = &encoder->blocks;
    if (!*end)
        return;
    while (*end)
        end = &(*end)->next;
    *end = result->blocks;
    result->blocks = encoder->blocks;
    encoder->blocks = NULL;
    if (!result->bank)
        result->bank = eg_bank_hold(bank);
}

/* The result takes what the workers have filled. */
static eg_status
take_arenas(eg_encoders *encoders, eg_result *result, eg_error *err)
{
    result->arenas = eg_calloc(encoders->count, sizeof *result->arenas);
    if (!result->arenas)
        return eg_fail_nomem(err, "tokens");
    result->arena_count = encoders->count;
    for (uint32_t i = 0; i < encoders->count; i++) {
        result->arenas[i] = encoders->items[i]->arena;
        encoders->items[i]->arena = (eg_arena){0};
        take_blocks(encoders->items[i], encoders->pool->bank, result);
    }
    return EG_OK;
}

static eg_status
tokenize(const eg_model *model, const eg_input *input, const eg_tokenize_options *options, eg_result *result,
         eg_error *err)
{
    texts_job job = {.model = model, .input = input};
    EG_TRY(read_options(options, &job.options, err));
    EG_TRY(eg_model_need_tokenizer(model, err));
    if (input->count && !input->texts)
        return eg_fail(err, EG_E_USAGE, "no texts to tokenise");
    result->texts = input->count;
    result->tokens = eg_arena_calloc(&result->arena, input->count, sizeof *result->tokens);
    result->cu_seqlens = eg_arena_calloc(&result->arena, (size_t)input->count + 1, sizeof *result->cu_seqlens);
    if (!result->tokens || !result->cu_seqlens)
        return eg_fail_nomem(err, "tokens");
    job.out = result->tokens;
    eg_encoders encoders;
    eg_status status = eg_encode_each(model, input->count, tokenize_text, &job, &encoders, err);
    if (status == EG_OK)
        status = take_arenas(&encoders, result, err);
    eg_encoders_finish(&encoders);
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
