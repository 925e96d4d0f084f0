/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SentencePiece's map of characters: the length of a double-array trie (4 bytes), the trie's units (4 bytes each, all
 * little-endian), then the replacements, each ended by a NUL. A unit holds a label, whether a key ends there, and where
 * its children are; the child 0 of a unit where a key ends holds the place of the replacement.
 */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"

enum { BLOCK = 256, UNIT = 4 }; /* the children of a unit are within one block */

static const uint32_t leaf = UINT32_C(1) << 31;

static uint32_t
read_u32(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t
label_of(uint32_t unit)
{
    return unit & (leaf | 0xff);
}

/* The place of the unit's children, but for their labels. */
static uint32_t
children_of(uint32_t at, uint32_t unit)
{
    return at ^ (unit >> 10) << ((unit & 1u << 9) >> 6);
}

static bool
ends_key(uint32_t unit)
{
    return (unit & 1u << 8) != 0;
}

/* Each unit's children are units, and each key's replacement is one of the strings. */
static eg_status
check_units(eg_loading *in, const eg_charsmap *map, size_t strings_length, const eg_json *where, eg_error *err)
{
    for (uint32_t at = 0; at < map->count; at++) {
        uint32_t unit = map->units[at], children = children_of(at, unit);
        if (unit & leaf && at > 0) /* the root is always gone through */
            continue;
        if (children >= map->count)
            return eg_fail_json(in, where, err, "unit %u of the charsmap points to unit %u of %zu", at, children,
                                map->count);
        if (!ends_key(unit))
            continue;
        uint32_t value = map->units[children];
        if (!(value & leaf))
            return eg_fail_json(in, where, err, "unit %u of the charsmap ends a key and has no replacement", at);
        value &= ~leaf;
        if (value >= strings_length || ((unsigned char)map->strings[value] & 0xc0) == 0x80)
            return eg_fail_json(in, where, err, "a replacement of the charsmap begins at byte %u of %zu", value,
                                strings_length);
    }
    return EG_OK;
}

eg_status
eg_charsmap_new(eg_loading *in, const unsigned char *blob, size_t length, const eg_json *where, eg_charsmap *out,
                eg_error *err)
{
    size_t trie = length >= UNIT ? read_u32(blob) : 0, bad;
    *out = (eg_charsmap){0};
    if (length < UNIT || trie > length - UNIT)
        return eg_hint(err, eg_fail_json(in, where, err, "the charsmap has %zu bytes, and its trie %zu", length, trie),
                       "4 bytes with the trie's length, the trie, the replacements");
    if (trie == 0 || trie % (BLOCK * UNIT) != 0)
        return eg_hint(err, eg_fail_json(in, where, err, "the charsmap's trie has %zu bytes", trie),
                       "a trie is made of blocks of %d bytes", BLOCK * UNIT);
    size_t strings_length = length - UNIT - trie;
    const char *strings = (const char *)blob + UNIT + trie;
    if (strings_length > 0 && strings[strings_length - 1] != '\0')
        return eg_fail_json(in, where, err, "the charsmap's last replacement does not end");
    if (!eg_utf8_valid(strings, strings_length, &bad))
        return eg_fail_json(in, where, err, "the charsmap's replacements are not valid UTF-8 at byte %zu", bad);
    out->count = trie / UNIT;
    uint32_t *units = eg_arena_calloc(in->arena, out->count, sizeof *units);
    out->strings = eg_arena_strndup(in->arena, strings, strings_length);
    if (!units || !out->strings)
        return eg_fail_nomem(err, "a charsmap");
    for (size_t i = 0; i < out->count; i++)
        units[i] = read_u32(blob + UNIT + UNIT * i);
    out->units = units;
    return check_units(in, out, strings_length, where, err);
}

/* Of the keys that the text begins with, the first. No key has a NUL. */
const char *
eg_charsmap_find(const eg_charsmap *map, const char *text, size_t length)
{
    uint32_t at = children_of(0, map->units[0]);
    for (size_t i = 0; i < length && text[i] != '\0'; i++) {
        at ^= (unsigned char)text[i];
        uint32_t unit = map->units[at];
        if (label_of(unit) != (unsigned char)text[i])
            return NULL;
        at = children_of(at, unit);
        if (ends_key(unit))
            return map->strings + (map->units[at] & ~leaf);
    }
    return NULL;
}
