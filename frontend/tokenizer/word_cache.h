/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the words of a text became, kept by an encoder for the next time: texts say the same words again and again. A
 * word of few bytes and few tokens has 64 bytes in a table of fixed size; newer words take the place of older ones.
 *
 * Thread-safety: a cache belongs to one eg_work.
 */
#ifndef EG_FRONTEND_TOKENIZER_WORD_CACHE_H
#define EG_FRONTEND_TOKENIZER_WORD_CACHE_H

#include <string.h>

#include "frontend/tokenizer/parts.h"

enum { EG_CACHED_BYTES = 32, EG_CACHED_TOKENS = 6, EG_CACHE_BITS = 13 };

typedef struct eg_word_key {
    uint64_t parts[EG_CACHED_BYTES / 8]; /* the word, then zeros */
} eg_word_key;

typedef struct eg_cached_word {
    eg_word_key key;
    int32_t ids[EG_CACHED_TOKENS];
    uint8_t length, count; /* bytes of the word, 0: none; its tokens */
    uint8_t ends[EG_CACHED_TOKENS];
} eg_cached_word;

typedef struct eg_word_cache {
    const eg_tokenizer *tokenizer; /* whose words they are */
    uint64_t opened;
    eg_cached_word words[(size_t)1 << EG_CACHE_BITS];
} eg_word_cache;

/* The cache of this encoder, empty if it was another tokenizer's. NULL: no memory. */
eg_word_cache *eg_word_cache_of(eg_work *work, const eg_tokenizer *tokenizer);

/* Appends the tokens of the word (1 to EG_CACHED_BYTES bytes) with their places in bytes; false: it is not known. */
static inline bool eg_word_cache_get(eg_word_cache *cache, const char *word, size_t length, eg_tokens *out);
/* Keeps the tokens of `out` from `first` on, which are the word's, if they fit. */
void eg_word_cache_put(eg_word_cache *cache, const char *word, size_t length, const eg_tokens *out, size_t first);

static inline eg_word_key
eg_word_key_of(const char *word, size_t length)
{
    eg_word_key key = {{0}};
    memcpy(key.parts, word, length);
    return key;
}

static inline size_t
eg_word_slot(const eg_word_key *key)
{
    uint64_t hash = key->parts[0] * UINT64_C(0x9e3779b97f4a7c15) ^ key->parts[1] * UINT64_C(0xbf58476d1ce4e5b9) ^
                    key->parts[2] * UINT64_C(0x94d049bb133111eb) ^ key->parts[3] * UINT64_C(0xd6e8feb86659fd93);
    return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - EG_CACHE_BITS);
}

static inline bool
eg_word_is(const eg_cached_word *known, const eg_word_key *key, size_t length)
{
    uint64_t differs = known->length ^ length;
    for (size_t i = 0; i < EG_CACHED_BYTES / 8; i++)
        differs |= known->key.parts[i] ^ key->parts[i];
    return differs == 0;
}

static inline bool
eg_word_cache_get(eg_word_cache *cache, const char *word, size_t length, eg_tokens *out)
{
    eg_word_key key = eg_word_key_of(word, length);
    size_t slot = eg_word_slot(&key);
    const eg_cached_word *known = &cache->words[slot];
    if (!eg_word_is(known, &key, length)) {
        known = &cache->words[slot ^ 1];
        if (!eg_word_is(known, &key, length))
            return false;
    }
    if (!eg_tokens_reserve(out, EG_CACHED_TOKENS))
        return false; /* whoever makes the tokens will find that there is no memory */
    uint32_t begin = 0;
    for (size_t i = 0; i < known->count; i++) {
        eg_tokens_put(out, known->ids[i], begin, known->ends[i]);
        begin = known->ends[i];
    }
    return true;
}

#endif
