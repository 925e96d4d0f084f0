/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/word_cache.h"

eg_word_cache *
eg_word_cache_of(eg_work *work, const eg_tokenizer *tokenizer)
{
    eg_word_cache *cache = work->cache;
    if (!cache) {
        cache = work->cache = eg_calloc(1, sizeof *cache);
        if (!cache)
            return NULL;
    } else if (cache->tokenizer == tokenizer && cache->opened == tokenizer->opened) {
        return cache;
    } else {
        memset(cache, 0, sizeof *cache);
    }
    cache->tokenizer = tokenizer;
    cache->opened = tokenizer->opened;
    return cache;
}

/* Whether each token begins where the one before it ends: only ends are kept. */
static bool
is_seamless(const eg_tokens *tokens, size_t first)
{
    uint32_t begin = 0;
    for (size_t i = first; i < tokens->count; begin = tokens->ends[i++])
        if (tokens->starts[i] != begin)
            return false;
    return true;
}

void
eg_word_cache_put(eg_word_cache *cache, const char *word, size_t length, const eg_tokens *out, size_t first)
{
    size_t count = out->count - first;
    if (length == 0 || length > EG_CACHED_BYTES || count > EG_CACHED_TOKENS || !is_seamless(out, first))
        return;
    eg_word_key key = eg_word_key_of(word, length);
    size_t slot = eg_word_slot(&key);
    eg_cached_word *kept = &cache->words[slot];
    if (kept->length > 0)
        cache->words[slot ^ 1] = *kept;
    *kept = (eg_cached_word){.key = key, .length = (uint8_t)length, .count = (uint8_t)count};
    for (size_t i = 0; i < count; i++) {
        kept->ids[i] = out->ids[first + i];
        kept->ends[i] = (uint8_t)out->ends[first + i];
    }
}
