/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-tokenizer and model at once, on the bytes of a normalised stretch: a reader finds where each word ends, the cache
 * knows most words, the model (encode_bytes) does the others. The tokens are those of the general path.
 */
#ifndef EG_FRONTEND_TOKENIZER_FUSED_H
#define EG_FRONTEND_TOKENIZER_FUSED_H

#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/word_cache.h"

/* A stretch of normalised text, in bytes. */
typedef struct eg_stretch {
    const char *text;
    size_t length;
    const eg_char *chars; /* where its characters come from; NULL: the original's, of which `first` is the first */
    uint32_t first;
} eg_stretch;

/* Sees which pre-tokenizer and model there are. */
void eg_fused_new(eg_tokenizer *tokenizer);
/* Appends the tokens; it may stop once there are `limit` of them. */
EG_NODISCARD eg_status eg_fused_encode(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit,
                                       bool ids_only, eg_work *work, eg_tokens *out, eg_error *err);

/* fused_metaspace.c: the same for EG_FUSED_METASPACE; the stretch is not empty. */
EG_NODISCARD eg_status eg_fused_metaspace(const eg_tokenizer *tokenizer, const eg_stretch *stretch, size_t limit,
                                          bool ids_only, eg_word_cache *cache, eg_work *work, eg_tokens *out,
                                          eg_error *err);

/* Places in bytes of a stretch become characters of the original; words are asked in order. */
typedef struct eg_ruler {
    const eg_stretch *stretch;
    struct eg_ruler_mark {
        size_t byte, at; /* a byte, and the number of the character that has it */
    } begin, end;        /* of the last token: many may have the same place, of any length */
} eg_ruler;

/*
 * Those of the tokens of `out` from `first` on, which are those of the word at byte `word` of the stretch. prefixed: the
 * word that was encoded has a byte more in front, which shares the place of the next.
 */
void eg_ruler_place(eg_ruler *ruler, size_t word, bool prefixed, eg_tokens *out, size_t first);

/* Appends the tokens of a word, with their places in its bytes. */
EG_NODISCARD static inline eg_status
eg_fused_word(const eg_tokenizer *tokenizer, const char *word, size_t length, eg_word_cache *cache, eg_work *work,
              eg_tokens *out, eg_error *err)
{
    size_t first = out->count;
    if (length <= EG_CACHED_BYTES && eg_word_cache_get(cache, word, length, out))
        return EG_OK;
    EG_TRY(tokenizer->model_type->encode_bytes(tokenizer->model, &tokenizer->fused, word, length, work, out, err));
    eg_word_cache_put(cache, word, length, out, first);
    return EG_OK;
}

#endif
