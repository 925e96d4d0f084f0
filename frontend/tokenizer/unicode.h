/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Hugging Face's library holds true of each character. It mixes versions of Unicode; script/unicode-tables says
 * which property is of which. Thread-safety: safe.
 */
#ifndef EG_FRONTEND_TOKENIZER_UNICODE_H
#define EG_FRONTEND_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>

#include "frontend/tokenizer/unicode_tables.h"

enum {
    EG_CHAR_WHITE = 1 << 0,      /* White_Space */
    EG_CHAR_REMOVED = 1 << 1,    /* clean_text drops it */
    EG_CHAR_PUNCT = 1 << 2,      /* BertPreTokenizer and Punctuation cut it out */
    EG_CHAR_NONSPACING = 1 << 3, /* BertNormalizer's strip_accents drops it */
    EG_CHAR_MARK = 1 << 4,       /* StripAccents drops it */
    EG_CHAR_WORD = 1 << 5,       /* \w */
    EG_CHAR_NUMERIC = 1 << 6,    /* Digits cuts at it */
    EG_CHAR_CANONICAL = 1 << 7,  /* NFD changes it */
    EG_CHAR_COMPATIBLE = 1 << 8, /* NFKD changes it */
    EG_CHAR_CJK = 1 << 9,        /* handle_chinese_chars puts blanks around it */
    EG_CHAR_LETTER = 1 << 10,    /* \p{L} of ByteLevel and Split */
    EG_CHAR_COMPOSES = 1 << 11,  /* NFC changes it, or joins it to what is before it */
    EG_CHAR_NUMBER = 1 << 12,    /* \p{N} of ByteLevel and Split */
};

/* The classes of Grapheme_Cluster_Break; the last four are parts of Other and Extend that more rules speak about. */
typedef enum eg_grapheme {
    EG_GRAPHEME_OTHER,
    EG_GRAPHEME_CR,
    EG_GRAPHEME_LF,
    EG_GRAPHEME_CONTROL,
    EG_GRAPHEME_EXTEND,
    EG_GRAPHEME_ZWJ,
    EG_GRAPHEME_PREPEND,
    EG_GRAPHEME_REGIONAL,
    EG_GRAPHEME_SPACING,
    EG_GRAPHEME_L, /* Hangul: leading consonant, vowel, trailing consonant, and syllables of these */
    EG_GRAPHEME_V,
    EG_GRAPHEME_T,
    EG_GRAPHEME_LV,
    EG_GRAPHEME_LVT,
    EG_GRAPHEME_PICTOGRAPHIC, /* Other: Extended_Pictographic */
    EG_GRAPHEME_CONSONANT,    /* Other: of an Indic conjunct */
    EG_GRAPHEME_LINKER,       /* Extend: of an Indic conjunct */
    EG_GRAPHEME_APART,        /* Extend: ends a conjunct */
} eg_grapheme;

#define EG_UNICODE_LONGEST 18 /* characters of the longest decomposition */

static inline const eg_unicode_record *
eg_unicode(uint32_t c)
{
    return &eg_unicode_records[eg_unicode_index[(uint32_t)eg_unicode_blocks[c >> 7] << 7 | (c & 127)]];
}

static inline bool
eg_char_is(uint32_t c, unsigned flags)
{
    return (eg_unicode(c)->flags & flags) != 0;
}

/* Lower case, one or two characters; no context. */
static inline size_t
eg_char_lower(uint32_t c, uint32_t out[2])
{
    if (c == 0x130) { /* the only one that becomes two */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)((int32_t)c + eg_unicode(c)->to_lower);
    return 1;
}

/* The full canonical (or compatibility) decomposition; a character without one gives itself. */
size_t eg_char_decompose(uint32_t c, bool compatible, uint32_t out[EG_UNICODE_LONGEST]);

/* The character that the two compose to, or 0. */
uint32_t eg_char_compose(uint32_t first, uint32_t second);

#endif
