/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <string.h>

#include "base/checked.h"
#include "base/mem.h"

/* The two halves of a 128-bit product, folded: every bit of a and b reaches every bit of the result. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Eight bytes at a time. Without knowing the seed, nobody can write a file of keys that all fall together. */
uint32_t
eg_hash(uint64_t seed, const char *key, size_t length)
{
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = seed ^ length, word;
    for (; length >= sizeof word; length -= sizeof word, key += sizeof word) {
        memcpy(&word, key, sizeof word);
        h = mix(h ^ word, odd ^ seed);
    }
    word = 0;
    if (length > 0)
        memcpy(&word, key, length);
    h = mix(h ^ word, odd ^ seed);
    return (uint32_t)(h ^ h >> 32);
}

/* Unlike in the next process, as far as the system moves its memory about. */
uint64_t
eg_hash_seed(const void *allocated)
{
    int local;
    return mix((uintptr_t)allocated ^ UINT64_C(0xd6e8feb86659fd93), (uintptr_t)&local ^ UINT64_C(0xa0761d6478bd642f));
}

static eg_map_slot *
find_slot(const eg_map *map, const char *key, size_t length, uint32_t hash)
{
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        eg_map_slot *slot = &map->slots[i];
        if (!slot->key || (slot->hash == hash && slot->length == length && memcmp(slot->key, key, length) == 0))
            return slot;
    }
}

bool
eg_map_reserve(eg_map *map, size_t count)
{
    size_t need;
    if (count > UINT32_MAX / 4 || !eg_mul_size(count, 2, &need))
        return false;
    if (need <= map->capacity)
        return true;
    size_t capacity = map->capacity ? map->capacity : 16;
    while (capacity < need)
        capacity *= 2;
    eg_map_slot *slots = eg_calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    uint64_t seed = map->capacity ? map->seed : eg_hash_seed(slots);
    eg_map grown = {slots, map->count, capacity, seed};
    for (size_t i = 0; i < map->capacity; i++) {
        const eg_map_slot *old = &map->slots[i];
        if (old->key)
            *find_slot(&grown, old->key, old->length, old->hash) = *old;
    }
    eg_free(map->slots);
    *map = grown;
    return true;
}

bool
eg_map_put(eg_map *map, const char *key, size_t length, uint64_t value, bool *out_existing)
{
    if (out_existing)
        *out_existing = false;
    if (length > UINT32_MAX || !eg_map_reserve(map, map->count + 1))
        return false;
    uint32_t hash = eg_hash(map->seed, key, length);
    eg_map_slot *slot = find_slot(map, key, length, hash);
    if (slot->key) {
        if (out_existing)
            *out_existing = true;
        return true;
    }
    *slot = (eg_map_slot){key, (uint32_t)length, hash, value};
    map->count++;
    return true;
}

bool
eg_map_set(eg_map *map, const char *key, size_t length, uint64_t value)
{
    if (length > UINT32_MAX || !eg_map_reserve(map, map->count + 1))
        return false;
    uint32_t hash = eg_hash(map->seed, key, length);
    eg_map_slot *slot = find_slot(map, key, length, hash);
    map->count += !slot->key;
    *slot = (eg_map_slot){key, (uint32_t)length, hash, value};
    return true;
}

bool
eg_map_get(const eg_map *map, const char *key, size_t length, uint64_t *out_value)
{
    if (map->count == 0 || length > UINT32_MAX)
        return false;
    const eg_map_slot *slot = find_slot(map, key, length, eg_hash(map->seed, key, length));
    if (!slot->key)
        return false;
    if (out_value)
        *out_value = slot->value;
    return true;
}

void
eg_map_finish(eg_map *map)
{
    eg_free(map->slots);
    *map = (eg_map){0};
}

enum { EDIT_MAX = 64 };

size_t
eg_edit_distance(const char *a, const char *b, size_t limit)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > EDIT_MAX || m > EDIT_MAX)
        return limit + 1;
    size_t rows[3][EDIT_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *previous = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = previous[j - 1] + (a[i - 1] != b[j - 1]);
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    size_t distance = rows[n % 3][m];
    return distance > limit ? limit + 1 : distance;
}

const char *
eg_nearest(const char *word, const char *const *names, size_t count)
{
    size_t length = strlen(word);
    size_t limit = length <= 3 ? 1 : length <= 8 ? 2 : 3;
    const char *best = NULL;
    size_t best_distance = limit + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = eg_edit_distance(word, names[i], limit);
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}
