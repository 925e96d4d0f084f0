/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/by_word.h"

#include "base/utf8.h"
#include "frontend/tokenizer/unicode.h"

extern const eg_part_type eg_normalizer_bert, eg_pretokenizer_bert;

/* ---- A word ---- */

/* The word in UTF-8, if it is short; else 0. */
static size_t
spell_short(const eg_chars *word, char out[EG_CACHED_BYTES + 4])
{
    size_t length = 0;
    for (size_t i = 0; i < word->count; i++) {
        if (length >= EG_CACHED_BYTES)
            return 0;
        length += eg_utf8_encode(word->items[i].c, out + length);
    }
    return length <= EG_CACHED_BYTES ? length : 0;
}

/* The cache is for ids alone: its places are in bytes. */
static eg_status
encode_word(const eg_tokenizer *tokenizer, eg_work *work, eg_tokens *out, eg_error *err)
{
    char bytes[EG_CACHED_BYTES + 4];
    size_t first = out->count, length = work->ids_only ? spell_short(&work->text, bytes) : 0;
    eg_word_cache *cache = length > 0 ? eg_word_cache_of(work, tokenizer) : NULL;
    if (length > 0 && !cache)
        return eg_fail_nomem(err, "an encoder");
    if (cache && eg_word_cache_get(cache, bytes, length, out))
        return EG_OK;
    EG_TRY(tokenizer->model_type->encode(tokenizer->model, work, (eg_span){0, work->text.count}, out, err));
    if (cache)
        eg_word_cache_put(cache, bytes, length, out, first);
    return EG_OK;
}

eg_status
eg_by_word_end(const eg_tokenizer *tokenizer, eg_work *work, eg_tokens *out, eg_error *err)
{
    if (work->text.count == 0)
        return EG_OK;
    EG_TRY(encode_word(tokenizer, work, out, err));
    work->text.count = 0;
    return eg_work_end_word(work, out) ? EG_OK : eg_fail_nomem(err, "words");
}

/* ---- BERT's words ---- */

static eg_status
encode_bert(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit, eg_work *work, eg_tokens *out,
            eg_error *err)
{
    const eg_bert_normalizer *bert = tokenizer->pretokenizer.state;
    const unsigned dropped = bert->clean_text ? EG_CHAR_REMOVED : 0;
    const unsigned alone = EG_CHAR_PUNCT | (bert->handle_chinese_chars ? EG_CHAR_CJK : 0);
    eg_char one = {.end = stretch->first};
    work->text.count = 0;
    for (size_t at = 0; at < stretch->length && out->count < limit;) {
        at += eg_utf8_decode(stretch->text + at, stretch->length - at, &one.c);
        one.start = one.end++;
        unsigned flags = eg_unicode(one.c)->flags;
        if (flags & dropped)
            continue;
        if (flags & (alone | EG_CHAR_WHITE))
            EG_TRY(eg_by_word_end(tokenizer, work, out, err));
        if (!(flags & EG_CHAR_WHITE) && !EG_PUSH(&work->text, one))
            return eg_fail_nomem(err, "a word");
        if (flags & alone)
            EG_TRY(eg_by_word_end(tokenizer, work, out, err));
    }
    return eg_by_word_end(tokenizer, work, out, err);
}

static const eg_part_type bert_by_word = {.name = "BertPreTokenizer", .encode = encode_bert};

void
eg_by_word_new(eg_tokenizer *tokenizer)
{
    const eg_bert_normalizer *bert = tokenizer->normalizer.state;
    bool suits = tokenizer->normalizer.type == &eg_normalizer_bert && !bert->strip_accents && !bert->lowercase &&
                 tokenizer->pretokenizer.type == &eg_pretokenizer_bert && !tokenizer->fast.usable;
    for (size_t i = 0; i < tokenizer->added.count; i++)
        suits = suits && !tokenizer->added.tokens[i].normalized;
    if (suits)
        tokenizer->pretokenizer = (eg_part){&bert_by_word, bert};
}
