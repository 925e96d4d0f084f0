/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from byte strings to 64-bit numbers (or indices of the caller's array). Keys are not copied: they
 * must outlive the map. A seeded hash (a hostile file cannot make its keys collide), open addressing, load ≤ 1/2.
 * Thread-safety: readers may run together; a writer needs the map alone.
 */
#ifndef EG_BASE_MAP_H
#define EG_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct eg_map_slot {
    const char *key; /* NULL: empty */
    uint32_t length;
    uint32_t hash;
    uint64_t value;
} eg_map_slot;

typedef struct eg_map { /* {0} is an empty map */
    eg_map_slot *slots;
    size_t count, capacity; /* capacity 0 or a power of two */
    uint64_t seed;          /* of the hash, chosen at the first insertion */
} eg_map;

bool eg_map_reserve(eg_map *map, size_t count);
/* Inserts; if the key is there already, *out_existing (may be NULL) is set to true and nothing changes. */
bool eg_map_put(eg_map *map, const char *key, size_t length, uint64_t value, bool *out_existing);
/* Inserts or replaces, key pointer included. */
bool eg_map_set(eg_map *map, const char *key, size_t length, uint64_t value);
bool eg_map_get(const eg_map *map, const char *key, size_t length, uint64_t *out_value);
void eg_map_finish(eg_map *map);

/* The map's hash, for tables of another shape. seed: eg_hash_seed() of memory that was just allocated. */
uint32_t eg_hash(uint64_t seed, const char *key, size_t length);
uint64_t eg_hash_seed(const void *allocated);

/* Fewest single-character insertions, deletions, replacements or neighbour swaps between a and b, at most `limit` + 1.
 */
size_t eg_edit_distance(const char *a, const char *b, size_t limit);
/* The name nearest to `word`, or NULL if none is near enough to be a likely misspelling. */
const char *eg_nearest(const char *word, const char *const *names, size_t count);

#endif
