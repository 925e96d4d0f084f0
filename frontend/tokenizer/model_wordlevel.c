/* SPDX-License-Identifier: Apache-2.0 */
/* WordLevel: a word is an entry of the vocabulary, or unknown. */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

typedef struct wordlevel {
    const eg_vocab *vocab;
    int32_t unknown;
} wordlevel;

static eg_status
load(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err)
{
    eg_vocab *vocab = &in->tokenizer->vocab;
    const eg_json *entries;
    const char *unknown = "<unk>";
    size_t length = 5;
    wordlevel *model = eg_arena_calloc(in->arena, 1, sizeof *model);
    if (!model)
        return eg_fail_nomem(err, "a vocabulary");
    EG_TRY(eg_read_member(in, spec, "vocab", EG_JSON_OBJECT, &entries, err));
    if (eg_json_get(spec, "unk_token"))
        EG_TRY(eg_read_string(in, spec, "unk_token", &unknown, &length, err));
    EG_TRY(eg_vocab_load(in, entries, err));
    EG_TRY(eg_vocab_index(vocab, "", 0, in->arena, &vocab->index, err));
    model->vocab = vocab;
    model->unknown = eg_vocab_id(vocab, unknown, length);
    if (model->unknown < 0)
        return eg_hint(err, eg_fail_json(in, spec, err, "the unknown token '%.64s' is not in the vocabulary", unknown),
                       "unk_token names an entry of vocab");
    *out_state = model;
    return EG_OK;
}

static eg_status
encode(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err)
{
    const wordlevel *model = state;
    const eg_char *text = work->text.items;
    int32_t id = -1;
    if (word.begin == word.end)
        return EG_OK;
    if (!eg_tokens_reserve(out, 1))
        return eg_fail_nomem(err, "tokens");
    if (word.end - word.begin <= model->vocab->index.longest) {
        work->bytes.count = 0;
        if (!eg_grow((void **)&work->bytes.items, &work->bytes.capacity, 4 * (word.end - word.begin), 1))
            return eg_fail_nomem(err, "tokens");
        for (size_t i = word.begin; i < word.end; i++)
            work->bytes.count += eg_utf8_encode(text[i].c, work->bytes.items + work->bytes.count);
        id = eg_vocab_id(model->vocab, work->bytes.items, work->bytes.count);
    }
    eg_tokens_put(out, id >= 0 ? id : model->unknown, text[word.begin].start, text[word.end - 1].end);
    return EG_OK;
}

const eg_model_type eg_model_wordlevel = {.name = "WordLevel", .load = load, .encode = encode};
