/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary as {"token": id, …}. */
#include "frontend/tokenizer/parts.h"

/* Ids are indices of tables and rows of weights: a file may leave gaps, but not put one entry at two thousand million. */
enum { MOST_GAPS_PER_ENTRY = 8, GAPS_FREE = 65536 };

eg_status
eg_vocab_load(eg_loading *in, const eg_json *entries, eg_error *err)
{
    size_t most = entries->count * MOST_GAPS_PER_ENTRY + GAPS_FREE, bytes = in->extra_bytes;
    int64_t largest = -1;
    if (entries->count > INT32_MAX / 16)
        return eg_fail_json(in, entries, err, "the vocabulary has %zu entries, too many", entries->count);
    for (size_t i = 0; i < entries->count; i++) {
        const eg_json *entry = &entries->items[i];
        if (entry->type != EG_JSON_INT)
            return eg_json_wrong_type(entry, in->file, "an id, an integer from 0", err);
        if (entry->integer < 0 || (uint64_t)entry->integer >= most)
            return eg_hint(err,
                           eg_fail_json(in, entry, err, "id %lld of '%.64s' in a vocabulary of %zu entries",
                                        (long long)entry->integer, entry->key, entries->count),
                           "ids count from 0 with few gaps");
        if (entry->integer > largest)
            largest = entry->integer;
        bytes += entry->key_length;
    }
    if (bytes >= EG_NO_TOKEN / 2)
        return eg_fail_json(in, entries, err, "the vocabulary has %zu bytes, too many", bytes);
    EG_TRY(eg_vocab_new(&in->tokenizer->vocab, in->arena, (size_t)(largest + 1) + in->extra_ids, bytes, err));
    for (size_t i = 0; i < entries->count; i++) {
        const eg_json *entry = &entries->items[i];
        if (!eg_vocab_set(&in->tokenizer->vocab, (int32_t)entry->integer, entry->key, entry->key_length))
            return eg_hint(err,
                           eg_fail_json(in, entry, err, "id %lld of '%.64s' is another entry's already",
                                        (long long)entry->integer, entry->key),
                           "each entry has its own id");
    }
    return EG_OK;
}
