/* SPDX-License-Identifier: Apache-2.0 */
/* WordPiece: the longest vocabulary entry from the left, again and again; one failure makes the word unknown. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

eg_status
eg_wordpiece_new(eg_loading *in, const char *unknown, size_t unknown_length, const char *prefix, size_t prefix_length,
                 size_t max_chars, const void **out_state, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    eg_wordpiece *model = eg_arena_calloc(in->arena, 1, sizeof *model);
    if (!model)
        return eg_fail_nomem(err, "a vocabulary");
    EG_TRY(eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err));
    EG_TRY(eg_vocab_index(vocab, prefix, prefix_length, in->arena, &model->continuing, err));
    model->vocab = vocab;
    model->max_chars = max_chars;
    model->unknown = eg_vocab_id(vocab, unknown, unknown_length);
    in->tokenizer->info.marks_pieces = prefix_length > 0;
    *out_state = model;
    return EG_OK;
}

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    const eg_json *entries, *unknown;
    const char *prefix = "##";
    size_t prefix_length = 2;
    int64_t max_chars = 100;
    EG_TRY(eg_read_member(in, spec, "vocab", EG_JSON_OBJECT, &entries, err));
    EG_TRY(eg_read_member(in, spec, "unk_token", EG_JSON_STRING, &unknown, err));
    if (eg_json_get(spec, "continuing_subword_prefix"))
        EG_TRY(eg_read_string(in, spec, "continuing_subword_prefix", &prefix, &prefix_length, err));
    EG_TRY(eg_read_int(in, spec, "max_input_chars_per_word", 0, INT32_MAX, &max_chars, err));
    EG_TRY(eg_vocab_load(in, entries, err));
    EG_TRY(eg_wordpiece_new(in, unknown->string, unknown->length, prefix, prefix_length, (size_t)max_chars, out_state,
                            err));
    if (((const eg_wordpiece *)*out_state)->unknown < 0)
        return eg_hint(
            err, eg_fail_json(in, unknown, err, "the unknown token '%.64s' is not in the vocabulary", unknown->string),
            "unk_token names an entry of vocab");
    return EG_OK;
}

/* The longest entry at the start of `rest`; its length is *out_length. -1 if there is none. */
static int32_t
longest_entry(const eg_vocab *vocab, const eg_token_index *index, const char *rest, size_t left, uint64_t *hashes,
              size_t *out_length)
{
    size_t limit = left < index->longest ? left : index->longest;
    if (limit > 1) {
        uint8_t near = index->near[eg_near_key((unsigned char)rest[0], (unsigned char)rest[1])];
        if (near != UINT8_MAX && near < limit)
            limit = near;
    }
    uint64_t hash = index->seed;
    for (size_t i = 0; i < limit; i++)
        hashes[i] = hash = eg_token_hash(hash, (unsigned char)rest[i]);
    for (size_t length = limit; length > 0; length--) {
        int32_t id = eg_vocab_find(vocab, index, hashes[length - 1], rest, length);
        if (id >= 0) {
            *out_length = length;
            return id;
        }
    }
    return -1;
}

void
eg_wordpiece_match(const eg_wordpiece *model, const char *word, size_t length, uint64_t *hashes, eg_tokens *out)
{
    const eg_token_index *index = &model->vocab->index;
    size_t first = out->count;
    for (size_t at = 0; at < length; index = &model->continuing) {
        size_t piece;
        int32_t id = longest_entry(model->vocab, index, word + at, length - at, hashes, &piece);
        if (id < 0) {
            out->count = first;
            eg_tokens_put(out, model->unknown, 0, (uint32_t)length);
            return;
        }
        eg_tokens_put(out, id, (uint32_t)at, (uint32_t)(at + piece));
        at += piece;
    }
}

size_t
eg_wordpiece_hashes(const eg_wordpiece *model)
{
    size_t a = model->vocab->index.longest, b = model->continuing.longest;
    return a > b ? a : b;
}

/* Byte ranges of a word become characters of the original. */
static void
place(const eg_chars *text, size_t at, eg_tokens *tokens, size_t first)
{
    uint32_t byte = 0;
    char encoded[4];
    for (size_t i = first; i < tokens->count; i++) {
        uint32_t end = tokens->ends[i];
        tokens->starts[i] = text->items[at].start;
        while (byte < end)
            byte += (uint32_t)eg_utf8_encode(text->items[at++].c, encoded);
        tokens->ends[i] = text->items[at - 1].end;
    }
}

static eg_status
encode(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err)
{
    const eg_wordpiece *model = state;
    size_t chars = word.end - word.begin, first = out->count, need;
    if (!eg_tokens_reserve(out, 1))
        return eg_fail_nomem(err, "tokens");
    if (chars > model->max_chars) {
        eg_tokens_put(out, model->unknown, work->text.items[word.begin].start, work->text.items[word.end - 1].end);
        return EG_OK;
    }
    need = eg_wordpiece_hashes(model);
    work->bytes.count = 0;
    if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, 4 * chars, 1) ||
        !eg_grow((void **)&work->hashes.items, &work->hashes.capacity, need, sizeof *work->hashes.items))
        return eg_fail_nomem(err, "tokens");
    for (size_t i = word.begin; i < word.end; i++)
        work->bytes.count += eg_utf8_encode(work->text.items[i].c, work->bytes.items + work->bytes.count);
    if (!eg_tokens_reserve(out, work->bytes.count))
        return eg_fail_nomem(err, "tokens");
    eg_wordpiece_match(model, work->bytes.items, work->bytes.count, work->hashes.items, out);
    place(&work->text, word.begin, out, first);
    return EG_OK;
}

const eg_model_type eg_model_wordpiece = {.name = "WordPiece", .load = load, .encode = encode};
