/* SPDX-License-Identifier: Apache-2.0 */
/* Written by script/unicode-tables; change that. What the tables mean: unicode.h. */
#ifndef EG_FRONTEND_TOKENIZER_UNICODE_TABLES_H
#define EG_FRONTEND_TOKENIZER_UNICODE_TABLES_H

#include <stdint.h>

enum {
    EG_UNICODE_CANONICAL = 2060,
    EG_UNICODE_COMPATIBLE = 3678,
    EG_UNICODE_PAIRS = 940,
};

/* A character's bits, canonical combining class, class in grapheme clusters, what to add to it for its lower case. */
typedef struct eg_unicode_record {
    uint16_t flags;
    uint8_t ccc, grapheme;
    int32_t to_lower;
} eg_unicode_record;

extern const eg_unicode_record eg_unicode_records[];
extern const uint16_t eg_unicode_blocks[];
extern const uint8_t eg_unicode_index[];

/* Full decompositions: sorted characters, and for each offset << 5 | length into the strings. */
extern const uint32_t eg_unicode_canonical_from[], eg_unicode_canonical_into[];
extern const uint32_t eg_unicode_compatible_from[], eg_unicode_compatible_into[];
extern const uint32_t eg_unicode_strings[];

/* Canonical compositions, sorted by first, then second. */
extern const uint32_t eg_unicode_pair_first[], eg_unicode_pair_second[], eg_unicode_pair_into[];

#endif
