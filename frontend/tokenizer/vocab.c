/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "frontend/tokenizer/parts.h"

eg_status
eg_vocab_new(eg_vocab *vocab, eg_arena *arena, size_t ids, size_t bytes, eg_error *err)
{
    *vocab = (eg_vocab){.capacity = ids + 1};
    vocab->bytes = eg_arena_alloc(arena, bytes + ids + 1);
    vocab->begins = eg_arena_calloc(arena, ids + 1, sizeof *vocab->begins);
    vocab->lengths = eg_arena_calloc(arena, ids + 1, sizeof *vocab->lengths);
    if (!vocab->bytes || !vocab->begins || !vocab->lengths)
        return eg_fail_nomem(err, "a vocabulary");
    memset(vocab->lengths, 0xff, (ids + 1) * sizeof *vocab->lengths);
    return EG_OK;
}

bool
eg_vocab_set(eg_vocab *vocab, int32_t id, const char *token, size_t length)
{
    if (vocab->lengths[id] != EG_NO_TOKEN)
        return false;
    memcpy(vocab->bytes + vocab->used, token, length);
    vocab->bytes[vocab->used + length] = '\0';
    vocab->begins[id] = (uint32_t)vocab->used;
    vocab->lengths[id] = (uint32_t)length;
    vocab->used += length + 1;
    vocab->count++;
    if ((size_t)id >= vocab->ids)
        vocab->ids = (size_t)id + 1;
    return true;
}

static uint64_t
hash_of(const eg_token_index *index, const char *key, size_t length)
{
    uint64_t hash = index->seed;
    for (size_t i = 0; i < length; i++)
        hash = eg_token_hash(hash, (unsigned char)key[i]);
    return hash;
}

static void
note_length(eg_token_index *index, const char *key, size_t length)
{
    if (length > index->longest)
        index->longest = length;
    if (length < 2)
        return;
    uint8_t *near = &index->near[eg_near_key((unsigned char)key[0], (unsigned char)key[1])];
    uint8_t capped = length < UINT8_MAX ? (uint8_t)length : UINT8_MAX;
    if (capped > *near)
        *near = capped;
}

/* The slot of the key, or the empty one where it would go. */
static eg_token_slot *
find_slot(const eg_vocab *vocab, const eg_token_index *index, uint64_t hash, const char *key, size_t length)
{
    size_t mask = ((size_t)1 << (64 - index->shift)) - 1;
    uint64_t mixed = eg_token_hash_end(hash);
    uint32_t tag = (uint32_t)mixed;
    for (size_t i = mixed >> index->shift;; i = (i + 1) & mask) {
        eg_token_slot *slot = &index->slots[i];
        if (slot->id < 0)
            return slot;
        if (slot->tag == tag && vocab->lengths[slot->id] == length + index->skip &&
            memcmp(vocab->bytes + vocab->begins[slot->id] + index->skip, key, length) == 0)
            return slot;
    }
}

static bool
has_prefix(const eg_vocab *vocab, size_t id, const char *prefix, size_t length)
{
    return vocab->lengths[id] != EG_NO_TOKEN && vocab->lengths[id] >= length &&
           memcmp(vocab->bytes + vocab->begins[id], prefix, length) == 0;
}

static void
index_token(eg_vocab *vocab, eg_token_index *index, int32_t id, uint64_t hash)
{
    const char *key = vocab->bytes + vocab->begins[id] + index->skip;
    size_t length = vocab->lengths[id] - index->skip;
    eg_token_slot *slot = find_slot(vocab, index, hash, key, length);
    if (slot->id >= 0) {
        vocab->lengths[slot->id] = EG_NO_TOKEN;
        vocab->count--;
    }
    *slot = (eg_token_slot){(uint32_t)eg_token_hash_end(hash), id};
    note_length(index, key, length);
}

/* Hashes go ahead of the tokens, so that the cache misses of a large table overlap. */
static void
index_tokens(eg_vocab *vocab, const char *prefix, eg_token_index *index)
{
    enum { BATCH = 32 };
    uint64_t hashes[BATCH];
    int32_t ids[BATCH];
    for (size_t id = 0; id < vocab->ids;) {
        size_t count = 0;
        for (; id < vocab->ids && count < BATCH; id++) {
            if (!has_prefix(vocab, id, prefix, index->skip))
                continue;
            hashes[count] =
                hash_of(index, vocab->bytes + vocab->begins[id] + index->skip, vocab->lengths[id] - index->skip);
            __builtin_prefetch(&index->slots[eg_token_hash_end(hashes[count]) >> index->shift], 1);
            ids[count++] = (int32_t)id;
        }
        for (size_t i = 0; i < count; i++)
            index_token(vocab, index, ids[i], hashes[i]);
    }
}

eg_status
eg_vocab_index(eg_vocab *vocab, const char *prefix, size_t prefix_length, eg_arena *arena, eg_token_index *out,
               eg_error *err)
{
    size_t count = 0;
    uint32_t bits = 4;
    for (size_t id = 0; id < vocab->ids; id++)
        count += has_prefix(vocab, id, prefix, prefix_length);
    while (((size_t)1 << bits) < 2 * (count + 1))
        bits++;
    *out = (eg_token_index){.shift = 64 - bits, .skip = (uint32_t)prefix_length, .longest = 1};
    out->slots = eg_arena_alloc(arena, sizeof *out->slots << bits);
    out->near = eg_arena_alloc(arena, EG_NEAR_SIZE);
    if (!out->slots || !out->near)
        return eg_fail_nomem(err, "a vocabulary");
    memset(out->slots, 0xff, sizeof *out->slots << bits);
    memset(out->near, 1, EG_NEAR_SIZE);
    out->seed = eg_hash_seed(out->slots);
    index_tokens(vocab, prefix, out);
    return EG_OK;
}

int32_t
eg_vocab_find(const eg_vocab *vocab, const eg_token_index *index, uint64_t hash, const char *key, size_t length)
{
    return find_slot(vocab, index, hash, key, length)->id;
}

int32_t
eg_vocab_id(const eg_vocab *vocab, const char *token, size_t length)
{
    return eg_vocab_find(vocab, &vocab->index, hash_of(&vocab->index, token, length), token, length);
}
